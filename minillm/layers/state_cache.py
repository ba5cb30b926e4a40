import numpy as np

from minillm.types import Array


class StateCache:
    """What a layer of bounded memory keeps of a text: one state, however long the text.

    state (batch, ...), or None before the first token; len(cache) tokens were read.
    """

    def __init__(self) -> None:
        self.state: Array | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def replace(self, state: Array, n_new: int) -> None:
        """The state after n_new more tokens."""
        self.state, self._length = state, self._length + n_new

    def select(self, rows: Array) -> None:
        """Keep these sequences of the batch, in this order; one may be kept twice."""
        if self.state is not None:
            self.state = self.state[np.asarray(rows, like=self.state)]
