"""python -m minillm train: a model of your own text, or of a generated task."""

import argparse
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from minillm.cli.arguments import (
    above_zero,
    add_device,
    add_seed,
    at_least_zero,
    below_one,
    whole,
)
from minillm.cli.choices import FITS, OBJECTIVES
from minillm.cli.material import Material
from minillm.cli.objectives import RUNS
from minillm.cli.opening import begin, go_on
from minillm.cli.presets import PRESETS
from minillm.cli.run import Run, claim
from minillm.cli.settings import SCHEDULES, RunSettings
from minillm.cli.tasks import TASKS
from minillm.model_folder import RESULT, ModelFolder
from minillm.models.parts import PARTS
from minillm.tokenizers import BPETokenizer, Tokenizer, load_tokenizer


def add_parser(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "train",
        help="train a tokenizer and a model on a text file or a task",
        description="Train a tokenizer and a model on a text file, or on a generated task. "
        "The last tenth is held out and scored. DIR then holds a model for generate, fill, "
        "classify or translate, and for inspect.",
        epilog="A file is UTF-8. For classify it has a line of text<TAB>label for each "
        "example, for translate source<TAB>target, and for tag word/TAG word/TAG ...",
    )
    source = parser.add_argument_group("what to learn from, one of")
    source.add_argument("--text", metavar="FILE", help="a file to learn from, see below")
    source.add_argument(
        "--task",
        choices=TASKS,
        help="examples of a generated language, one of "
        + ", ".join(f"{name} ({task.objective})" for name, task in TASKS.items()),
    )
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
    add_device(parser)
    add_seed(parser)
    parser.set_defaults(run=run)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--architecture",
        choices=FITS,
        help="default: the one that the objective fits, or decoder",
    )
    fits = "; ".join(f"{name}: {', '.join(learns)}" for name, learns in FITS.items())
    what = ", ".join(f"{name} ({about})" for name, about in OBJECTIVES.items())
    parser.add_argument(
        "--objective",
        choices=OBJECTIVES,
        help=f"{what}. What fits, the default first: {fits}",
    )
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
        "--positions",
        choices=PARTS["positions"],
        help="how a transformer knows order (default learned; masked: rotary)",
    )
    parser.add_argument("--dropout", type=below_one, metavar="P", help="default 0.1")


def _add_training(parser: argparse.ArgumentParser) -> None:
    def count(option: str, least: int, help: str) -> None:
        parser.add_argument(option, type=whole(least), metavar="N", help=help)

    count("--steps", 1, "default 1000")
    count("--batch", 1, "windows a step (default: the size's), or examples (32)")
    parser.add_argument(
        "--lr", type=above_zero, metavar="X", help="the peak (default: the size's)"
    )
    parser.add_argument("--schedule", choices=SCHEDULES, help="default cosine")
    count("--warmup", 1, "steps (default: 3 %% of all)")
    parser.add_argument(
        "--weight-decay", type=at_least_zero, metavar="X", help="default 0.1"
    )
    count("--accumulate", 1, "add up the gradients of N batches a step (default 1)")
    count("--threads", 1, "share each batch among cores (default: all, up to 8; gpu: 1)")
    count("--checkpoint-every", 1, "steps between saves (default 100)")
    count("--evaluate-every", 0, "steps (default 100; 0: at the end only)")
    count("--sample-every", 0, "steps (default 0: at the end only)")


def run(args: argparse.Namespace) -> None:
    """Begin a run, or go on with one, and print how well it predicts."""
    folder = ModelFolder(args.out)
    going_on = args.resume and folder.path.is_dir() and folder.is_ours()
    settings, material = (go_on if going_on else begin)(args, folder)
    claim("--out", folder)
    tokenizer = _tokenizer(folder, settings, material)
    trained = _class(settings)(settings, material, tokenizer, folder, convert=args.convert)
    _open(trained, folder, resume=args.resume)
    trained.go()
    _report(trained, folder)


def _class(settings: RunSettings) -> Any:
    return RUNS[settings.architecture, settings.objective]


def _tokenizer(folder: ModelFolder, settings: RunSettings, material: Material) -> Tokenizer:
    """The run's own; a new one where no set was saved with it yet."""
    if folder.has_set():
        return load_tokenizer(folder.file("tokenizer.json"))
    tokenizer: Tokenizer = _class(settings).new_tokenizer(settings, material)
    if isinstance(tokenizer, BPETokenizer) and tokenizer.vocab_size < settings.vocab_size:
        print(
            f"the text gives {tokenizer.vocab_size} tokens, not {settings.vocab_size}: "
            "every word is one already",
            file=sys.stderr,
        )
    return tokenizer


def _open(trained: Run, folder: ModelFolder, *, resume: bool) -> None:
    """Go on from the folder's last set, or describe the new run in it."""
    print(trained.describe(), file=sys.stderr)
    if folder.has_set():
        trained.trainer.resume()
        print(f"resuming {folder.path} at step {trained.trainer.step}", file=sys.stderr)
        return
    if resume:
        print(f"{folder.path} holds no whole set yet: starting at step 0", file=sys.stderr)
    trained.begin()


def _report(trained: Run, folder: ModelFolder) -> None:
    """Say how good the model is, and keep it in the folder."""
    figures = trained.figures()
    step, kept = trained.trainer.step, [asdict(figure) for figure in figures]
    folder.write_json(RESULT, {"step": step, "figures": kept})
    print(trained.report(figures))
    print(f"saved in {folder.path}; type next:")
    command, option = trained.next_words.split()
    model, text = shlex.quote(str(folder.path)), shlex.quote(trained.example())
    print(f"  python -m minillm {command} --model {model} {option} {text}")
