"""What decides a training run: the options of tour and train, checked and kept."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import get_type_hints

from minillm.cli.presets import PRESETS
from minillm.model_folder import FolderError, ModelFolder
from minillm.training import Constant, Noam, Schedule, WarmupCosine

SCHEDULES = ("cosine", "noam", "constant")


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides a run; config.json keeps it, so that a run can go on."""

    command: str
    text: str
    text_sha256: str
    config: str
    steps: int
    batch: int
    lr: float
    seed: int
    threads: int
    vocab_size: int
    positions: str = "learned"
    schedule: str = "cosine"
    warmup: int = 0
    dropout: float = 0.1
    weight_decay: float = 0.1
    accumulate: int = 1
    evaluate_every: int = 0
    sample_every: int = 0
    checkpoint_every: int = 0
    prompt: str = "The"

    def __post_init__(self) -> None:
        _check_choice("config", self.config, PRESETS)
        _check_choice("schedule", self.schedule, SCHEDULES)
        if not 0 <= self.warmup <= self.steps:
            raise ValueError(f"warmup {self.warmup}: give at most steps {self.steps}")

    @classmethod
    def stored(cls, folder: ModelFolder) -> "RunSettings":
        """The settings of the run that a folder holds, as they were saved."""
        if folder.has_set():
            folder.current()  # compares the checksum of config.json
        path = folder.path / "config.json"
        run = folder.read_json("config.json").get("run")
        if not isinstance(run, dict) or run.keys() != {f.name for f in fields(cls)}:
            raise FolderError(f"{path} describes no training run")
        for name, kind in get_type_hints(cls).items():
            if type(run[name]) is not kind:
                raise FolderError(f"{path}: {name} is not of type {kind.__name__}")
        try:
            return cls(**run)
        except ValueError as error:
            raise FolderError(f"{path}: {error}") from None

    def make_schedule(self, d_model: int) -> Schedule:
        warmup = self.warmup or max(1, round(0.03 * self.steps))
        if self.schedule == "cosine":
            return WarmupCosine(self.lr, warmup, self.steps)
        if self.schedule == "noam":  # lr is the peak, which the paper's factor scales
            return Noam(d_model, warmup, self.lr * (d_model * warmup) ** 0.5)
        return Constant(self.lr)


def _check_choice(name: str, given: str, accepted: Collection[str]) -> None:
    if given not in accepted:
        raise ValueError(f"{name} {given!r}: give one of {', '.join(accepted)}")
