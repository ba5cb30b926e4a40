"""Types and options that the commands share."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

LARGEST = 2**31 - 1  # of steps, windows, tokens
DEVICES = ("cpu", "gpu")


def whole(least: int, most: int = LARGEST) -> Callable[[str], int]:
    """A whole number from `least` to `most`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            below = f" and at most {most}" if value > most else ""
            raise argparse.ArgumentTypeError(
                f"{text!r:.80}: give a whole number of at least {least}{below}"
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
            raise argparse.ArgumentTypeError(f"{text!r:.80}: give {accepted}")
        return value

    return parse


above_zero = real("a number above 0", lambda x: x > 0)
at_least_zero = real("a number of at least 0", lambda x: x >= 0)
below_one = real("a number from 0 to below 1", lambda x: 0 <= x < 1)
share = real("a number above 0 and at most 1", lambda x: 0 < x <= 1)
probability = real("a number from 0 to 1", lambda x: 0 <= x <= 1)


def characters(text: str) -> str:
    """Text that UTF-8 can write. Python hides other bytes of argv in surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(
            f"character {error.start} is {text[error.start]!r}, a byte that is no UTF-8 or "
            "half of a surrogate pair: give whole characters"
        ) from None
    return text


def some_characters(text: str) -> str:
    """Text that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("'' is empty: give at least one character")
    return characters(text)


def check_model(folder: Path) -> Path:
    """The folder of --model, which must be there."""
    if not folder.is_dir():
        raise ValueError(
            f"--model {folder} is not a folder: run the tour first (python -m minillm), or "
            "give a folder that train has written"
        )
    return folder


def add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed",
        type=whole(0, 2**63 - 1),
        metavar="N",
        help="decides every random draw (default 0)",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """The choice that main turns into args.convert, which moves arrays there."""
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default=DEVICES[0],
        help="where to compute: gpu needs CuPy and an NVIDIA GPU (default cpu)",
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
        metavar="T",
        help="0 is greedy, below 1 safer, above 1 wilder (default 0.8)",
    )
    parser.add_argument(
        "--top-k", type=whole(1), metavar="K", help="draw from the k likeliest tokens"
    )
    parser.add_argument(
        "--top-p",
        type=share,
        metavar="P",
        help="draw from the fewest tokens that reach probability p",
    )
    parser.add_argument(
        "--min-p",
        type=probability,
        metavar="P",
        help="drop tokens below p times the likeliest one",
    )
    parser.add_argument(
        "--repetition-penalty",
        type=above_zero,
        default=1.0,
        metavar="R",
        help="above 1 makes tokens that were there less likely (default 1)",
    )
