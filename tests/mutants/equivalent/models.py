"""Mutants of minillm.models that compute the same."""

AS_LONG_AS_THE_FIRST = (
    "A model makes its caches together, and every step adds as much to each of them: they "
    "are all as long as the first, and of as many rows."
)
FOR_TYPES = (
    "TYPE_CHECKING is False wherever a program runs: only a type checker reads the import."
)
IF_TYPES = {("if TYPE_CHECKING:", "if (False):"): FOR_TYPES}

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {
    "models/decoder_only.py": {
        (
            "start = len(caches[0])",
            "start = len(caches[(-1)])",
        ): AS_LONG_AS_THE_FIRST,
    },
    "models/reading.py": IF_TYPES
    | {
        (
            "model, n_sources = self.model, len(caches[0].memory.k)",
            "model, n_sources = self.model, len(caches[(-1)].memory.k)",
        ): AS_LONG_AS_THE_FIRST,
        (
            "h, _ = model.embed_target(ids, start=len(caches[0]))",
            "h, _ = model.embed_target(ids, start=len(caches[(-1)]))",
        ): AS_LONG_AS_THE_FIRST,
    },
    "models/single_step.py": IF_TYPES
    | {
        (
            "model, start = self.model, len(self.caches[0])",
            "model, start = self.model, len(self.caches[(-1)])",
        ): AS_LONG_AS_THE_FIRST,
        (
            "if isinstance(norm, LayerNorm):",
            "if (False):",
        ): "The layer's own call computes the same equation, to rounding: what stands here "
        "does it with fewer calls, for speed.",
    },
}
