"""Who may look at what: boolean arrays, True = may look, or is a token."""

import numpy as np

from minillm.functional.ids import check_array
from minillm.types import Array, Backward


def causal_mask(n_queries: int, n_keys: int, like: Array | None = None) -> Array:
    """Let each query see its own position and all before it: no looking ahead.

    With a cache there are more keys than queries; the queries are the last ones.
    The mask is made on the device that holds `like`.

    Shapes: -> (n_queries, n_keys) of bool, True where a query may look
    """
    return np.tri(n_queries, n_keys, n_keys - n_queries, dtype=bool, like=like)


def prefix_mask(prefix_lengths: Array, seq_len: int, like: Array) -> Array:
    """Causal, but a prefix sees all of itself (Raffel et al. 2020, fig. 3, right).

        may look = key <= query or key < prefix_length

    Shapes: prefix_lengths (batch,) of int  ->  (batch, 1, seq_len, seq_len) of bool
    """
    lengths = np.asarray(prefix_lengths, like=like)[:, None, None, None]
    in_prefix = np.arange(seq_len, like=like) < lengths
    return causal_mask(seq_len, seq_len, like=like) | in_prefix


def padding_mask(is_token: Array, like: Array) -> Array:
    """Keys that are padding are seen by no query of any head.

    Shapes: is_token (batch, n_keys) of bool  ->  (batch, 1, 1, n_keys)
    """
    return np.asarray(is_token, like=like)[:, None, None, :]


def hide_padding(x: Array, is_token: Array | None) -> tuple[Array, Backward]:
    """Nothing is said at padded positions, and nothing is learned there.

        y = x where is_token, else 0        y = x without is_token

    Backward:

        dx = dy where is_token, else 0

    Shapes: x (batch, seq_len, d_model), is_token (batch, seq_len) of bool  ->  y as x
    """
    if is_token is None:
        return x.copy(), lambda dy: dy.copy()
    keep = np.asarray(is_token, like=x)[..., None]

    def backward(dy: Array) -> Array:
        return dy * keep

    return x * keep, backward


def check_mask(name: str, mask: Array | None, shape: tuple[int, ...]) -> None:
    """Refuse a mask that is not of bool, or not of this shape; None is no mask."""
    if mask is None:
        return
    check_array(name, mask)
    if mask.dtype != bool:
        raise ValueError(f"{name} {mask.dtype}: give bool, True where there is a token")
    if mask.shape != shape:
        raise ValueError(f"{name} {mask.shape}: give {shape}, as the ids are")
