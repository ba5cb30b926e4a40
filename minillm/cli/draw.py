"""Pictures made of characters: pure functions from numbers to strings."""

import math
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

from minillm.types import Array

SHADES = ((0.75, "█"), (0.5, "▓"), (0.25, "▒"), (0.05, "░"), (0.0, "·"))
EIGHTHS = " ▏▎▍▌▋▊▉█"
LEGEND = "blank 0   ·· less than 0.05   ░░ 0.05   ▒▒ 0.25   ▓▓ 0.5   ██ 0.75 and more"
LABEL_WIDTH = 16
BESIDE_LABEL = 5  # a row number and the spaces around it


def attention_map(weights: Array, labels: Sequence[str], width: int = 80) -> str:
    """Shade how much each query (a row) looks at each key (a column).

    Keys are numbered, and labelled where their number begins a row. Fewer queries
    than keys are the last ones, as when a cache holds the others. A blank is a weight
    of exactly 0. Keys that do not fit into `width` columns are left out from the
    front, and a line says so.

    Shapes: weights (n_queries, n_keys) of numbers in [0, 1], labels one for each key
    Raises ValueError for labels that do not fit, and width under 40.
    """
    n_queries, n_keys = weights.shape
    if len(labels) != n_keys or n_queries > n_keys or n_keys == 0:
        raise ValueError(
            f"weights {weights.shape}, {len(labels)} labels: give one label for each key, "
            "at least one key, and no more queries than keys"
        )
    _check_width(width, 40)
    names = [visible(label) for label in labels]
    label_width = min(LABEL_WIDTH, max(map(columns, names)))
    room = width - label_width - BESIDE_LABEL
    cell, every = (3, 1) if 3 * n_keys <= room else (1, 10)
    first = max(0, n_keys - room // cell)

    numbers = "".join(f"{i:<{cell * every}}" for i in range(first, n_keys, every))
    lines = [" " * (label_width + BESIDE_LABEL) + numbers[:room].rstrip()]
    for i, row in enumerate(weights, n_keys - n_queries):
        shades = "".join(f"{shade(w) * min(cell, 2):<{cell}}" for w in row[first:])
        lines.append(f"{fit(names[i], label_width)} {i:>3} {shades}".rstrip())
    if first:
        lines.append(f"keys 0 to {first - 1} are left out: {width} columns are too few")
    return "\n".join([*lines, LEGEND[:width]])


def bars(
    labels: Sequence[str],
    values: Sequence[float] | Array,
    width: int = 60,
    label_width: int = LABEL_WIDTH,
) -> str:
    """One bar for each value, the largest as long as `width` allows; the value behind.

    Labels are cut to `label_width` columns. Raises ValueError for values that are
    negative or not finite, labels that do not fit, and width under label_width + 14.
    """
    if len(labels) != len(values):
        raise ValueError(f"{len(labels)} labels do not fit {len(values)} values")
    for value in values:
        if not 0 <= value < math.inf:
            raise ValueError(f"value {value}: a bar is as long as a finite number >= 0")
    _check_width(width, label_width + 14)
    if len(values) == 0:
        return ""
    names = [visible(label) for label in labels]
    label_width = min(label_width, max(map(columns, names)))
    numbers = [f"{value:.3g}" for value in values]
    room = width - label_width - 2 - max(map(len, numbers))
    largest = max(values) or 1.0
    return "\n".join(
        f"{fit(name, label_width)} {_bar(value / largest, room)} {number}"
        for name, value, number in zip(names, values, numbers, strict=True)
    )


def curve(ys: Sequence[float] | Array, width: int = 60, height: int = 10) -> str:
    """A line of points, such as the loss at each step, between its least and largest y.

    More ys than columns are averaged column by column; values that are not finite
    leave a gap. Raises ValueError where there is nothing to draw, or no room.
    """
    _check_width(width, 30)
    if height < 2:
        raise ValueError(f"height {height}: give at least 2 lines")
    values = np.asarray(ys, np.float64)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        raise ValueError(f"ys: none of {values.size} values is finite: nothing to draw")
    room = width - 11
    points = [float(part.mean()) for part in np.array_split(values, min(room, len(values)))]
    drawn = [y for y in points if math.isfinite(y)] or [float(finite.mean())]
    low, high = min(drawn), max(drawn)

    lines = [[" "] * len(points) for _ in range(height)]
    for x, y in enumerate(points):
        if math.isfinite(y):
            part = (high - y) / (high - low) if high > low else 0.5
            lines[round(part * (height - 1))][x] = "•"
    edges = {0: f"{high:.4g}", height - 1: f"{low:.4g}"}
    drawing = [f"{edges.get(i, ''):>9} │{''.join(line)}" for i, line in enumerate(lines)]
    axis = " " * 10 + "└" + "─" * len(points)
    return "\n".join([*(line.rstrip() for line in drawing), axis])


def shade(weight: float) -> str:
    """One character for a number in [0, 1]; only an exact 0 is blank, NaN is ?."""
    if weight == 0:
        return " "
    return next((character for least, character in SHADES if weight >= least), "?")


def visible(label: str) -> str:
    """The label with nothing in it that a terminal would obey or not show.

    Spaces at either end become ␣, control and formatting characters and backslashes
    are escaped as in Python, and a combining mark that begins a label gets a circle.
    Bytes that are no UTF-8, decoded with "surrogateescape", show as \\xe2.
    """
    text = "".join(_visible(character) for character in label)
    begin, end = len(text) - len(text.lstrip(" ")), len(text.rstrip(" "))
    text = "␣" * begin + text[begin:end] + "␣" * (len(text) - max(begin, end))
    return "◌" + text if text and not _columns_of(text[0]) else text


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(map(_columns_of, text))


def fit(text: str, width: int) -> str:
    """Exactly `width` columns: padded with spaces, or cut to end in …."""
    if columns(text) > width:
        text = "".join(_first_columns(text, width - 1)) + "…"
    return text + " " * (width - columns(text))


def _first_columns(text: str, width: int) -> Iterator[str]:
    for character in text:
        width -= _columns_of(character)
        if width < 0:
            return
        yield character


def _visible(character: str) -> str:
    plain = character == " " or unicodedata.category(character)[0] not in "CZ"
    if plain and character != "\\":
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _bar(part: float, room: int) -> str:
    whole, eighths = divmod(round(8 * part * room), 8)
    return f"{'█' * whole + EIGHTHS[eighths] * (eighths > 0):<{room}}"


def _check_width(width: int, least: int) -> None:
    if width < least:
        raise ValueError(f"width {width}: give at least {least} columns")
