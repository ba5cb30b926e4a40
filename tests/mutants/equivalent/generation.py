"""Mutants of minillm.generation that compute the same."""

ONE_ROW = "The batch is one text, so that its last row is its first."
ALIKE = "The caches of a model have read the same: each says how many tokens that is."
START = "beam = _Beam(np.zeros((1, 0), int), np.zeros(1), np.zeros((1, 1)))"
FIRST_ROW = (
    "The first continuations all continue row 0, of which log_p has the only one: a second "
    "row beside it is never taken."
)
UNREAD = (
    "Without a coverage penalty nothing reads what was covered: any array will do that can "
    "be added up and has one row, or a row for each text."
)

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {
    "generation/arguments.py": {
        (
            "off = totals[np.abs(totals - 1) > 1e-4]",
            "off = totals[np.abs((1 - totals)) > 1e-4]",
        ): "|totals - 1| = |1 - totals|, to the last bit.",
        (
            "off = totals[np.abs(totals - 1) > 1e-4]",
            "off = totals[(np.abs(totals - 1) >= 1e-4)]",
        ): "Above 1/2 a float64 less 1 is a multiple of 2^-53, which 1e-4 in float64 is "
        "not; below, it is far from 1. So nothing is off by 1e-4 exactly.",
    },
    "generation/batch.py": {
        (
            "tokens = arguments.checked_logits(logits).argmax(-1)",
            "tokens = arguments.checked_logits(logits).argmax((1))",
        ): "Logits of one position have two axes, (batch, vocab_size): the last is axis 1.",
        (
            "if live.size < rows.size:",
            "if (live.size <= rows.size):",
        ): "If all are live, all rows are selected in their order: for nothing.",
    },
    "generation/beam.py": {
        (
            START,
            "beam = _Beam(np.zeros(((2), 0), int), np.zeros(1), np.zeros((1, 1)))",
        ): FIRST_ROW,
        (
            START,
            "beam = _Beam(np.zeros((1, 0), int), np.zeros(1), np.zeros(((2), 1)))",
        ): FIRST_ROW,
        (
            "for n in range(1, max_new_tokens + 1):",
            "for n in range(1, max_new_tokens + (2)):",
        ): "At n = max_new_tokens all that is live has ended, and the loop breaks.",
        (
            "return log_p, np.zeros((len(log_p), 0))",
            "return log_p, (((len(log_p), 0)))",
        ): UNREAD,
        (
            "return log_p, np.zeros((len(log_p), 0))",
            "return log_p, np.zeros((len(log_p), (1)))",
        ): UNREAD,
        (
            "real = slice(None) if mask is None else to_host(mask)[0]",
            "real = slice(None) if mask is None else to_host(mask)[(-1)]",
        ): ONE_ROW,
    },
    "generation/decoding.py": {
        (
            "if len(caches[0]) + len(unread) > longest:",
            "if len(caches[(-1)]) + len(unread) > longest:",
        ): ALIKE,
        (
            "if len(caches[0]):",
            "if len(caches[(-1)]):",
        ): ALIKE,
        (
            "logits = model.step(np.array([unread]), caches)[0, -1]",
            "logits = model.step(np.array([unread]), caches)[(-1), -1]",
        ): ONE_ROW,
        (
            "probabilities = settings.distribution(to_host(logits), np.array(context))",
            "probabilities = settings.distribution(to_host(logits), (context))",
        ): "A list becomes that array where the repetition penalty reads it.",
    },
    "generation/sampling.py": {
        (
            "if k >= z.shape[-1]:",
            "if (k > z.shape[-1]):",
        ): "With k = vocab_size nothing is below the boundary, the least logit, and there "
        "is room for all that tie there: all stay, as they do at once.",
        (
            "scaled = np.where(z > 0, z / penalty, z * penalty)",
            "scaled = np.where((z >= 0), z / penalty, z * penalty)",
        ): "They differ where z is 0, and 0 / penalty = 0 penalty: the penalty is finite "
        "and not 0.",
        (
            "return order, np.take_along_axis(probabilities(z), order, axis=-1).cumsum(-1)",
            "return order, (np.take_along_axis(probabilities(z), order)).cumsum(-1)",
        ): "The last axis is what NumPy takes unless told otherwise, from 2.3 on; before, "
        "it has to be told.",
        (
            "by_id = np.empty_like(stays)",
            "by_id = (stays)",
        ): "Every element is written, and where NumPy writes to what it reads it reads a "
        "copy; stays is not read again.",
    },
}
