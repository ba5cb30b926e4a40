"""How long it takes to import minillm, NumPy's own time taken off.

As a contestant: `python -m tests.benchmarks.imports MODULE ...`.
"""

import sys
import time
from importlib import import_module

from tests.benchmarks.contestants import answer, fresh_rounds
from tests.benchmarks.table import Ratio, Row

ALLOWED = 0.3  # seconds
MODULES = {
    "numpy": ("numpy",),
    "minillm": ("minillm",),
    "command line": ("minillm.cli.main",),  # everything a command needs, and argparse
}


def rows(quick: bool) -> list[Row]:
    """Seconds over NumPy's, as a share of what is allowed."""
    commands = {name: (__name__, *modules) for name, modules in MODULES.items()}
    times = fresh_rounds(commands, "time", 5 if quick else 15)
    return [
        _row("import of minillm", times["minillm"], [0.0] * len(times["numpy"])),
        _row("import of its whole command line", times["command line"], times["numpy"]),
    ]


def _row(what: str, times: list[float], spared: list[float]) -> Row:
    extra = [time - less for time, less in zip(times, spared, strict=True)]
    what = f"{what}, time / {ALLOWED} s"
    return Row(what, Ratio(extra, [ALLOWED] * len(extra)), 1.0)


def _import_time(modules: list[str]) -> float:
    begun = time.perf_counter()
    for module in modules:
        import_module(module)
    return time.perf_counter() - begun


if __name__ == "__main__":
    answer({"time": lambda: _import_time(sys.argv[1:])})
