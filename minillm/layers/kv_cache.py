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
