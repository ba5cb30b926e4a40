"""Writing that continues something else: a source, or a prefix that is read both ways."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.functional.masks import check_mask
from minillm.training.fit import call_model, check_batch, check_integers
from minillm.training.objectives import Batch, count, token_loss
from minillm.types import Array


@dataclass(frozen=True)
class SequenceToSequence:
    """Say the target, given the source (Sutskever et al. 2014, eq. 1).

        loss = mean of -log p(targets[t] | source, inputs[: t + 1])

    A batch is (source, inputs, targets, source_mask, target_mask), as data.PairExamples
    gives it: source and its mask (batch, n_source), the others (batch, n_target). Targets
    count unless they are IGNORED (-100), padding, or asked of a source that is nothing
    but padding. Vaswani et al. 2017, sec. 5.4, has label_smoothing 0.1.
    """

    label_smoothing: float = 0.0

    def __call__(self, model: Any, batch: Batch, rng: F.Draws | None) -> tuple[Array, Any]:
        source, inputs, targets, source_mask, target_mask = self.read(batch)
        masks = {"source_mask": source_mask, "target_mask": target_mask}
        logits, model_backward = call_model(self, model, source, inputs, **masks, rng=rng)
        return token_loss(logits, model_backward, targets, self.label_smoothing)

    def n_targets(self, batch: Batch) -> int:
        return count(self.read(batch)[2])

    def read(self, batch: Batch) -> Batch:
        """The batch, checked, with the targets that cannot be asked for IGNORED."""
        check_batch(self, batch, "source, inputs, targets, source_mask, target_mask")
        source, inputs, targets, source_mask, target_mask = batch
        if len(source) != len(inputs):
            raise ValueError(
                f"source has a batch of {len(source)}, inputs one of {len(inputs)}: give "
                f"each source its target"
            )
        check_integers("targets", targets, inputs.shape)
        check_mask("source_mask", source_mask, source.shape)
        check_mask("target_mask", target_mask, inputs.shape)
        asked = target_mask & source_mask.any(-1, keepdims=True)
        return source, inputs, np.where(asked, targets, F.IGNORED), source_mask, target_mask


@dataclass(frozen=True)
class PrefixNextToken:
    """Prefix language modelling (Raffel et al. 2020, sec. 3.2.3): say what follows.

        loss = mean of -log p(targets[t] | prefix, inputs[: t + 1])
               over t >= prefix_length - 1

    A batch is (inputs, targets, prefix_lengths), as data.PrefixWindows gives it, the
    first two (batch, seq_len), the last (batch,). Position prefix_length - 1 is the last
    of the prefix; before it a target lies within the prefix, where the model reads it,
    and is IGNORED (-100) whatever the batch says.
    """

    label_smoothing: float = 0.0

    def __call__(self, model: Any, batch: Batch, rng: F.Draws | None) -> tuple[Array, Any]:
        inputs, targets, prefix_lengths = self.read(batch)
        logits, model_backward = call_model(
            self, model, inputs, prefix_lengths=prefix_lengths, rng=rng
        )
        return token_loss(logits, model_backward, targets, self.label_smoothing)

    def n_targets(self, batch: Batch) -> int:
        return count(self.read(batch)[1])

    def read(self, batch: Batch) -> Batch:
        """The batch, checked, with the targets inside the prefix IGNORED."""
        check_batch(self, batch, "inputs, targets, prefix_lengths")
        inputs, targets, prefix_lengths = batch
        check_integers("targets", targets, inputs.shape)
        check_integers("prefix_lengths", prefix_lengths, inputs.shape[:1])
        positions = np.arange(inputs.shape[1], like=prefix_lengths)
        after = positions >= prefix_lengths[:, None] - 1
        return inputs, np.where(after, targets, F.IGNORED), prefix_lengths
