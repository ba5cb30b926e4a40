"""Ratios, and the table that they end in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

HEADER = (
    "| measured | best | median | quartiles | target | met |\n|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Ratio:
    """Two contestants in turns: a figure of each for every round."""

    above: Sequence[float]
    below: Sequence[float]

    @property
    def of_rounds(self) -> list[float]:
        """Neighbours in time are compared, so that a slow minute does not count."""
        return [a / b for a, b in zip(self.above, self.below, strict=True)]

    @property
    def median(self) -> float:
        return median(self.of_rounds)

    @property
    def quartiles(self) -> tuple[float, float]:
        ordered = sorted(self.of_rounds)
        last = len(ordered) - 1
        return ordered[round(last / 4)], ordered[round(3 * last / 4)]

    def of_best(self, best: Callable[[Sequence[float]], float]) -> float:
        """The ratio of both sides' best rounds."""
        return best(self.above) / best(self.below)


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, and what was wanted.

    A target says how much of the other's time or memory is allowed, or, if `at_least`,
    how many times as fast one has to be. A row whose two sides did not compute the same
    does not count, and `fault` says so.
    """

    what: str
    ratio: Ratio
    target: float
    at_least: bool = False
    fault: str = ""

    @property
    def met(self) -> bool:
        """The median of the rounds decides."""
        reached = self.ratio.median
        within = reached >= self.target if self.at_least else reached <= self.target
        return within and not self.fault

    @property
    def best(self) -> float:
        """Rates are best when high; times and memory when low."""
        return self.ratio.of_best(max if self.at_least else min)

    def markdown(self) -> str:
        low, high = self.ratio.quartiles
        verdict = f"does not count: {self.fault}" if self.fault else "not met"
        cells = (
            self.what,
            f"{self.best:.2f}",
            f"**{self.ratio.median:.2f}**",
            f"{low:.2f} to {high:.2f}",
            f"{'>=' if self.at_least else '<='} {self.target:g}",
            "met" if self.met else verdict,
        )
        return f"| {' | '.join(cells)} |"

    def record(self) -> dict[str, object]:
        """What --out keeps of it."""
        return {
            "what": self.what,
            "best": self.best,
            "median": self.ratio.median,
            "rounds": self.ratio.of_rounds,
            "target": self.target,
            "at_least": self.at_least,
            "met": self.met,
            "fault": self.fault,
        }


def markdown(rows: Sequence[Row]) -> str:
    return "\n".join([HEADER, *(row.markdown() for row in rows)])
