"""python -m minillm: watch a language model being made."""

import argparse
import math
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from minillm.cli.arguments import add_device, add_seed, whole
from minillm.cli.draw import curve
from minillm.cli.run import claim
from minillm.cli.settings import RunSettings, default_threads
from minillm.cli.text_runs import LanguageModelRun
from minillm.data import Split, keep_paragraphs_once, split_tail, text_sha256, tour_text
from minillm.evaluation import bits_per_byte, compression_baselines, token_baselines
from minillm.model_folder import ModelFolder
from minillm.tokenizers import BPETokenizer

DEFAULT = Path("minillm-tour")
SECONDS = 150  # of training, so that all of the tour takes less than three minutes
TIMED_STEPS = 10
LOOKS = 5  # how often training stops to evaluate, to sample and to save
STEPS = range(60, 3000)  # fewer teach nothing; more learn this small text by heart


def add_parser(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "tour",
        help="the default: make a language model in three minutes",
        description="Train a tokenizer and a transformer on the Python language reference "
        "that every Python carries, show what the model writes before, during and after, "
        "and score it on text that it has not seen, beside simpler ways to predict.",
    )
    parser.add_argument(
        "--steps",
        type=whole(1),
        metavar="N",
        help="default: as many as ten timed steps promise",
    )
    parser.add_argument(
        "--threads", type=whole(1), metavar="N", help="default: all cores, up to 8; gpu: 1"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        default=DEFAULT,
        help="where the model goes (default ./minillm-tour)",
    )
    add_device(parser)
    add_seed(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """The five chapters of the tour."""
    folder = ModelFolder(args.out)
    _claim(folder)
    text = tour_text()
    split = split_tail(keep_paragraphs_once(text))
    settings = RunSettings(
        command="tour",
        text="the Python language reference (pydoc_data.topics)",
        text_sha256=text_sha256(text),
        config="small",
        steps=args.steps or STEPS.start,
        batch=8,
        lr=2e-3,
        seed=args.seed or 0,
        threads=args.threads or default_threads(args.device),
        vocab_size=1024,
        positions="sinusoidal",
    )
    tokenizer = _learn_tokens(split, settings.vocab_size)
    settings = _choose_steps(settings, split, tokenizer, args)
    made = LanguageModelRun(settings, split, tokenizer, folder, convert=args.convert)
    _train(made)
    _judge(made)
    _what_next(folder)


def _claim(folder: ModelFolder) -> None:
    """A new folder, an empty one, or an earlier tour's, which training overwrites."""
    claim("--out", folder)
    if folder.is_ours() and RunSettings.stored(folder).command != "tour":
        raise ValueError(
            f"--out {folder.path} holds a model that the tour has not made: give another "
            "folder"
        )


def _learn_tokens(split: Split, vocab_size: int) -> BPETokenizer:
    _title("1. Tokens")
    tokenizer = BPETokenizer.train(split.train, vocab_size)
    n_bytes, ids = len(split.train.encode()), tokenizer.encode(split.train)
    print(
        f"The Python language reference: {n_bytes:,} bytes to learn from, and "
        f"{len(split.valid.encode()):,} held out.\n"
        f"A byte-level BPE tokenizer learned {tokenizer.vocab_size:,} tokens; one holds "
        f"{n_bytes / len(ids):.2f} bytes on average."
    )
    words = "The statement returns a generator object."
    tokens = [
        tokenizer.token_bytes(i).decode("utf-8", "replace") for i in tokenizer.encode(words)
    ]
    print("|".join(tokens))
    return tokenizer


def _choose_steps(
    settings: RunSettings, split: Split, tokenizer: BPETokenizer, args: argparse.Namespace
) -> RunSettings:
    """Time ten steps on a copy that is thrown away, and fill the time with such steps."""
    _title("2. A model")
    trial = LanguageModelRun(settings, split, tokenizer, convert=args.convert, quiet=True)
    config = trial.model.config
    print(
        f"A decoder-only transformer of {trial.model.n_parameters():,} parameters: "
        f"{config.n_layers} blocks, d_model {config.d_model}, {config.n_heads} heads, "
        f"a context of {config.max_seq_len} tokens."
    )
    print(f"Before training it writes: {trial.written()!r}")
    steps = args.steps
    if steps is None:
        trial.trainer.train_step()  # the first one also makes room
        seconds = median(_seconds(trial.trainer.train_step) for _ in range(TIMED_STEPS))
        steps = min(max(STEPS.start, round(SECONDS / seconds)), STEPS.stop)
        print(f"A step takes {1000 * seconds:.0f} ms here, so there will be {steps} steps.")
    else:
        print(f"There will be {steps} steps, as asked.")
    every = math.ceil(steps / LOOKS)
    return replace(
        settings,
        steps=steps,
        evaluate_every=every,
        sample_every=every,
        checkpoint_every=every,
    )


def _seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _train(made: LanguageModelRun) -> None:
    _title("3. Training")
    assert made.folder is not None
    made.folder.clear()  # an earlier tour's model is gone only now
    made.begin()
    made.go()
    history = made.trainer.history
    if len(history) > 1:
        print("Validation loss, in nats per token:")
        print(curve([entry["valid"] for entry in history], height=6))


def _judge(made: LanguageModelRun) -> None:
    """The held-out text in bits per byte, beside what simpler predictors need."""
    _title("4. What it learned")
    print(f"Now it writes: {made.written(96)!r}\n")
    nats = made.valid_loss()
    n_tokens, n_bytes = len(made.valid_ids), len(made.split.valid.encode())
    simple = token_baselines(made.train_ids, made.valid_ids, made.tokenizer.vocab_size)
    scores = {name: bits_per_byte(x, n_tokens, n_bytes) for name, x in simple.items()}
    scores |= compression_baselines(made.split.train, made.split.valid)
    scores["this model"] = made.valid_bits_per_byte(nats)
    print(f"Held-out text: {nats:.3f} nats per token. Bits for each byte, fewer is better:")
    for name, bits in sorted(scores.items(), key=lambda item: -item[1]):
        print(f"  {bits:.3f}  {name}{'  <--' if name == 'this model' else ''}")
    print("(primed: the compressor has seen the training text first)")


def _what_next(folder: ModelFolder) -> None:
    _title("5. Your turn")
    print(f"The model is in {folder.path}. Type next:")
    chosen = f" --model {shlex.quote(str(folder.path))}"
    if folder.path == DEFAULT:
        chosen = ""
    print(f"  python -m minillm generate{chosen} --prompt 'The class'")
    print(f"  python -m minillm inspect{chosen} --prompt 'If the object has no attribute'")
    print(f"  python -m minillm tokenize{chosen} 'Any text at all'")
    print("  python -m minillm train --text FILE --out DIR")


def _title(text: str) -> None:
    print(f"\n{text}", flush=True)
    sys.stderr.flush()
