"""How a training run is opened: begun from the command line, or gone on with."""

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from minillm.cli.choices import FITS, RECURRENT, check_fit, default_positions, fitting
from minillm.cli.material import PARSERS, Material, parse
from minillm.cli.presets import PRESETS
from minillm.cli.settings import RunSettings, default_threads
from minillm.cli.tasks import TASKS, task_text
from minillm.data import read_text, text_sha256
from minillm.model_folder import ModelFolder

MAY_CHANGE = ("text", "checkpoint_every", "evaluate_every", "sample_every")
EXAMPLES = 32  # a step: they are shorter than windows


def begin(args: argparse.Namespace, folder: ModelFolder) -> tuple[RunSettings, Material]:
    """A new run, which needs something to learn from, and a folder of its own."""
    if folder.path.is_dir() and folder.is_ours():
        raise ValueError(
            f"--out {folder.path} holds a model already: add --resume to go on with it, "
            "or give another folder"
        )
    if args.text is None and args.task is None and args.resume:
        raise ValueError(
            f"--resume: {folder.path} holds no run; check --out, or begin one with --text"
        )
    chosen = _choices(args)
    text = task_text(args.task, args.seed or 0) if args.task else read_text(args.text)
    settings = _new_settings(args, chosen, text)
    return settings, parse(settings.objective, text, _name(settings))


def go_on(args: argparse.Namespace, folder: ModelFolder) -> tuple[RunSettings, Material]:
    """The run that is in the folder, with what it began with."""
    settings = _stored_settings(args, folder)
    text = _same_text(settings, folder)
    return settings, parse(settings.objective, text, _name(settings))


def _choices(args: argparse.Namespace) -> dict[str, str]:
    """Architecture and objective, of which one may leave the other open."""
    if args.text is not None and args.task is not None:
        raise ValueError("--text and --task: give one of them")
    if args.text is None and args.task is None:
        raise ValueError(
            "--text is missing: give a file of UTF-8 text to learn from, or a --task"
        )
    objective, architecture = args.objective, args.architecture
    if objective is None and args.task is not None:
        objective = TASKS[args.task].objective
    if objective is None:
        objective = FITS[architecture or "decoder"][0]
    if architecture is None:
        architecture = fitting(objective)[0]
    try:
        check_fit(architecture, objective)
    except ValueError as error:
        given = "--objective" if args.objective else "--task" if args.task else ""
        raise ValueError(f"{given} with --architecture: {error}") from None
    if architecture in RECURRENT and args.positions not in (None, "none"):
        raise ValueError(
            f"--positions {args.positions}: {architecture} has none, it reads in order"
        )
    if args.task is not None and args.vocab_size is not None:
        raise ValueError("--vocab-size with --task: a task's vocabulary is its words")
    return {"architecture": architecture, "objective": objective}


def _new_settings(
    args: argparse.Namespace, chosen: dict[str, str], text: str
) -> RunSettings:
    """From the command line and its defaults."""
    preset = PRESETS[args.config or "small"]
    defaults: dict[str, Any] = {
        "config": "small",
        "steps": 1000,
        "batch": EXAMPLES if chosen["objective"] in PARSERS else preset.batch,
        "lr": preset.lr,
        "seed": 0,
        "threads": default_threads(args.device),
        "vocab_size": preset.vocab_size if args.task is None else 0,
        "positions": default_positions(**chosen),
        "checkpoint_every": 100,
        "evaluate_every": 100,
    }
    described: dict[str, Any] = {"command": "train", "text_sha256": text_sha256(text)}
    described["text"] = "" if args.task else str(Path(args.text).resolve())
    return RunSettings(**(defaults | _explicit(args) | described | chosen))


def _stored_settings(args: argparse.Namespace, folder: ModelFolder) -> RunSettings:
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
        has = getattr(stored, name)
        if name == "text" and stored.task:
            raise ValueError(
                f"--text {value}: the run in {folder.path} learns from task {stored.task}"
            )
        if name not in MAY_CHANGE and value != has:
            raise ValueError(
                f"--{name.replace('_', '-')} {value} differs from the run in "
                f"{folder.path}, which has {has or 'none'}: leave it out, or "
                "start a new run"
            )
    changed = {name: value for name, value in explicit.items() if name in MAY_CHANGE}
    return replace(stored, **changed)


def _same_text(settings: RunSettings, folder: ModelFolder) -> str:
    """The text that the run in the folder began with."""
    if settings.task:
        text = task_text(settings.task, settings.seed)
        if text_sha256(text) != settings.text_sha256:
            raise ValueError(
                f"task {settings.task} draws other examples than when the run in "
                f"{folder.path} began: start a new run"
            )
        return text
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


def _name(settings: RunSettings) -> str:
    """What the material is called where a fault in it is told."""
    return f"task {settings.task}" if settings.task else f"text file {settings.text}"


def _explicit(args: argparse.Namespace) -> dict[str, Any]:
    """The options that were given."""
    names = {field.name for field in fields(RunSettings)}
    return {n: v for n, v in vars(args).items() if n in names and v is not None}
