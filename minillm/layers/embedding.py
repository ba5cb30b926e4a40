import numpy as np

from minillm import functional as F
from minillm.functional.ids import check_ids
from minillm.layers.module import Module, Parameter
from minillm.types import Array, Backward, BackwardNone


class Embedding(Module):
    """A vector for each of n ids, which can also score vectors against the ids.

    Drawn from N(0, std^2). Ids outside [0, n) are refused with a ValueError.
    """

    def __init__(
        self, n: int, d_model: int, *, std: float = 1.0, rng: np.random.Generator
    ) -> None:
        self.weight = Parameter(rng.normal(0, std, (n, d_model)))

    def __call__(self, ids: Array) -> tuple[Array, BackwardNone]:
        check_ids("token id", ids, self.weight.data.shape[0])
        on_device = np.asarray(ids, like=self.weight.data)
        y, embedding_backward = F.embedding(on_device, self.weight.data)

        def backward(dy: Array) -> None:
            self.weight.accumulate(embedding_backward(dy))

        return y, backward

    def unembed(self, h: Array) -> tuple[Array, Backward]:
        """logits = h W^T: output weights tied to the input (Press & Wolf 2017)."""
        logits, unembed_backward = F.unembed(h, self.weight.data)

        def backward(dlogits: Array) -> Array:
            dh, dW = unembed_backward(dlogits)
            self.weight.accumulate(dW)
            return dh

        return logits, backward
