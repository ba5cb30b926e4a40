"""Pictures in a file, drawn by matplotlib where it is installed (extra `plots`)."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from minillm.atomic import write_atomically
from minillm.cli.draw import visible
from minillm.cli.output import check_new_file
from minillm.types import Array


def check_picture(path: Path) -> None:
    """Raises ValueError where `path` cannot become a picture."""
    check_new_file("--picture", path)
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise ValueError(f"--picture {path}: give a name that ends in .png, .svg or .pdf")
    try:
        import_module("matplotlib")
    except ImportError:
        raise ValueError(
            "--picture needs matplotlib, which is not here: pip install matplotlib"
        ) from None


def save_attention_map(
    weights: Array,
    keys: Sequence[str],
    title: str,
    path: Path,
    queries: Sequence[str] | None = None,
) -> None:
    """Queries are rows, keys are columns, a darker cell is a larger weight.

    Shapes: weights (n_queries, n_keys); the queries are the keys unless they are given
    """
    queries = keys if queries is None else queries
    size = (3 + 0.3 * len(keys), 2 + 0.3 * len(queries))  # inches
    figure: Any = import_module("matplotlib.figure").Figure(
        figsize=size, layout="constrained"
    )
    axes = figure.subplots()
    figure.colorbar(axes.imshow(weights, cmap="Blues", vmin=0), label="weight")
    columns, rows = ([visible(label) for label in labels] for labels in (keys, queries))
    axes.set_xticks(range(len(columns)), columns, rotation=90, parse_math=False)
    axes.set_yticks(range(len(rows)), rows, parse_math=False)
    axes.set(title=title, xlabel="key", ylabel="query")

    def write(file: BinaryIO) -> None:
        figure.savefig(file, format=path.suffix[1:])

    write_atomically(path, write)
