"""How attention learns where tokens stand, if their embeddings do not say it."""

from collections.abc import Callable

from minillm.layers.module import Module
from minillm.types import Array, Backward


class NoOrder(Module):
    """Attention without a sense of order: positions are in the embeddings, or nowhere.

    The base of every other kind, each of which replaces one of the two methods. An
    order may be shared by the layers of a model.
    """

    def turn(self, x: Array, start: int = 0) -> tuple[Array, Backward]:
        """What becomes of queries and of keys before they meet: here, nothing.

        x (batch, n, seq_len, d_head), the first at position `start` -> alike
        """
        return x, lambda dx: dx

    def bias(
        self, n_queries: int, n_keys: int, like: Array
    ) -> tuple[Array | None, Callable[..., None]]:
        """What is added to the scores: here, nothing.

        The queries are the last n_queries of n_keys positions; the bias is made on the
        device that holds `like`, in its dtype. The backward takes the bias's gradient,
        or nothing where there is no bias.

        Shapes: -> (n_heads, n_queries, n_keys), or None
        """
        return None, lambda: None
