"""What a model is trained on: a batch, its loss, and how much that loss weighs."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from minillm import functional as F
from minillm.types import Array

Batch = tuple[Array, ...]


class Objective(Protocol):
    """The mean loss of a batch, and the number of targets that the mean is over.

    A batch is cut into shards along its first axis; the loss of the whole is that of
    the shards, weighed by their share of the targets.
    """

    def __call__(
        self, model: Any, batch: Batch, rng: F.Draws | None
    ) -> tuple[Array, Any]: ...

    def n_targets(self, batch: Batch) -> int: ...


@dataclass(frozen=True)
class NextToken:
    """Causal language modelling (Radford et al. 2018, eq. 1): predict what follows.

        loss = mean of -log p(targets[t] | inputs[: t + 1])

    A batch is (inputs, targets), both (batch, seq_len) of ids; targets IGNORED (-100)
    do not count.
    """

    label_smoothing: float = 0.0

    def __call__(self, model: Any, batch: Batch, rng: F.Draws | None) -> tuple[Array, Any]:
        inputs, targets = batch
        logits, model_backward = model(inputs, rng)
        on_device = np.asarray(targets, like=logits)
        loss, loss_backward = F.cross_entropy(
            logits, on_device, label_smoothing=self.label_smoothing
        )
        return loss, lambda dloss=1.0: model_backward(loss_backward(dloss))

    def n_targets(self, batch: Batch) -> int:
        return int(np.count_nonzero(batch[1] != F.IGNORED))
