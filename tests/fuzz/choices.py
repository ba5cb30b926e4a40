"""Decisions drawn from bytes: a fuzzer that changes bytes changes what is done."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Reads from the front; where the bytes are spent every decision is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def bytes(self, n: int) -> bytes:
        """The next n bytes, fewer at the end."""
        taken, self._data = self._data[:n], self._data[n:]
        return taken

    def rest(self) -> bytes:
        return self.bytes(len(self._data))

    def below(self, n: int) -> int:
        """A number from 0 to n - 1; 0 where n is 0."""
        width = 1 if n <= 256 else 4
        return int.from_bytes(self.bytes(width), "little") % max(1, n)

    def one_in(self, n: int) -> bool:
        """True once in n times, and never when the bytes are spent."""
        return self.below(n) == n - 1

    def of(self, values: Sequence[T]) -> T:
        return values[self.below(len(values))]

    def some(self, values: Sequence[T], most: int) -> list[T]:
        """One to `most` of the values."""
        return [self.of(values) for _ in range(1 + self.below(most))]
