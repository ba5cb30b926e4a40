"""The training loop, for any Module and any objective."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.device import to_host
from minillm.layers import Module
from minillm.model_folder import FolderError, ModelFolder
from minillm.training.clipping import check_clip, clip_by_global_norm
from minillm.training.interrupt import finish_on_interrupt
from minillm.training.kept import history_of, whole_number
from minillm.training.objectives import Batch, Objective
from minillm.training.optimizers import Optimizer
from minillm.training.parallel import BatchGradient
from minillm.training.progress import Progress
from minillm.training.schedules import Schedule
from minillm.types import Array


class NonFiniteLossError(ArithmeticError):
    """The loss or its gradient became infinite or NaN; the weights are as before."""


@dataclass(frozen=True)
class TrainerSettings:
    """How long to train and how often to look: every so many steps, and at the end.

    An interval of 0 means at the end only. `seed` decides what dropout drops; each
    batch is cut into `accumulate` micro-batches of which one at a time is in memory,
    shared by `threads`; `clip` limits the gradient's norm.
    """

    steps: int
    seed: int = 0
    clip: float = 1.0
    accumulate: int = 1
    threads: int = 1
    evaluate_every: int = 0
    sample_every: int = 0
    checkpoint_every: int = 0

    def __post_init__(self) -> None:
        for name in ("accumulate", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} must be at least 1")
        for name in ("steps", "seed", "evaluate_every", "sample_every", "checkpoint_every"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} {getattr(self, name)} must be at least 0")
        if self.seed >= 1 << 63:
            raise ValueError(f"seed {self.seed} must be below 2^63")
        check_clip(self.clip)


class Trainer:
    """Gradient, clip, step; and in between: evaluate, sample, save.

        trainer = Trainer(model, NextToken(), windows.batch, AdamW(Flat(model)), schedule,
                          TrainerSettings(steps=1000))
        trainer.run()

    `batches(step)` gives the batch of a step, counted from 0, and depends on nothing
    else; what dropout drops depends on (seed, step, layer, example). So a resumed run
    repeats bit for bit what an uninterrupted one would have done, on the same machine,
    with the same NumPy and the same number of threads.

    `evaluate()` gives a validation loss, `sample(step)` a text to show; `folder` is
    where sets are saved. `history` holds step, mean loss since the last entry, and
    validation loss.
    """

    def __init__(
        self,
        model: Module,
        objective: Objective,
        batches: Callable[[int], Batch],
        optimizer: Optimizer,
        schedule: Schedule,
        settings: TrainerSettings,
        *,
        evaluate: Callable[[], float] | None = None,
        sample: Callable[[int], str] | None = None,
        folder: ModelFolder | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.model, self.objective, self.batches = model, objective, batches
        self.optimizer, self.schedule, self.settings = optimizer, schedule, settings
        self.evaluate, self.sample = evaluate, sample
        self.folder, self.progress = folder, progress
        self.gradient = BatchGradient(
            model, optimizer.theta, threads=settings.threads, accumulate=settings.accumulate
        )
        self.step = 0
        self.saved_step: int | None = None
        self.history: list[dict[str, float]] = []
        self.losses: list[float] = []  # since the last entry of history

    def run(self) -> None:
        """Train up to settings.steps.

        Raises NonFiniteLossError, naming the step and what is saved; KeyboardInterrupt
        after Ctrl-C, when the step at hand is done and saved; FolderError if the folder
        holds a run that this one does not go on from.
        """
        if self.folder is not None and self.saved_step is None and self.folder.has_set():
            raise FolderError(
                f"{self.folder.path} holds a run: resume() it, or give another folder"
            )
        steps = self.settings.steps
        try:
            with finish_on_interrupt() as interrupted:
                while self.step < steps:
                    self.train_step()
                    self._look(self.step == steps)
                    if interrupted():
                        self.save()
                        raise KeyboardInterrupt
                self.save()
        finally:
            if self.progress is not None:
                self.progress.close()

    def train_step(self) -> float:
        """One update of the weights; returns the loss of its batch before the update."""
        self.optimizer.theta.check_home()
        batch = self.batches(self.step)
        rng = F.Draws(self.settings.seed, self.step, range(len(batch[0])))
        loss = float(self.gradient(self.objective, batch, rng))
        norm = float(clip_by_global_norm(self.optimizer.theta.grad, self.settings.clip))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            what = f"the loss is {loss}, its gradient's norm {norm} at step {self.step + 1}"
            raise NonFiniteLossError(self._describe_failure(what))
        self.optimizer.step(self.schedule(self.step + 1))
        self.step += 1
        self.losses.append(loss)
        if self.progress is not None:
            self.progress.update(self.step, loss, self.objective.n_targets(batch))
        return loss

    def save(self) -> None:
        """Write the current set, if there is a folder."""
        if self.folder is None or self.saved_step == self.step:
            return
        if not np.isfinite(self.optimizer.theta.data).all():
            what = f"a weight became infinite or NaN by step {self.step}"
            raise NonFiniteLossError(self._describe_failure(what))
        state = {"history": self.history, "losses": self.losses}
        weights = {n: to_host(x) for n, x in self.model.state_dict().items()}
        moments = self.optimizer.state_dict().items()
        kept = {f"optimizer.{n}": to_host(x) for n, x in moments}
        kept["rng.seed"] = np.array(self.settings.seed)
        kept["rng.step"] = np.array(self.step)
        self.folder.write_set(self.step, weights, kept, state)
        self.saved_step = self.step

    def resume(self) -> None:
        """Go on from the folder's current set. Raises FolderError if it does not fit."""
        if self.folder is None:
            raise FolderError("there is no folder to resume from")
        path, current = self.folder.path, self.folder.current()
        weights = self.folder.read_arrays("model")
        kept = self.folder.read_arrays("optimizer")
        try:
            seed = whole_number("rng.seed", kept.pop("rng.seed", None))
            step = whole_number("rng.step", kept.pop("rng.step", None))
            if seed != self.settings.seed:
                raise ValueError(
                    f"it was trained with seed {seed}, not {self.settings.seed}"
                )
            if step != current["step"]:
                raise ValueError(f"step {step} was saved as step {current['step']}")
            history, losses = history_of(current["state"], step)
            kept = {name.removeprefix("optimizer."): x for name, x in kept.items()}
            self.model.load_state_dict(weights)
            self.optimizer.load_state_dict(kept)
        except ValueError as error:
            raise FolderError(f"{path}: {error}") from None
        self.step = self.saved_step = step
        self.history, self.losses = history, losses

    def _look(self, last: bool) -> None:
        """Evaluate, sample and save where it is time."""
        settings = self.settings
        if self._due(settings.evaluate_every, last):
            self._record()
        if self.sample is not None and self._due(settings.sample_every, last):
            self._say(self.sample(self.step))
        if self._due(settings.checkpoint_every, last):
            self.save()

    def _due(self, every: int, last: bool) -> bool:
        return last or bool(every and self.step % every == 0)

    def _record(self) -> None:
        entry = {"step": self.step, "loss": float(np.mean(self.losses))}
        if self.evaluate is not None:
            entry["valid"] = float(self.evaluate())
            if self.progress is not None:
                self.progress.valid_loss = entry["valid"]
        self.history.append(entry)
        self.losses = []

    def _say(self, text: str) -> None:
        if self.progress is not None:
            self.progress.say(text)

    def _describe_failure(self, what: str) -> str:
        if self.folder is None or self.saved_step is None:
            return f"{what}; nothing was saved before. Try a lower lr"
        return (
            f"{what}; step {self.saved_step} is kept in {self.folder.path}. Try a lower lr"
        )


def mean_loss(
    model: Any, objective: Objective, batches: Any, rng: F.Draws | None = None
) -> float:
    """The loss over many batches in nats per target: each target counts once."""
    total, n = 0.0, 0
    for batch in batches:
        n_batch = objective.n_targets(batch)
        if n_batch:
            loss: Array = objective(model, batch, rng)[0]
            total, n = total + n_batch * float(loss), n + n_batch
    if n == 0:
        raise ValueError("there is no target to evaluate on")
    return total / n
