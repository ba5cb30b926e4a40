"""Truncated backpropagation through time: long texts, short memories of blame."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.training.fit import check_batch, check_integers
from minillm.training.objectives import Batch, count
from minillm.types import Array


@dataclass(frozen=True)
class TruncatedNextToken:
    """NextToken for a recurrent model, with gradients that go back `k` tokens at most.

    (Williams & Peng 1990, sec. 3, with their h and h' both k.) The text is read in chunks
    of k tokens, the last one with what is left:

        logits_j, states_j = model.chunk(inputs_j, states_{j-1})
        loss = sum over j of (n_j / n) loss_j,          n counts targets

    The states go on, so the loss is that of the whole text. The gradient does not: it
    takes states_{j-1} for constants, as if no weight had made them. What would have to
    be learned from more than k tokens ago is learned by luck. If k is seq_len or more,
    nothing is cut and this is NextToken, to the last bit unless there is dropout, which
    drops anew in each chunk.

    A batch is (inputs, targets), both (batch, seq_len) of ids; targets IGNORED (-100)
    do not count. Raises ValueError for k < 1.
    """

    k: int

    def __post_init__(self) -> None:
        if not isinstance(self.k, int) or self.k < 1:
            raise ValueError(f"k {self.k}: a gradient goes back at least 1 token")

    def __call__(self, model: Any, batch: Batch, rng: F.Draws | None) -> tuple[Array, Any]:
        inputs, targets = self.read(batch)
        if not hasattr(model, "chunk"):
            raise ValueError(
                f"TruncatedNextToken does not fit {type(model).__name__}, which carries no "
                "states from chunk to chunk: give a recurrent model"
            )
        n, states = max(1, self.n_targets(batch)), None
        losses, backwards = [], []
        for j, start in enumerate(range(0, inputs.shape[1], self.k)):
            part = slice(start, start + self.k)
            chunk_rng = None if rng is None else rng.child(j)
            logits, states, model_backward = model.chunk(inputs[:, part], states, chunk_rng)
            on_device = np.asarray(targets[:, part], like=logits)
            loss, loss_backward = F.cross_entropy(logits, on_device)
            share = count(targets[:, part]) / n
            losses.append(share * loss)
            backwards.append((share, loss_backward, model_backward))

        def backward(dloss: float = 1.0) -> None:
            for share, loss_backward, model_backward in backwards:
                model_backward(loss_backward(share * dloss))

        return sum(losses[1:], losses[0]), backward

    def n_targets(self, batch: Batch) -> int:
        return count(self.read(batch)[1])

    def read(self, batch: Batch) -> Batch:
        """The batch, checked."""
        check_batch(self, batch, "inputs, targets")
        check_integers("targets", batch[1], batch[0].shape)
        return batch
