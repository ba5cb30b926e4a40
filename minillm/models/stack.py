"""Blocks, one after the other."""

from collections.abc import Sequence

from minillm import functional as F
from minillm.models.assembly import Block
from minillm.types import Array, Backward


def through(
    blocks: Sequence[Block], h: Array, mask: Array | None, rng: F.Draws | None
) -> tuple[Array, Backward]:
    """Each block works on what the one before it has made of the stream.

        h_l = block_l(h_{l-1})

    Backward. The last block comes first. Of rng, child 0 is the embedding's and child l
    that of block l.

    Shapes: h (batch, seq_len, d_model), mask as in MultiHeadAttention  ->  h alike
    """
    backwards = []
    for i, block in enumerate(blocks):
        block_rng = None if rng is None else rng.child(i + 1)
        h, block_backward = block(h, mask, block_rng)
        backwards.append(block_backward)

    def backward(dh: Array) -> Array:
        for block_backward in reversed(backwards):
            dh = block_backward(dh)
        return dh

    return h, backward


def maps_through(blocks: Sequence[Block], h: Array, mask: Array | None) -> list[Array]:
    """Each block's attention map on the way, (batch, n_heads, seq_len, seq_len)."""
    maps = []
    for block in blocks:
        maps.append(block.attention_map(h, mask))
        h, _ = block(h, mask)
    return maps
