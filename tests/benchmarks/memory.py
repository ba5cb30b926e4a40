"""Peak memory of a training step: the rise of the resident peak over what imports left.

Libraries import and set up more of themselves when they are first used; so both sides
have taken a step of a tiny model before the rise begins to count.

As a contestant: `python -m tests.benchmarks.memory SIDE SIZE`.
"""

import sys
from pathlib import Path

from minillm.cli.presets import PRESETS
from tests.benchmarks.contestants import answer, fresh_rounds
from tests.benchmarks.sizes import SIZES
from tests.benchmarks.table import Ratio, Row
from tests.benchmarks.training_step import SIDES

STATUS = Path("/proc/self/status")
STEPS, TARGET = 5, 1.5


def rows(quick: bool) -> list[Row]:
    """An S step as it is timed: both sides on two threads, weights and moments included."""
    if not STATUS.exists():
        print("peak memory is left out: this system has no /proc", file=sys.stderr)
        return []
    commands = {side: (__name__, side, "S") for side in SIDES}
    peaks = fresh_rounds(commands, "peak", 2 if quick else 5)
    what = "peak memory of an S step / PyTorch eager"
    return [Row(what, Ratio(peaks["ours"], peaks["torch"]), TARGET)]


def peak_kib() -> int:
    """VmHWM: unlike ru_maxrss it begins with this program, not with its parent."""
    fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(fields["VmHWM"].split()[0])


def _rise(side: str, name: str) -> int:
    SIDES[side](PRESETS["tiny"], 2)()
    before = peak_kib()
    step = SIDES[side](SIZES[name], 2)
    for _ in range(STEPS):
        step()
    return peak_kib() - before


if __name__ == "__main__":
    answer({"peak": lambda: _rise(sys.argv[1], sys.argv[2])})
