"""python -m tests.mutants: plant defects one at a time, and see that a test fails.

Three kinds: one for each row of the equation index, which has to die by that row's
properties alone, with no gradient checked; defects of public projects, planted by hand;
and systematic ones, at every place of functional and layers and in a sample of the rest.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict

import pytest

from tests.equations.index import ROWS
from tests.mutants.defects import DEFECTS
from tests.mutants.hunt import OPTIONS, Fate, Hunt
from tests.mutants.listed import listed, stale
from tests.mutants.mutant import Mutant, mutants_of, planted_mutant
from tests.mutants.planted import PACKAGE

EVERYWHERE = ("functional/", "layers/")
SAMPLED = ("models/", "training/", "generation/", "tokenizers/")
SAMPLE, FAST_SAMPLE = 1000, 300
# Those of commands are left out: they start processes, in which no mutant lives.
TESTS = [
    f"tests/{part}"
    for part in (
        *("data", "device", "evaluation", "functional", "generation", "laws"),
        *("layers", "models", "tokenizers", "training"),
    )
]
FATES = ("killed", "equivalent", "endless", "not born", "timed out", "survived")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--fast", action="store_true", help="a sample, in a few minutes")
    kinds.add_argument("--rows", action="store_true", help="the rows' mutants alone")
    kinds.add_argument("--planted", action="store_true", help="those planted by hand alone")
    kinds.add_argument(
        "--only",
        metavar="PATH",
        action="append",
        help="all of a part, e.g. models/heads.py",
    )
    parser.add_argument("--tests", nargs="*", default=TESTS, help="other files and folders")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0, help="of the samples")
    parser.add_argument("--sample", type=int, help="so many of those that --only names")
    parser.add_argument(
        "--budget", type=float, default=20, help="seconds of tests for each mutant"
    )
    return parser.parse_args()


def systematic(options: argparse.Namespace) -> list[Mutant]:
    """Every mutant where all are wanted, as many as wanted elsewhere."""
    everywhere, sampled = tuple(options.only or EVERYWHERE), () if options.only else SAMPLED
    paths = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))
    here = [m for path in paths if path.startswith(everywhere) for m in mutants_of(path)]
    there = [m for path in paths if path.startswith(sampled) for m in mutants_of(path)]
    if options.only and not here:
        raise SystemExit(f"--only {options.only}: no file below minillm/ begins so")
    if outdated := stale(here):
        raise SystemExit(f"listed as equivalent, and no mutants any more: {outdated}")
    draw = random.Random(options.seed).sample
    if options.fast or options.sample:
        here = draw(here, min(options.sample or FAST_SAMPLE, len(here)))
    return here + draw(there, min(FAST_SAMPLE if options.fast else SAMPLE, len(there)))


def main() -> int:
    options = arguments()
    alone = (
        {}
        if options.only or options.planted
        else {planted_mutant(row.mutant, row.names[0]): row.properties for row in ROWS}
    )
    planted = (
        []
        if options.only or options.rows
        else [planted_mutant(defect) for defect in DEFECTS.values()]
    )
    drawn = [] if options.rows or options.planted else systematic(options)
    living = [m for m in [*planted, *drawn] if not listed(m)]
    mutants = [*alone, *(m for m in living if m not in alone)]

    score = Score(len(mutants))
    for mutant in drawn:
        if kind := listed(mutant):
            score.fates["drawn", area(mutant)][kind] += 1
    kinds = dict.fromkeys(alone, "row") | dict.fromkeys(planted, "planted")
    hunt = Hunt(
        mutants,
        alone,
        options.jobs,
        options.budget,
        lambda fate: score.add(kinds.get(fate.mutant, "drawn"), fate),
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
        pytest.main(["-p", "no:terminal", *OPTIONS, *options.tests], plugins=[hunt])
    return score.show(hunt.failed)


def area(mutant: Mutant) -> str:
    return mutant.path.partition("/")[0]


class Score:
    """How many of which kind met which fate."""

    def __init__(self, n: int) -> None:
        self.n, self.done, self.started = n, 0, time.monotonic()
        self.fates: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.unkilled: list[Fate] = []

    def add(self, kind: str, fate: Fate) -> None:
        self.done += 1
        self.fates[kind, area(fate.mutant)][fate.fate] += 1
        if fate.fate in ("survived", "timed out"):
            self.unkilled.append(fate)
            print(
                f"\n{fate.fate.upper()} {kind}, {fate.tests} tests: {fate.mutant}",
                flush=True,
            )
        left = (time.monotonic() - self.started) / self.done * (self.n - self.done)
        found = f"{self.done}/{self.n} mutants, {len(self.unkilled)} not killed"
        print(f"\r{found}, {left:.0f} s left ", end="", file=sys.stderr, flush=True)

    def show(self, failed: list[str]) -> int:
        """The table; 0 if all that should die did, else 1."""
        print(f"\n{'':24}{'mutants':>10}" + "".join(f"{fate:>12}" for fate in FATES))
        total: Counter[str] = Counter()
        for (kind, where), fates in sorted(self.fates.items()):
            self.line(f"{where}, {kind}", fates)
            total += fates
        self.line("all", total)
        mortal = total["killed"] + len(self.unkilled)
        print(
            f"\n{total['killed']} of {mortal} that are not listed as equivalent were killed"
        )
        for name in failed:
            print(f"FAILS WITHOUT A MUTANT: {name}")
        return int(bool(self.unkilled or failed or self.done < self.n))

    @staticmethod
    def line(name: str, fates: Counter[str]) -> None:
        print(f"{name:24}{fates.total():>10}" + "".join(f"{fates[f]:>12}" for f in FATES))


if __name__ == "__main__":
    sys.exit(main())
