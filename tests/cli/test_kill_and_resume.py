"""A training that is killed again and again ends with the bits of one that is not.

The real command is killed with SIGKILL, which no program can hear: at random moments
from the start of Python on, and while it writes. Nothing here knows how fast the machine
is: moments are drawn within what an uninterrupted run was seen to take, a kill counts only
if it met a living process, and one that was meant for a write only if half of a write is
left in the folder. A run that ends too early is compared too, and another one begun.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minillm import safetensors
from minillm.atomic import TEMPORARY_PREFIX
from minillm.model_folder import ModelFolder
from minillm.pretrained import load

ROOT = Path(__file__).parents[2]
KILLS = 20
IN_A_WRITE = 9  # of the kills, each proved by what it leaves behind
AT_ONCE = 2  # of the kills: somewhere between the start of Python and the first step
LIVES = 5 * KILLS  # processes; a kill that comes too late is tried again
LIMIT = 60  # seconds that a process may take to say that it trains
POLL = 2e-4  # seconds between two looks at the folder; a write takes longer
SHARE = 0.1  # of an uninterrupted training: the longest life that is drawn
OPTIONS = (
    "--config tiny --steps 150 --batch 2 --accumulate 2 --dropout 0.2 --schedule cosine "
    "--lr 0.003 --threads 1 --checkpoint-every 4 --evaluate-every 10 --seed 3"
)
WORDS = "a the cat dog house tree red small sees eats finds under with and not"


def write_text(path):
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(WORDS.split(), 12)) + "." for _ in range(60)]
    path.write_text("\n\n".join(lines), encoding="utf-8")


class Life:
    """A process that trains, or goes on with a training, in a folder."""

    def __init__(self, text, folder):
        self.folder = folder
        command = [sys.executable, "-m", "minillm", "train", "--text", str(text)]
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [*command, "--out", str(folder), "--resume", *OPTIONS.split()],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        with self.process:  # waits, and closes the pipe
            self.process.kill()

    def first_step(self):
        """Wait until it says at which step it goes on; that step, None if it ended."""
        for line in self.process.stderr:
            if "resuming" in line or "starting at step" in line:
                return int(line.split()[-1])
        return None

    def wait_for(self, happened):
        """Wait until that is true of the folder, or the process is gone."""
        while self.process.poll() is None and not happened(self.folder):
            assert time.monotonic() < self.begun + LIMIT, "the process hangs"
            time.sleep(POLL)

    def kill(self):
        """Returns whether there was something alive to kill."""
        self.process.kill()
        said = self.process.communicate()[1]
        code = self.process.returncode
        assert code in (0, -signal.SIGKILL), said
        return code == -signal.SIGKILL

    def finish(self):
        said = self.process.communicate()[1]
        assert self.process.returncode == 0, said


def writes(folder):
    """The names of what is being written right now."""
    return {name for name in os.listdir(folder) if name.startswith(TEMPORARY_PREFIX)}


class Writes:
    """Whether n new writes were seen to begin: the model, the optimizer, trainer.json."""

    def __init__(self, folder, n):
        self.left_over, self.seen, self.n = writes(folder), set(), n

    def __call__(self, folder):
        self.seen |= writes(folder) - self.left_over
        return len(self.seen) >= self.n


def is_described(folder):
    return (folder / "config.json").exists()


def half_a_write(folder):
    """A file that has not got its name yet, or one of a set that is not current."""
    names = {path.name for path in folder.glob("*.safetensors")}
    current = ModelFolder(folder).current()["set"].values() if has_set(folder) else ()
    return bool(writes(folder) or names - set(current))


def has_set(folder):
    return (folder / "trainer.json").exists()


def saved_step(folder):
    """The step of the current set, which must be whole; 0 if there is none."""
    if not has_set(folder):
        return 0
    load(folder)
    held = ModelFolder(folder)
    held.read_arrays("optimizer")
    return held.current()["step"]


def assert_same_folders(folder, expected):
    names = sorted(path.name for path in expected.iterdir())
    assert sorted(path.name for path in folder.iterdir()) == names
    for name in names:
        if name.endswith(".safetensors"):
            ours, theirs = (safetensors.load(place / name) for place in (folder, expected))
            assert ours.keys() == theirs.keys()
            for key, array in ours.items():
                assert array.dtype == theirs[key].dtype, key
                assert array.tobytes() == theirs[key].tobytes(), f"{name}: {key}"
        assert (folder / name).read_bytes() == (expected / name).read_bytes(), name


class Killings:
    """Kills until there were enough of each kind; remembers what they proved."""

    def __init__(self, text, expected, folder, start, training):
        self.text, self.expected, self.folder = text, expected, folder
        self.start, self.training = start, training  # seconds of an uninterrupted run
        self.rng = np.random.default_rng(11)
        self.hits = dict.fromkeys(("before the first set", "write", "at once", "moment"), 0)
        self.resumed_at, self.ended = [], 0

    def wanted(self):
        """The kind of the next kill; the kinds follow one another in turns."""
        goals = {"before the first set": 1, "write": IN_A_WRITE, "at once": AT_ONCE}
        goals["moment"] = KILLS - sum(goals.values())
        missing = [kind for kind, goal in goals.items() if self.hits[kind] < goal]
        if "before the first set" in missing and not self.folder.exists():
            return "before the first set"
        missing = [kind for kind in missing if kind != "before the first set"]
        return min(missing, key=lambda kind: self.hits[kind] / goals[kind], default=None)

    def one_life(self, kind):
        before = saved_step(self.folder)
        with Life(self.text, self.folder) as life:
            self.live(life, kind, before)
            killed = life.kill()
        assert saved_step(self.folder) >= before, "a saved step was lost"
        if killed and self.was(kind):
            self.hits[kind] += 1
        if not killed:
            self.end()

    def live(self, life, kind, before):
        """Let it be until the moment to kill it."""
        if kind == "before the first set":
            return life.wait_for(is_described)
        if kind == "at once":
            return time.sleep(self.rng.uniform(0, self.start))
        step = life.first_step()
        assert step in (None, before)
        self.resumed_at.append(step)
        time.sleep(self.rng.uniform(0, SHARE * self.training))
        if kind == "write":
            n = 1 + self.hits["write"] % 3  # of the three files of a set
            life.wait_for(Writes(self.folder, n))

    def was(self, kind):
        """Whether the kill was of the kind that was meant, as the folder shows."""
        if kind == "before the first set":
            return not has_set(self.folder)
        return kind != "write" or half_a_write(self.folder)

    def end(self):
        """The run had ended: that is a result too. The next one starts from nothing."""
        assert_same_folders(self.folder, self.expected)
        shutil.rmtree(self.folder)
        self.ended += 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_twenty_kills_leave_the_bits_of_an_uninterrupted_run(tmp_path):
    text, expected, folder = (tmp_path / name for name in ("text.txt", "whole", "killed"))
    write_text(text)
    with Life(text, expected) as whole:
        assert whole.first_step() == 0
        start = time.monotonic() - whole.begun
        whole.finish()
        training = time.monotonic() - whole.begun - start

    killings = Killings(text, expected, folder, start, training)
    for _ in range(LIVES):
        kind = killings.wanted()
        if kind is None:
            break
        killings.one_life(kind)
    assert sum(killings.hits.values()) >= KILLS, killings.hits
    assert killings.hits["before the first set"] >= 1
    assert killings.hits["write"] >= IN_A_WRITE

    with Life(text, folder) as last:
        killings.resumed_at.append(last.first_step())
        last.finish()
    assert_same_folders(folder, expected)
    middle = {step for step in killings.resumed_at if step and 0 < step < 150}
    assert len(middle) >= 3, "too few runs went on from a middle step"
