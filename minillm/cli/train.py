"""python -m minillm train: a model of your own text."""

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from minillm.cli.arguments import above_zero, add_seed, at_least_zero, below_one, whole
from minillm.cli.presets import PRESETS
from minillm.cli.run import SCHEDULES, LanguageModelRun, RunSettings
from minillm.data import read_text, split_tail, text_sha256
from minillm.model_folder import FolderError, ModelFolder
from minillm.tokenizers import BPETokenizer
from minillm.training import available_cores

MAY_CHANGE = ("text", "checkpoint_every", "evaluate_every", "sample_every")


def add_parser(commands: Any) -> None:
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
        "--vocab-size", type=whole(256), help="tokens (default: the size's)"
    )
    parser.add_argument("--positions", choices=("learned", "sinusoidal"))
    parser.add_argument("--dropout", type=below_one, help="default 0.1")


def _add_training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=whole(1), help="default 1000")
    parser.add_argument(
        "--batch", type=whole(1), help="windows a step (default: the size's)"
    )
    parser.add_argument("--lr", type=above_zero, help="the peak (default: the size's)")
    parser.add_argument("--schedule", choices=SCHEDULES, help="default cosine")
    parser.add_argument("--warmup", type=whole(0), help="steps (default 3 %% of all)")
    parser.add_argument("--weight-decay", type=at_least_zero, help="default 0.1")
    parser.add_argument(
        "--accumulate", type=whole(1), help="add up the gradients of so many batches a step"
    )
    parser.add_argument(
        "--threads",
        type=whole(1),
        help="share each batch among cores (default: all, up to 8)",
    )
    parser.add_argument("--checkpoint-every", type=whole(1), help="steps (default 100)")
    parser.add_argument("--evaluate-every", type=whole(0), help="steps (default 100)")
    parser.add_argument("--sample-every", type=whole(0), help="steps (default 0: never)")


def run(args: argparse.Namespace) -> None:
    folder = ModelFolder(args.out)
    going_on = args.resume and folder.path.is_dir() and folder.is_ours()
    settings = (_stored_settings if going_on else _new_settings)(folder, args)
    text = read_text(settings.text)
    if text_sha256(text) != settings.text_sha256:
        raise FolderError(f"{settings.text} is not the text of the run in {folder.path}")
    split = split_tail(text)

    if folder.has_set():
        tokenizer = BPETokenizer.load(folder.path / "tokenizer.json")
    else:
        tokenizer = BPETokenizer.train(split.train, settings.vocab_size)
    trained = LanguageModelRun(settings, split, tokenizer, folder)
    _open(folder, trained, resume=args.resume)
    trained.trainer.run()
    _report(trained)


def _new_settings(folder: ModelFolder, args: argparse.Namespace) -> RunSettings:
    """From the command line and its defaults. A folder in use is refused."""
    if folder.path.is_dir() and folder.is_ours():
        raise ValueError(
            f"--out {folder.path} holds a model already: add --resume to go on with it, "
            "or give another folder"
        )
    if args.text is None:
        raise ValueError("--text is missing: give a file of UTF-8 text to learn from")
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
    text = read_text(args.text)
    described: dict[str, Any] = {"command": "train", "text_sha256": text_sha256(text)}
    described["text"] = str(Path(args.text).resolve())
    return RunSettings(**(defaults | _explicit(args) | described))


def _stored_settings(folder: ModelFolder, args: argparse.Namespace) -> RunSettings:
    """Those of the run in the folder; an option that says otherwise is refused."""
    stored = RunSettings.stored(folder)
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
    return RunSettings(**(vars(stored) | changed))


def _explicit(args: argparse.Namespace) -> dict[str, Any]:
    """The options that were given."""
    names = {field.name for field in fields(RunSettings)}
    return {n: v for n, v in vars(args).items() if n in names and v is not None}


def _open(folder: ModelFolder, trained: LanguageModelRun, *, resume: bool) -> None:
    """Claim the folder; go on from its last set, or describe the new run in it."""
    if folder.has_set():
        trained.trainer.resume()
        print(f"resuming {folder.path} at step {trained.trainer.step}", file=sys.stderr)
        return
    if resume:
        print(f"{folder.path} holds no whole set yet: starting at step 0", file=sys.stderr)
    folder.claim()
    trained.begin()


def _report(trained: LanguageModelRun) -> None:
    nats = trained.valid_loss()
    print(
        f"validation loss {nats:.3f} nats per token, "
        f"{trained.valid_bits_per_byte(nats):.3f} bits per byte "
        f"({len(trained.valid_ids):,} held-out tokens; guessing among "
        f"{trained.tokenizer.vocab_size:,} tokens would be "
        f"{np.log(trained.tokenizer.vocab_size):.3f} nats)"
    )
    folder = trained.folder.path if trained.folder else "."
    print(f"saved in {folder}; type next:")
    print(f"  python -m minillm generate --model {folder} --prompt 'The'")
