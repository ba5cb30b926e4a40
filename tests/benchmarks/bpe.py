"""Training a byte-level BPE: ours against the Rust `tokenizers`, fed by lines.

As a contestant: `python -m tests.benchmarks.bpe SIDE`.
"""

import ast
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.contestants import Race, answer
from tests.benchmarks.table import Ratio, Row

VOCAB_SIZE, N_BYTES, TARGET = 5000, 1_000_000, 2.0


def corpus() -> str:
    """The first megabyte of Python's own manual and of the docstrings of its library."""
    parts, size = [], 0
    for text in _texts():
        parts.append(text)
        size += len(text.encode()) + 1
        if size >= N_BYTES:
            break
    return "\n".join(parts).encode()[:N_BYTES].decode(errors="ignore")


def _texts() -> Iterator[str]:
    from minillm.data import tour_text

    yield tour_text()
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, documented) and (text := ast.get_docstring(node)):
                yield text


def ours(text: str) -> int:
    from minillm.tokenizers import BPETokenizer

    return BPETokenizer.train(text, VOCAB_SIZE).vocab_size


def rust(text: str) -> int:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer)
    return tokenizer.get_vocab_size()


SIDES: dict[str, Callable[[str], int]] = {"ours": ours, "rust": rust}


def rows(quick: bool) -> list[Row]:
    with Race({side: (__name__, side) for side in SIDES}) as race:
        sizes = race.ask("size")
        times = race.rounds("time", 3 if quick else 10)
    full = all(size == VOCAB_SIZE for size in sizes.values())
    fault = "" if full else f"vocabularies have {sizes} entries"
    what = "BPE training, 1 MB to 5000 entries, time / Rust tokenizers"
    return [Row(what, Ratio(times["ours"], times["rust"]), TARGET, fault=fault)]


def _serve(side: str) -> None:
    text, train = corpus(), SIDES[side]

    def timed() -> float:
        begun = time.perf_counter()
        train(text)
        return time.perf_counter() - begun

    answer({"size": lambda: train(text), "time": timed})


if __name__ == "__main__":
    _serve(sys.argv[1])
