"""python -m minillm.gradient_check: one table of the worst gradient error of every part.

In float64, against central differences, at parameters moved off their initial values. Exit
code 1 if any gradient is wrong.
"""

import argparse
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minillm.gradient_check.cases import LAYERS, MODELS, OPERATIONS, Build
from minillm.gradient_check.check import GradientError

CATALOGUE = {"operation": OPERATIONS, "layer": LAYERS, "model": MODELS}
TOLERANCE = 1e-6  # as check_gradients has it


@dataclass(frozen=True)
class Row:
    """What was found: how many arrays have a gradient, and how wrong the worst one is."""

    kind: str
    name: str
    n_arrays: int
    error: float
    complaint: str = ""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table. 0 if every gradient is right, 1 if not; 2 for a wrong argument."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        wanted = chosen(args.only)
    except ValueError as error:
        parser.error(str(error))
    print(_line("", "float64, against differences", "arrays", "worst error"))
    rows = []
    for i, (kind, name, build) in enumerate(wanted, start=1):
        _progress(f"{i}/{len(wanted)} {name}")
        row = measured(kind, name, build, args.seed)
        _progress("")
        print(_line(kind, name, str(row.n_arrays), f"{row.error:.1e}"), flush=True)
        rows.append(row)
    for row in rows:
        if row.complaint:
            print(f"\nWRONG {row.name}: {row.complaint}")
    print(f"\n{summary(rows)}")
    return int(any(row.complaint for row in rows))


def summary(rows: Sequence[Row]) -> str:
    n_arrays = sum(row.n_arrays for row in rows)
    n_wrong = sum(bool(row.complaint) for row in rows)
    worst = max(row.error for row in rows)
    verdict = f"{n_wrong} wrong" if n_wrong else f"each below {TOLERANCE:.0e}"
    return f"{len(rows)} rows, {n_arrays} arrays, worst error {worst:.1e}: {verdict}"


def chosen(only: Sequence[str]) -> list[tuple[str, str, Build]]:
    """The rows whose names, or what stands before their slash, are among `only`; or all."""
    everything = [
        (kind, name, build)
        for kind, cases in CATALOGUE.items()
        for name, build in cases.items()
    ]
    parts = {name.split("/")[0] for _, name, _ in everything}
    for name in only:
        if name not in parts | {full for _, full, _ in everything}:
            raise ValueError(f"--only {name}: give one of {', '.join(sorted(parts))}")
    names = set(only)
    return [c for c in everything if not only or {c[1], c[1].split("/")[0]} & names]


def measured(kind: str, name: str, build: Build, seed: int) -> Row:
    """Sizes from 2 to 7 in an order of its own; the same numbers with --only as without."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    case = build(rng, [int(n) for n in rng.permutation(np.arange(2, 8))])
    try:
        return Row(kind, name, case.n_arrays, case.check(rng))
    except GradientError as wrong:
        return Row(kind, name, case.n_arrays, wrong.error, str(wrong))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m minillm.gradient_check",
        description="Check the gradient of every operation, layer and model in float64 "
        "against central differences, and print the worst relative error of each. Models "
        "are checked through the loss that they are trained on, with dropout and padding.",
        epilog="Exit code 0 if every error is below 1e-6, else 1.",
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        default=[],
        help="check this alone, such as layer_norm or DecoderOnly; may be given again",
    )
    parser.add_argument(
        "--seed", metavar="N", type=_seed, default=0, help="of all that is drawn (0)"
    )
    return parser


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number, 0 or more")
    return int(text)


def _line(kind: str, name: str, n_arrays: str, error: str) -> str:
    return f"{kind:10}{name:36}{n_arrays:>6}{error:>13}"


def _progress(text: str) -> None:
    """On a terminal, one line that the next one takes the place of."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
