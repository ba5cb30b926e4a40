"""python -m minillm train: a model of your own text."""

import argparse
import math
import shlex
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from minillm.cli.arguments import above_zero, add_seed, at_least_zero, below_one, whole
from minillm.cli.presets import PRESETS
from minillm.cli.run import LanguageModelRun, claim
from minillm.cli.settings import SCHEDULES, RunSettings
from minillm.data import Split, read_text, split_tail, text_sha256
from minillm.model_folder import ModelFolder
from minillm.tokenizers import BPETokenizer
from minillm.training import available_cores

MAY_CHANGE = ("text", "checkpoint_every", "evaluate_every", "sample_every")


def add_parser(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "train",
        help="train a tokenizer and a model on a text file",
        description="Train a byte-level BPE tokenizer and a decoder-only transformer on a "
        "text file. The last tenth of the text is held out and scored. DIR then holds a "
        "model for generate and inspect.",
    )
    parser.add_argument("--text", metavar="FILE", help="UTF-8 text to learn from")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", required=True, help="where it goes"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from DIR's last whole checkpoint, bit for bit, with the run's own "
        "settings; from step 0 if there is none yet",
    )
    _add_model(parser)
    _add_training(parser)
    add_seed(parser)
    parser.set_defaults(run=run)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        choices=PRESETS,
        help="size of the model (default small): "
        + ", ".join(
            f"{n} is d_model {p.d_model} x {p.n_layers}" for n, p in PRESETS.items()
        ),
    )
    parser.add_argument(
        "--vocab-size", type=whole(256), metavar="N", help="tokens (default: the size's)"
    )
    parser.add_argument(
        "--positions", choices=("learned", "sinusoidal"), help="default learned"
    )
    parser.add_argument("--dropout", type=below_one, metavar="P", help="default 0.1")


def _add_training(parser: argparse.ArgumentParser) -> None:
    def count(option: str, least: int, help: str) -> None:
        parser.add_argument(option, type=whole(least), metavar="N", help=help)

    count("--steps", 1, "default 1000")
    count("--batch", 1, "windows a step (default: the size's)")
    parser.add_argument(
        "--lr", type=above_zero, metavar="X", help="the peak (default: the size's)"
    )
    parser.add_argument("--schedule", choices=SCHEDULES, help="default cosine")
    count("--warmup", 1, "steps (default: 3 %% of all)")
    parser.add_argument(
        "--weight-decay", type=at_least_zero, metavar="X", help="default 0.1"
    )
    count("--accumulate", 1, "add up the gradients of N batches a step (default 1)")
    count("--threads", 1, "share each batch among cores (default: all, up to 8)")
    count("--checkpoint-every", 1, "steps between saves (default 100)")
    count("--evaluate-every", 0, "steps (default 100; 0: at the end only)")
    count("--sample-every", 0, "steps (default 0: at the end only)")


def run(args: argparse.Namespace) -> None:
    """Begin a run, or go on with one, and print how well it predicts."""
    folder = ModelFolder(args.out)
    if args.resume and folder.path.is_dir() and folder.is_ours():
        settings = _stored_settings(folder, args)
        text = _same_text(settings, folder)
    else:
        _check_new(folder, args)
        text = read_text(args.text)
        settings = _new_settings(args, text)
    split = split_tail(text)
    claim("--out", folder)
    trained = LanguageModelRun(settings, split, _tokenizer(folder, settings, split), folder)
    _open(trained, resume=args.resume)
    trained.go()
    _report(trained)


def _check_new(folder: ModelFolder, args: argparse.Namespace) -> None:
    """A new run needs a text, and a folder that no other run is in."""
    if folder.path.is_dir() and folder.is_ours():
        raise ValueError(
            f"--out {folder.path} holds a model already: add --resume to go on with it, "
            "or give another folder"
        )
    if args.text is None and args.resume:
        raise ValueError(
            f"--resume: {folder.path} holds no run; check --out, or begin one with --text"
        )
    if args.text is None:
        raise ValueError("--text is missing: give a file of UTF-8 text to learn from")


def _new_settings(args: argparse.Namespace, text: str) -> RunSettings:
    """From the command line and its defaults."""
    preset = PRESETS[args.config or "small"]
    defaults: dict[str, Any] = {
        "config": "small",
        "steps": 1000,
        "batch": preset.batch,
        "lr": preset.lr,
        "seed": 0,
        "threads": min(8, available_cores()),
        "vocab_size": preset.vocab_size,
        "checkpoint_every": 100,
        "evaluate_every": 100,
    }
    described: dict[str, Any] = {"command": "train", "text_sha256": text_sha256(text)}
    described["text"] = str(Path(args.text).resolve())
    return RunSettings(**(defaults | _explicit(args) | described))


def _stored_settings(folder: ModelFolder, args: argparse.Namespace) -> RunSettings:
    """Those of the run in the folder; an option that says otherwise is refused."""
    stored = RunSettings.stored(folder)
    if stored.command != "train":
        raise ValueError(
            f"--resume: {folder.path} holds a model of the tour, which cannot go on; give "
            "another folder"
        )
    explicit = _explicit(args)
    if "text" in explicit:
        explicit["text"] = str(Path(args.text).resolve())
    for name, value in explicit.items():
        if name not in MAY_CHANGE and value != getattr(stored, name):
            raise ValueError(
                f"--{name.replace('_', '-')} {value} differs from the run in "
                f"{folder.path}, which has {getattr(stored, name)}: leave it out, or "
                "start a new run"
            )
    changed = {name: value for name, value in explicit.items() if name in MAY_CHANGE}
    return replace(stored, **changed)


def _same_text(settings: RunSettings, folder: ModelFolder) -> str:
    """The text that the run in the folder began with."""
    try:
        text = read_text(settings.text)
    except ValueError as error:
        raise ValueError(
            f"{error}; the run in {folder.path} learns from it: give its place with --text"
        ) from None
    if text_sha256(text) != settings.text_sha256:
        raise ValueError(
            f"--text {settings.text} is not the text that the run in {folder.path} began "
            "with: give that one, or start a new run"
        )
    return text


def _tokenizer(folder: ModelFolder, settings: RunSettings, split: Split) -> BPETokenizer:
    """The run's own; a new one where no set was saved with it yet."""
    if folder.has_set():
        return BPETokenizer.load(folder.path / "tokenizer.json")
    tokenizer = BPETokenizer.train(split.train, settings.vocab_size)
    if tokenizer.vocab_size < settings.vocab_size:
        print(
            f"the text gives {tokenizer.vocab_size} tokens, not {settings.vocab_size}: "
            "every word is one already",
            file=sys.stderr,
        )
    return tokenizer


def _explicit(args: argparse.Namespace) -> dict[str, Any]:
    """The options that were given."""
    names = {field.name for field in fields(RunSettings)}
    return {n: v for n, v in vars(args).items() if n in names and v is not None}


def _open(trained: LanguageModelRun, *, resume: bool) -> None:
    """Go on from the folder's last set, or describe the new run in it."""
    assert trained.folder is not None
    path = trained.folder.path
    print(trained.describe(), file=sys.stderr)
    if trained.folder.has_set():
        trained.trainer.resume()
        print(f"resuming {path} at step {trained.trainer.step}", file=sys.stderr)
        return
    if resume:
        print(f"{path} holds no whole set yet: starting at step 0", file=sys.stderr)
    trained.begin()


def _report(trained: LanguageModelRun) -> None:
    nats, n_tokens = trained.valid_loss(), trained.tokenizer.vocab_size
    print(
        f"validation loss {nats:.3f} nats per token, "
        f"{trained.valid_bits_per_byte(nats):.3f} bits per byte "
        f"({len(trained.valid_ids):,} held-out tokens; guessing among "
        f"{n_tokens:,} tokens would be {math.log(n_tokens):.3f} nats)"
    )
    assert trained.folder is not None
    folder = trained.folder.path
    print(f"saved in {folder}; type next:")
    model = shlex.quote(str(folder))
    print(f"  python -m minillm generate --model {model} --prompt 'The'")
