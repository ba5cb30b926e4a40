"""Rotary positions as a part of attention: they turn queries and keys."""

from minillm import functional as F
from minillm.layers.module import Buffer
from minillm.layers.order import NoOrder
from minillm.types import Array, Backward


class Rotary(NoOrder):
    """The angles of positions 0 to max_seq_len - 1; a subclass says which features pair.

    Raises ValueError for an odd d_head: features turn in pairs.
    """

    def __init__(self, max_seq_len: int, d_head: int, base: float = 10000.0) -> None:
        if d_head % 2:
            raise ValueError(f"d_head {d_head} is odd: rotary positions turn pairs")
        cos, sin = F.rotary_table(max_seq_len, d_head, base)
        self.cos, self.sin = Buffer(cos), Buffer(sin)

    def angles(self, x: Array, start: int) -> tuple[Array, Array]:
        """cos and sin (seq_len, d_head / 2) for x, whose first position is `start`.

        Raises ValueError for a width or a position that the tables do not have.
        """
        seq_len, d_head = x.shape[-2:]
        stop = start + seq_len
        max_seq_len, n_pairs = self.cos.data.shape
        if d_head != 2 * n_pairs:
            raise ValueError(f"d_head {d_head}: the angles were made for {2 * n_pairs}")
        if stop > max_seq_len:
            raise ValueError(f"seq_len {stop} exceeds max_seq_len {max_seq_len}")
        return self.cos.data[start:stop], self.sin.data[start:stop]


class RotaryInterleaved(Rotary):
    """Neighbouring features turn together, as in the paper (Su et al. 2021, eq. 34)."""

    def turn(self, x: Array, start: int = 0) -> tuple[Array, Backward]:
        return F.rotary_interleaved(x, *self.angles(x, start))


class RotaryHalf(Rotary):
    """Features half a head apart turn together, as in GPT-NeoX and LLaMA."""

    def turn(self, x: Array, start: int = 0) -> tuple[Array, Backward]:
        return F.rotary_half(x, *self.angles(x, start))
