"""What attention remembers while a text is written."""

import numpy as np

from minillm.types import Array


class KVCache:
    """Keys and values of every position so far, in room that is made once.

    k and v (batch, n_kv_heads, max_seq_len, d_head), of which len(cache) are filled.
    """

    def __init__(self, max_seq_len: int) -> None:
        self.max_seq_len = max_seq_len
        self._length = 0
        self._k: Array
        self._v: Array

    def __len__(self) -> int:
        return self._length

    def extend(self, k: Array, v: Array) -> tuple[Array, Array]:
        """Append new positions, and return a view of all.

        k and v (batch, n_kv_heads, n_new, d_head) -> (batch, n_kv_heads, len, d_head)
        Raises ValueError when max_seq_len would be exceeded; nothing is appended.
        """
        batch, n_kv_heads, n_new, d_head = k.shape
        start, stop = self._length, self._length + n_new
        if stop > self.max_seq_len:
            raise ValueError(f"seq_len {stop} exceeds the cache's {self.max_seq_len}")
        if start and batch != self._k.shape[0]:
            raise ValueError(
                f"batch {batch} does not continue a cache of {self._k.shape[0]}"
            )
        if start == 0:
            room = (batch, n_kv_heads, self.max_seq_len, d_head)
            self._k, self._v = np.zeros_like(k, shape=room), np.zeros_like(v, shape=room)
        self._k[:, :, start:stop], self._v[:, :, start:stop] = k, v
        self._length = stop
        return self._k[:, :, :stop], self._v[:, :, :stop]

    def select(self, rows: Array) -> None:
        """Keep these sequences of the batch, in this order; one may be kept twice."""
        if self._length:
            rows = np.asarray(rows, like=self._k)
            self._k, self._v = self._k[rows], self._v[rows]


class Memory:
    """Keys and values of a source that is read again and again, and never grows.

    k and v (batch, n_kv_heads, n_source, d_head); mask broadcasts to (batch, n_heads,
    n_new, n_source), True where there is something to read.
    """

    def __init__(self, k: Array, v: Array, mask: Array | None = None) -> None:
        self.k, self.v, self.mask = k, v, mask

    def select(self, rows: Array) -> None:
        """Keep these sources of the batch, in this order; one may be kept twice."""
        rows = np.asarray(rows, like=self.k)
        self.k, self.v = self.k[rows], self.v[rows]
        self.mask = None if self.mask is None else self.mask[rows]


class CrossCache:
    """What a block with cross-attention remembers: its own positions, and the source."""

    def __init__(self, own: KVCache, memory: Memory) -> None:
        self.own, self.memory = own, memory

    def __len__(self) -> int:
        return len(self.own)

    def select(self, rows: Array) -> None:
        """Keep these sequences of the batch, each with its source."""
        self.own.select(rows)
        self.memory.select(rows)
