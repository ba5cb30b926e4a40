"""A tiny model that the command line has trained, and how commands are given here."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from minillm.cli.main import main

ROOT = Path(__file__).parents[2]
WORDS = "a the cat dog house tree red small sees eats finds under with and not café"


@dataclass(frozen=True)
class Said:
    """What a command has said, and its exit code."""

    code: int
    out: str
    err: str

    def refuses(self, code, *words):
        """One line on stderr that holds the words, and nothing else."""
        assert self.code == code, self.err
        assert self.out == ""
        self.ends_with_a_fault(code, *words)
        assert self.err.count("\n") == 1, self.err

    def ends_with_a_fault(self, code, *words):
        """The last line on stderr holds the words; what came before is progress."""
        assert self.code == code, self.err
        assert "Traceback" not in self.err
        last = self.err.splitlines()[-1]
        assert last.startswith("minillm: ")
        for word in words:
            assert str(word) in last


@pytest.fixture
def command(capsys):
    """Give a command to this very process; `gpu` is what moves arrays to its device."""

    def give(*argv, **gpu):
        capsys.readouterr()
        code = main([str(word) for word in argv], **gpu)
        return Said(code, *capsys.readouterr())

    return give


@pytest.fixture
def process(tmp_path):
    """Start a command as a process of its own, in an empty folder."""
    started = []

    def start(*argv, stdout=subprocess.PIPE, environment=None):
        env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
        env.pop("PYTHONUNBUFFERED", None)  # a user's Python is not
        words = [word if isinstance(word, bytes) else str(word) for word in argv]
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "minillm", *words],
                cwd=tmp_path,
                env=env | (environment or {}),
                stdout=stdout,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        )
        return started[-1]

    yield start
    for one in started:
        with one:
            one.kill()


@pytest.fixture(scope="session")
def text_file(tmp_path_factory):
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(WORDS.split(), 12)) + "." for _ in range(60)]
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, text_file):
    """A model after 30 steps. Read only: a test that changes it takes a copy."""
    folder = tmp_path_factory.mktemp("models") / "model"
    assert main([*tiny(text_file, folder), "--steps", "30"]) == 0
    return folder


def tiny(text_file, folder):
    """train, with a model that needs no time."""
    options = "--config tiny --batch 4 --threads 1 --checkpoint-every 5"
    return ["train", "--text", str(text_file), "--out", str(folder), *options.split()]


@pytest.fixture
def train_tiny(command, text_file):
    """Train with further options; `text` and `out` as given."""

    def train(out, *options, text=text_file, **gpu):
        return command(*tiny(text, out), *options, **gpu)

    return train


@pytest.fixture
def contents():
    """The bytes of every file in a folder."""

    def read(folder):
        return {p.name: p.read_bytes() for p in Path(folder).iterdir()}

    return read


def label_lines(n, rng):
    """A text is good or bad as its last word says; the others say nothing."""
    for _ in range(n):
        words = [
            *rng.choice(WORDS.split(), rng.integers(2, 6)),
            rng.choice(["sun", "rain"]),
        ]
        yield f"{' '.join(words)}\t{'good' if words[-1] == 'sun' else 'bad'}"


def tag_lines(n, rng):
    for _ in range(n):
        words = rng.choice(WORDS.split(), rng.integers(2, 6))
        yield " ".join(f"{word}/{'LONG' if len(word) > 3 else 'SHORT'}" for word in words)


def pair_lines(n, rng):
    for _ in range(n):
        words = rng.choice(WORDS.split(), rng.integers(2, 5))
        yield f"{' '.join(words)}\t{' '.join(words[::-1])}"


LINES = {"classify": label_lines, "tag": tag_lines, "translate": pair_lines}


@pytest.fixture(scope="session")
def files(tmp_path_factory, text_file):
    """A file to learn from for each objective."""
    folder = tmp_path_factory.mktemp("files")
    paths = dict.fromkeys(("causal", "prefix", "masked", "spans"), text_file)
    for name, lines in LINES.items():
        paths[name] = folder / f"{name}.txt"
        text = "\n".join(lines(60, np.random.default_rng(0)))
        paths[name].write_text(text, encoding="utf-8")
    return paths


KINDS = {
    "prefix": "--objective prefix",
    "masked": "--architecture encoder",
    "classify": "--objective classify",
    "tag": "--objective tag",
    "spans": "--architecture encoder-decoder",
    "translate": "--objective translate",
    "rnn": "--architecture rnn",
    "lstm": "--architecture lstm",
    "gru": "--architecture gru",
    "sentiment": "--task sentiment",
    "entities": "--task entities",
    "translation": "--task translation",
}


@pytest.fixture(scope="session")
def of_kind(files):
    """The options of train for a tiny model of a kind, in a folder."""

    def options(kind, folder):
        common = f"--config tiny --batch 4 --threads 1 --out {folder} {KINDS[kind]}"
        text = (
            [] if "--task" in common else ["--text", str(files.get(kind, files["causal"]))]
        )
        return ["train", *common.split(), *text]

    return options


@pytest.fixture(scope="session")
def trained(tmp_path_factory, of_kind):
    """A folder with a model of a kind after 8 steps, trained when it is first asked for."""
    folders = {}

    def folder_of(kind):
        if kind not in folders:
            folders[kind] = tmp_path_factory.mktemp("kinds") / kind
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("minillm.cli.tasks.N_EXAMPLES", 60)
                assert main([*of_kind(kind, folders[kind]), "--steps", "8"]) == 0
        return folders[kind]

    return folder_of
