"""A defect written down by hand: which words of which file become which others."""

from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "minillm"


@dataclass(frozen=True)
class Planted:
    """One defect: `before`, which stands once in minillm/`path`, becomes `after`."""

    path: str
    before: str
    after: str

    def place(self) -> tuple[int, int]:
        """Where in the file it stands: two offsets of characters.

        Raises LookupError when the words are not there, or not there once.
        """
        source = (PACKAGE / self.path).read_text()
        if (n := source.count(self.before)) != 1:
            raise LookupError(f"{self.path} has {n} times, not once: {self.before!r}")
        start = source.index(self.before)
        return start, start + len(self.before)
