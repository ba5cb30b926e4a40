"""The family of published models as a tree: one branch for each architecture."""

import math
from collections.abc import Sequence
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO

from minillm.atomic import write_atomically
from minillm.cli.draw import fit
from minillm.models import Published

BRANCHES = ("encoder-only", "encoder-decoder", "decoder-only")
ROOT = "encoder-decoder"  # what the first transformer was; both others come from it
SIGNS = {"open": "●", "on request": "◐", "closed": "○"}
LEGEND = "weights: " + "   ".join(f"{sign} {weights}" for weights, sign in SIGNS.items())
COLOURS = ("tab:green", "tab:purple", "tab:blue")
FILLS = {
    "open": {},
    "on request": {"fillstyle": "left", "markerfacecoloralt": "white"},
    "closed": {"markerfacecolor": "white"},
}

Row = tuple[int, tuple[Published | None, ...]]


def size(n: int) -> str:
    """A number in three digits: 63.1 M, 1.56 B, 175 B."""
    for unit, name in (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"):
        if n >= 0.9995 * unit:  # from here on it rounds to 1.00
            return f"{n / unit:#.3g}".rstrip(".") + f" {name}"
    return str(n)


def evolution_tree(models: Sequence[Published], width: int = 84) -> str:
    """Years run down, each branch is a column; sizes are counted from the configs.

    Raises ValueError for a width in which three models do not fit side by side.
    """
    column = (width - 6) // 3
    longest = max(map(len, [*BRANCHES, *map(_leaf, models)]))
    if column <= longest:
        raise ValueError(f"width {width}: give at least {6 + 3 * (longest + 1)} columns")
    lines = [_line("", BRANCHES, column)]
    last, parted = None, False
    for year, leaves in _rows(models):
        if not parted and any(leaf and leaf.branch != ROOT for leaf in leaves):
            lines.append(f"      ┌{'─' * (column - 1)}┼{'─' * (column - 1)}┐")
            parted = True
        cells = [
            _leaf(leaf) if leaf else "│" if parted or branch == ROOT else ""
            for branch, leaf in zip(BRANCHES, leaves, strict=True)
        ]
        lines.append(_line("" if year == last else str(year), cells, column))
        last = year
    return "\n".join([*lines, LEGEND])


def save_evolution_tree(models: Sequence[Published], path: Path) -> None:
    """The same rows as a picture; marks widen with the logarithm of the size.

    Raises ImportError where matplotlib is not installed.
    """
    rows = _rows(models)
    figure: Any = import_module("matplotlib.figure").Figure(
        figsize=(9, 1.5 + 0.3 * len(rows)), layout="constrained"
    )
    axes = figure.subplots()
    for x, (branch, colour) in enumerate(zip(BRANCHES, COLOURS, strict=True)):
        leaves = [(y, leaf) for y, (_, row) in enumerate(rows) if (leaf := row[x])]
        _draw_branch(axes, x, branch, colour, leaves, len(rows))
    years = [year for year, _ in rows]
    first = [y for y, year in enumerate(years) if y == 0 or years[y - 1] != year]
    axes.set_yticks(first, [str(years[y]) for y in first])
    axes.set(xlim=(-0.2, 2.8), ylim=(len(rows) - 0.5, -1.5), xticks=[], title=LEGEND)

    def write(file: BinaryIO) -> None:
        figure.savefig(file, format=path.suffix[1:])

    write_atomically(path, write)


def _rows(models: Sequence[Published]) -> list[Row]:
    """Line by line: a year, and the model that stands there in each branch."""
    rows: list[Row] = []
    for year in sorted({model.year for model in models}):
        of_year = [model for model in models if model.year == year]
        branches = [[m for m in of_year if m.branch == branch] for branch in BRANCHES]
        rows += [(year, leaves) for leaves in zip_longest(*branches)]
    return rows


def _line(year: str, cells: Sequence[str], column: int) -> str:
    return f"{year:<6}{''.join(fit(cell, column) for cell in cells)}".rstrip()


def _leaf(model: Published) -> str:
    return f"{SIGNS[model.weights]} {model.name} {size(model.n_parameters)}"


def _draw_branch(
    axes: Any,
    x: int,
    branch: str,
    colour: str,
    leaves: Sequence[tuple[int, Published]],
    n_rows: int,
) -> None:
    """A stem that parts from the root's, and on it a mark and a name for each model."""
    parts = leaves[0][0] - 0.5 if leaves else n_rows
    stem = [(BRANCHES.index(ROOT), parts), (x, parts), (x, n_rows - 0.5)]
    axes.plot(*zip(*stem, strict=True), color=colour, lw=2, alpha=0.4)
    axes.text(x, -1, branch, color=colour, weight="bold", ha="center")
    for y, model in leaves:
        width = max(3, 4 * math.log10(model.n_parameters) - 23)  # points
        axes.plot(x, y, "o", color=colour, ms=width, **FILLS[model.weights])
        label = f"{model.name}  {size(model.n_parameters)}"
        axes.text(x + 0.15, y, label, va="center", fontsize=9)
