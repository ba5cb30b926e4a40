"""One more token of one sequence, for models whose step is short already."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from minillm.types import Array


class Steps(Protocol):
    """What OneByOne needs of a model."""

    def step(self, ids: Array, caches: list[Any]) -> Array: ...


def one_by_one(model: Steps, caches: list[Any]) -> Callable[[int], Array]:
    """logits = single_step(token_id): `step` for a batch of one sequence of one token.

    The token continues what the caches have seen; logits (vocab_size,).
    """

    def single_step(token_id: int) -> Array:
        return model.step(np.array([[token_id]]), caches).reshape(-1)

    return single_step
