"""A training run of a language model, from its settings: what tour and train share."""

import warnings
from dataclasses import asdict

import numpy as np

from minillm import functional as F
from minillm.cli.presets import PRESETS
from minillm.cli.settings import RunSettings
from minillm.data import Split, Windows, evaluation_windows
from minillm.evaluation import bits_per_byte
from minillm.generation import SamplingSettings, generate
from minillm.model_folder import FolderError, ModelFolder
from minillm.models import DecoderConfig, DecoderOnly
from minillm.pretrained.own import describe
from minillm.tokenizers import BPETokenizer
from minillm.training import (
    AdamW,
    Flat,
    NextToken,
    Progress,
    Trainer,
    TrainerSettings,
    mean_loss,
)
from minillm.types import Array

GLANCE = 128  # windows of the held-out text that are looked at during training


def claim(option: str, folder: ModelFolder) -> None:
    """Take the folder that an option names. Raises ValueError if it is in other use."""
    try:
        folder.claim()
    except FolderError as error:
        raise ValueError(f"{option} {error}") from None


class LanguageModelRun:
    """Tokenizer, model and trainer of a run, on a text that is split already."""

    def __init__(
        self,
        settings: RunSettings,
        split: Split,
        tokenizer: BPETokenizer,
        folder: ModelFolder | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        self.settings, self.split, self.tokenizer = settings, split, tokenizer
        self.folder = folder
        preset = PRESETS[settings.config]
        config = DecoderConfig(
            vocab_size=tokenizer.vocab_size,
            max_seq_len=preset.max_seq_len,
            d_model=preset.d_model,
            n_layers=preset.n_layers,
            n_heads=preset.n_heads,
            positions=settings.positions,
            dropout=settings.dropout,
        )
        self.model = DecoderOnly(config, rng=np.random.default_rng(settings.seed))
        self.train_ids = np.array(tokenizer.encode(split.train))
        self.valid_ids = np.array(tokenizer.encode(split.valid))
        self.objective = NextToken()
        self.progress = None if quiet else Progress(settings.steps)
        self.trainer = self._trainer(preset.d_model, preset.max_seq_len)

    def _trainer(self, d_model: int, seq_len: int) -> Trainer:
        run = self.settings
        batch = run.batch * run.accumulate
        windows = Windows(self.train_ids, seq_len, batch, seed=run.seed)
        return Trainer(
            self.model,
            self.objective,
            windows.batch,
            AdamW(Flat(self.model), betas=(0.9, 0.99), weight_decay=run.weight_decay),
            run.make_schedule(d_model),
            TrainerSettings(
                steps=run.steps,
                seed=run.seed,
                accumulate=run.accumulate,
                threads=min(run.threads, run.batch),
                evaluate_every=run.evaluate_every,
                sample_every=run.sample_every,
                checkpoint_every=run.checkpoint_every,
            ),
            evaluate=self.glance,
            sample=lambda step: f"after step {step}: {self.sample()!r}",
            folder=self.folder,
            progress=self.progress,
        )

    def describe(self) -> str:
        """What is trained on what, in a line."""
        run, config = self.settings, self.model.config
        every = f"{run.accumulate} x {run.batch}" if run.accumulate > 1 else f"{run.batch}"
        return (
            f"{len(self.train_ids):,} tokens to learn from, {len(self.valid_ids):,} held "
            f"out; a vocabulary of {config.vocab_size:,}; {self.model.n_parameters():,} "
            f"parameters; {run.steps:,} steps of {every} windows of {config.max_seq_len} "
            f"tokens; threads {self.trainer.settings.threads}"
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

    def glance(self) -> float:
        """valid_loss on the first windows of the held-out text, side by side: quicker."""
        seq_len = self.model.config.max_seq_len
        return self._loss_of(self.valid_ids[: GLANCE * seq_len], stride=seq_len)

    def valid_loss(self) -> float:
        """Nats per token of the held-out text.

        Each token counts once, and is predicted from half a context at least: windows
        overlap by half. The first is predicted from the last token before the text.
        """
        return self._loss_of(self.valid_ids, stride=self.model.config.max_seq_len // 2)

    def _loss_of(self, valid_ids: Array, stride: int) -> float:
        ids = np.concatenate([self.train_ids[-1:], valid_ids])
        seq_len = self.model.config.max_seq_len
        batches = evaluation_windows(ids, seq_len, batch_size=16, stride=stride)
        scored = ((x, np.where(w > 0, y, F.IGNORED)) for x, y, w in batches)
        return mean_loss(self.model, self.objective, scored)

    def valid_bits_per_byte(self, nats_per_token: float) -> float:
        return bits_per_byte(
            nats_per_token, len(self.valid_ids), len(self.split.valid.encode())
        )

    def sample(self, max_new_tokens: int = 48) -> str:
        """The prompt and what the model makes of it; the same draws at every step."""
        ids = self.tokenizer.encode(self.settings.prompt)
        rng = np.random.default_rng(self.settings.seed)
        settings = SamplingSettings(temperature=0.8, top_p=0.95)
        window = self.model.config.max_seq_len // 2
        tokens = generate(
            self.model,
            np.array(ids),
            max_new_tokens,
            settings=settings,
            window=window,
            rng=rng,
        )
        return self.tokenizer.decode([*ids, *(token.id for token in tokens)])
