"""Types and options that the commands share."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path


def whole(least: int) -> Callable[[str], int]:
    """A whole number of at least `least`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"{text!r}: give a whole number of at least {least}"
            )
        return value

    return parse


def real(accepted: str, holds: Callable[[float], bool]) -> Callable[[str], float]:
    """A finite number for which `holds` is true; `accepted` says so in words."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not holds(value):
            raise argparse.ArgumentTypeError(f"{text!r}: give {accepted}")
        return value

    return parse


above_zero = real("a number above 0", lambda x: x > 0)
at_least_zero = real("a number of at least 0", lambda x: x >= 0)
below_one = real("a number from 0 to below 1", lambda x: 0 <= x < 1)
share = real("a number above 0 and at most 1", lambda x: 0 < x <= 1)
probability = real("a number from 0 to 1", lambda x: 0 <= x <= 1)


def add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=whole(0), default=None, help="decides every random draw (default 0)"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        type=Path,
        default=Path("minillm-tour"),
        metavar="DIR",
        help="a folder that the tour or train has written (default ./minillm-tour)",
    )


def add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="also write the result to this file"
    )


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """The settings of generation.SamplingSettings."""
    parser.add_argument(
        "--temperature",
        type=at_least_zero,
        default=0.8,
        help="0 is greedy, below 1 safer, above 1 wilder (default 0.8)",
    )
    parser.add_argument("--top-k", type=whole(1), help="draw from the k likeliest tokens")
    parser.add_argument(
        "--top-p", type=share, help="draw from the fewest tokens that reach probability p"
    )
    parser.add_argument(
        "--min-p", type=probability, help="drop tokens below p times the likeliest one"
    )
    parser.add_argument(
        "--repetition-penalty",
        type=above_zero,
        default=1.0,
        help="above 1 makes tokens that were there less likely (default 1)",
    )
