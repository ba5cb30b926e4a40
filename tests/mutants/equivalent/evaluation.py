"""Mutants of minillm.evaluation that compute the same."""

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {
    "evaluation/interpolated.py": {
        (
            "never_counted = [[1 / vocab_size]] + [[0.0]] * order",
            f"never_counted = [[{other}]] + [[0.0]] * order",
        ): "The one component that gives this token a chance is responsible for all of it, "
        "however large the chance: w p / (w p) is 1, to rounding."
        for other in ("(1 * vocab_size)", "(1)", "(vocab_size / 1)", "(2) / vocab_size")
    }
    | {
        (
            "weights = np.full(len(components), 1 / len(components))",
            f"weights = np.full(len(components), {other})",
        ): "A factor of all weights cancels in the first step, which divides by their "
        "mixture: to rounding the steps are the same."
        for other in (
            "(1 * len(components))",
            "(1)",
            "(len(components) / 1)",
            "(2) / len(components)",
        )
    }
    | {
        (
            "return np.stack(components)",
            "return (components)",
        ): "Both who ask for the list of rows make an array of it: hstack and `weights @`.",
        (
            "if not (np.abs(weights - before) > tolerance).any():",
            "if not (np.abs((before - weights)) > tolerance).any():",
        ): "|a - b| is |b - a|, to the last bit.",
    },
    "evaluation/ngram_lm.py": {
        (
            "p = self.ngrams.distribution(text[max(0, end - longest) : end])",
            "p = self.ngrams.distribution(text[:end])",
        ): "distribution looks at the last order - 1 tokens of a context: it takes longer.",
        (
            "return lambda token_id: self.step(np.array([[token_id]]), caches)[0, 0]",
            "return lambda token_id: self.step(np.array([[token_id]]), caches)[(-1), 0]",
        ): "There is one sequence, which is the first and the last.",
        (
            "return lambda token_id: self.step(np.array([[token_id]]), caches)[0, 0]",
            "return lambda token_id: self.step(np.array([[token_id]]), caches)[0, (-1)]",
        ): "There is one token, which is the first and the last.",
        (
            "self.ids = np.zeros((0, 0), np.int64)",
            "self.ids = np.zeros(((1), 0), np.int64)",
        ): "Before tokens were read nobody looks at the rows, and there are no columns.",
    },
    "evaluation/ngrams.py": {
        (
            "with_next = np.append(context.astype(np.int64), 0)",
            f"with_next = np.append(context.astype(np.int64), {other})",
        ): "The contexts of a token depend on those before it: any may stand for the next."
        for other in ("(1)", "(-1)")
    },
}
