"""What a model is trained on: a batch, its loss, and how much that loss weighs."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from minillm import functional as F
from minillm.training.fit import call_model, check_batch, check_integers, is_encoder
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
        inputs, targets = self.read(batch)
        if is_encoder(model):
            raise ValueError(
                f"NextToken does not fit {type(model).__name__}: an encoder sees the token "
                f"that it would have to predict; train it on MaskedTokens"
            )
        logits, model_backward = call_model(self, model, inputs, rng=rng)
        return token_loss(logits, model_backward, targets, self.label_smoothing)

    def n_targets(self, batch: Batch) -> int:
        return count(self.read(batch)[1])

    def read(self, batch: Batch) -> Batch:
        """The batch, checked."""
        check_batch(self, batch, "inputs, targets")
        check_integers("targets", batch[1], batch[0].shape)
        return batch


def token_loss(
    logits: Array, model_backward: Any, targets: Array, label_smoothing: float = 0.0
) -> tuple[Array, Any]:
    """The mean cross-entropy of the targets that count, and its way back to the model."""
    on_device = np.asarray(targets, like=logits)
    loss, loss_backward = F.cross_entropy(
        logits, on_device, label_smoothing=label_smoothing
    )
    return loss, lambda dloss=1.0: model_backward(loss_backward(dloss))


def count(targets: Array) -> int:
    """How many targets are not IGNORED."""
    return int(np.count_nonzero(targets != F.IGNORED))
