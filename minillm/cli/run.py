"""A training run, from its settings: what all objectives share."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from minillm.cli.presets import PRESETS
from minillm.cli.settings import RunSettings
from minillm.device import Converter, on_host, to_device
from minillm.model_folder import FolderError, ModelFolder
from minillm.pretrained.own import Model, describe
from minillm.tokenizers import Tokenizer
from minillm.training import AdamW, Flat, Objective, Progress, Trainer, TrainerSettings
from minillm.types import Array

GLANCE = 128  # windows or examples that are held out and looked at during training
EVALUATED = 32  # windows or examples at a time


def claim(option: str, folder: ModelFolder) -> None:
    """Take the folder that an option names. Raises ValueError if it is in other use."""
    try:
        folder.claim()
    except FolderError as error:
        raise ValueError(f"{option} {error}") from None


def shape(settings: RunSettings, tokenizer: Tokenizer) -> dict[str, Any]:
    """What the config of every transformer says."""
    preset = PRESETS[settings.config]
    return {
        "vocab_size": tokenizer.vocab_size,
        "max_seq_len": preset.max_seq_len,
        "d_model": preset.d_model,
        "n_layers": preset.n_layers,
        "n_heads": preset.n_heads,
        "positions": settings.positions,
        "block": "pre_norm",  # learns at these rates and depths, which post-norm does not
        "dropout": settings.dropout,
    }


@dataclass(frozen=True)
class Figure:
    """What a model scores on what was held out, beside what can be had for nothing."""

    measure: str
    value: float
    n: int
    of: str  # what the n are
    baselines: Mapping[str, float]

    def __str__(self) -> str:
        simple = "; ".join(f"{name} {x:.3f}" for name, x in self.baselines.items())
        scored = f"held-out {self.measure} {self.value:.3f} of {self.n:,} {self.of}"
        return f"{scored} ({simple})"


class Run(ABC):
    """Tokenizer, model and trainer of a run. What is learned, subclasses say.

    `next_words` are the command that the trained model is for, and its last option.
    """

    objective: Objective
    next_words: str

    def __init__(
        self,
        settings: RunSettings,
        model: Model,
        tokenizer: Tokenizer,
        batches: Callable[[int], tuple[Array, ...]],
        folder: ModelFolder | None = None,
        *,
        convert: Converter = on_host,
        quiet: bool = False,
    ) -> None:
        self.settings, self.tokenizer, self.folder = settings, tokenizer, folder
        self.model: Model = model
        to_device(model, convert)
        self.progress = None if quiet else Progress(settings.steps)
        self.trainer = Trainer(
            model,
            self.objective,
            batches,
            AdamW(Flat(model), betas=(0.9, 0.99), weight_decay=settings.weight_decay),
            settings.make_schedule(model.config.d_model),
            TrainerSettings(
                steps=settings.steps,
                seed=settings.seed,
                accumulate=settings.accumulate,
                threads=min(settings.threads, settings.batch),
                evaluate_every=settings.evaluate_every,
                sample_every=settings.sample_every,
                checkpoint_every=settings.checkpoint_every,
            ),
            evaluate=self.glance,
            sample=lambda step: f"after step {step}: {self.sample()}",
            folder=folder,
            progress=self.progress,
        )

    @abstractmethod
    def amounts(self) -> str:
        """How much there is to learn from, and how much is held out."""

    @abstractmethod
    def unit(self) -> str:
        """What a batch has several of."""

    @abstractmethod
    def glance(self) -> float:
        """The loss on the first of what was held out, in nats per target."""

    @abstractmethod
    def sample(self) -> str:
        """What the model makes of an example."""

    @abstractmethod
    def figures(self) -> list[Figure]:
        """How good the model is on all that was held out."""

    @abstractmethod
    def example(self) -> str:
        """A text to try the trained model with."""

    def report(self, figures: list[Figure]) -> str:
        """The figures, in words."""
        return "\n".join(map(str, figures))

    def describe(self) -> str:
        """What is trained on what, in a line."""
        run = self.settings
        every = f"{run.accumulate} x {run.batch}" if run.accumulate > 1 else f"{run.batch}"
        return (
            f"{self.amounts()}; a vocabulary of {self.tokenizer.vocab_size:,}; "
            f"{self.model.n_parameters():,} parameters; {run.steps:,} steps of {every} "
            f"{self.unit()}; threads {self.trainer.settings.threads}"
        )

    def begin(self) -> None:
        """Write what describes the run, before its first step."""
        if self.folder is not None:
            run = {"run": asdict(self.settings)}
            self.folder.write_json("config.json", describe(self.model) | run)
            self.tokenizer.save(self.folder.path / "tokenizer.json")

    def go(self) -> None:
        """Train to the end; where that fails, the fault says what is kept."""
        try:
            with warnings.catch_warnings():  # the trainer itself tells of nan and infinity
                warnings.simplefilter("ignore", RuntimeWarning)
                self.trainer.run()
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"interrupted; {self._kept()}") from None
        except OSError as error:
            if error.filename is not None:
                error.strerror = f"{error.strerror}; {self._kept()}"
            raise

    def _kept(self) -> str:
        step = self.trainer.saved_step
        if self.folder is None or step is None:
            return "nothing was saved"
        go_on = "; --resume goes on" if self.settings.command == "train" else ""
        return f"step {step} is kept in {self.folder.path}{go_on}"

    def draws(self) -> np.random.Generator:
        """The same random numbers at every look."""
        return np.random.default_rng(self.settings.seed)
