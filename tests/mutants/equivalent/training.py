"""Mutants of minillm.training that compute the same."""

OF_PART = "# numbers that are updated together, so that temporaries stay in the cache"

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {
    "training/encoder_objectives.py": {
        (
            "return inputs, np.where(mask.any(-1), labels, F.IGNORED), mask",
            "return inputs, np.where(mask.any((1)), labels, F.IGNORED), mask",
        ): "A mask has the shape of inputs, (batch, seq_len): its last axis is axis 1.",
    },
    "training/sequence_objectives.py": {
        (
            "asked = target_mask & source_mask.any(-1, keepdims=True)",
            "asked = target_mask & source_mask.any((1), keepdims=True)",
        ): "A source mask has two axes, (batch, n_source): its last axis is axis 1.",
    },
    "training/optimizers.py": {
        (
            f"PART = 1 << 15 {OF_PART}",
            f"PART = {other} {OF_PART}",
        ): "Each number is updated by itself: where parts are cut changes the speed alone."
        for other in ("(1)", "(2) << 15", "1 << (16)", "1 << (14)")
    },
    "training/parallel.py": {
        (
            "n_shards = min(threads * self.accumulate, len(batch[0]))",
            "n_shards = min(threads * self.accumulate, len(batch[(-1)]))",
        ): "The arrays of a batch are cut along first axes that are equally long.",
        (
            "for part in _shards(len(batch[0]), n_shards)[i::threads]:",
            "for part in _shards(len(batch[(-1)]), n_shards)[i::threads]:",
        ): "The arrays of a batch are cut along first axes that are equally long.",
    },
    "training/trainer.py": {
        (
            "rng = F.Draws(self.settings.seed, self.step, range(len(batch[0])))",
            "rng = F.Draws(self.settings.seed, self.step, range(len(batch[(-1)])))",
        ): "The arrays of a batch are cut along first axes that are equally long.",
        (
            "if self.folder is None or self.saved_step is None:",
            "if ((self.saved_step is None)):",
        ): "Only save and resume set saved_step, and both need a folder: without one it "
        "is None. The condition tells the type checker that there is a folder.",
    },
}
