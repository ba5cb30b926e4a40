"""What decides a training run: the options of tour and train, checked and kept."""

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from minillm.cli.arguments import LARGEST
from minillm.cli.choices import check_choice, check_fit
from minillm.cli.presets import PRESETS
from minillm.cli.tasks import TASKS
from minillm.model_folder import FolderError, ModelFolder
from minillm.models.parts import PARTS
from minillm.training import Constant, Noam, Schedule, WarmupCosine, available_cores

SCHEDULES = ("cosine", "noam", "constant")
AT_LEAST_1 = ("steps", "batch", "threads", "accumulate")
AT_LEAST_0 = ("warmup", "vocab_size", "evaluate_every", "sample_every", "checkpoint_every")
# what a run was before there was a choice: folders from then do not say it
ONCE: dict[str, Any] = {"architecture": "decoder", "objective": "causal", "task": ""}


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides a run; config.json keeps it, so that a run can go on.

    It learns from the file `text`, or from a `task` unless that is "".
    """

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
    architecture: str = "decoder"
    objective: str = "causal"
    task: str = ""

    def __post_init__(self) -> None:
        check_fit(self.architecture, self.objective)
        if self.task:
            check_choice("task", self.task, TASKS)
            learned_by = TASKS[self.task].objective
            if self.objective != learned_by:
                raise ValueError(
                    f"objective {self.objective} does not fit task {self.task}: it is "
                    f"learned by {learned_by}"
                )
        check_choice("config", self.config, PRESETS)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("positions", self.positions, PARTS["positions"])
        self._check_numbers()
        if self.prompt.encode(errors="replace").decode() != self.prompt or not self.prompt:
            raise ValueError(f"prompt {self.prompt!r:.80}: give characters")
        if self.warmup > self.steps:
            raise ValueError(f"warmup {self.warmup}: give at most steps {self.steps}")

    def _check_numbers(self) -> None:
        """The options' own types have done so already, unless a file says them."""
        limits = {name: (1, LARGEST) for name in AT_LEAST_1}
        limits |= {name: (0, LARGEST) for name in AT_LEAST_0} | {"seed": (0, 2**63 - 1)}
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} {getattr(self, name)}: give {least} to {most}")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr {self.lr}: give a number above 0")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay {self.weight_decay}: give at least 0")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout {self.dropout}: give 0 <= dropout < 1")

    @classmethod
    def stored(cls, folder: ModelFolder) -> "RunSettings":
        """The settings of the run that a folder holds, as they were saved."""
        if folder.has_set():
            folder.current()  # compares the checksum of config.json
        path = folder.path / "config.json"
        run = folder.read_json("config.json").get("run")
        run = ONCE | run if isinstance(run, dict) else {}
        if run.keys() != {field.name for field in fields(cls)}:
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


def default_threads(device: str) -> int:
    """All cores, up to 8; what one thread asks of a GPU keeps it busy."""
    return 1 if device == "gpu" else min(8, available_cores())


def objective_of(path: Path) -> str | None:
    """What the run in a model's folder has learned by; None where no run made it."""
    run = ModelFolder(path).read_json("config.json").get("run")
    return None if run is None else RunSettings.stored(ModelFolder(path)).objective
