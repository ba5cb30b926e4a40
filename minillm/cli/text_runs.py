"""Runs that learn to write on: causal models, recurrent ones, and those with a prefix."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.cli.presets import PRESETS
from minillm.cli.run import GLANCE, Figure, Run, shape
from minillm.cli.settings import RunSettings
from minillm.data import PrefixWindows, Split, Windows, evaluation_windows
from minillm.device import Converter, on_host
from minillm.evaluation import bits_per_byte
from minillm.generation import SamplingSettings, generate
from minillm.model_folder import ModelFolder
from minillm.models import (
    DecoderConfig,
    DecoderOnly,
    PrefixLM,
    RecurrentConfig,
    RecurrentLM,
)
from minillm.tokenizers import BPETokenizer, Tokenizer
from minillm.training import NextToken, Objective, PrefixNextToken, mean_loss
from minillm.types import Array

Windowed = tuple[Array, ...]


class TextRun(Run):
    """A running text, cut into windows, and how well the rest of it is predicted."""

    objective: Objective = NextToken()
    windows: Any = Windows
    next_words = "generate --prompt"
    model: DecoderOnly | RecurrentLM

    def __init__(
        self,
        settings: RunSettings,
        split: Split,
        tokenizer: Tokenizer,
        folder: ModelFolder | None = None,
        *,
        convert: Converter = on_host,
        quiet: bool = False,
    ) -> None:
        self.split, self.seq_len = split, PRESETS[settings.config].max_seq_len
        self.train_ids = np.array(tokenizer.encode(split.train))
        self.valid_ids = np.array(tokenizer.encode(split.valid))
        model = self.new_model(settings, tokenizer)
        batch = settings.batch * settings.accumulate
        windows = self.windows(self.train_ids, self.seq_len, batch, seed=settings.seed)
        super().__init__(
            settings,
            model,
            tokenizer,
            windows.batch,
            folder,
            convert=convert,
            quiet=quiet,
        )

    @classmethod
    def new_tokenizer(cls, settings: RunSettings, split: Split) -> Tokenizer:
        return BPETokenizer.train(split.train, settings.vocab_size)

    @abstractmethod
    def new_model(
        self, settings: RunSettings, tokenizer: Tokenizer
    ) -> DecoderOnly | RecurrentLM: ...

    def amounts(self) -> str:
        n_train, n_valid = len(self.train_ids), len(self.valid_ids)
        return f"{n_train:,} tokens to learn from, {n_valid:,} held out"

    def unit(self) -> str:
        return f"windows of {self.seq_len} tokens"

    def example(self) -> str:
        return self.settings.prompt

    def glance(self) -> float:
        """valid_loss on the first windows of the held-out text, side by side: quicker."""
        return self._loss_of(self.valid_ids[: GLANCE * self.seq_len], stride=self.seq_len)

    def valid_loss(self) -> float:
        """Nats per token of the held-out text.

        Each token counts once, and is predicted from half a context at least: windows
        overlap by half. The first is predicted from the last token before the text.
        """
        return self._loss_of(self.valid_ids, stride=self.seq_len // 2)

    def _loss_of(self, valid_ids: Array, stride: int) -> float:
        ids = np.concatenate([self.train_ids[-1:], valid_ids])
        windows = evaluation_windows(ids, self.seq_len, batch_size=16, stride=stride)
        scored = ((x, np.where(w > 0, y, F.IGNORED)) for x, y, w in windows)
        return mean_loss(self.model, self.objective, self.questions(scored))

    def questions(self, scored: Iterable[Windowed]) -> Iterable[Windowed]:
        """Windows and the targets that count in them, as the objective wants them."""
        return scored

    def valid_bits_per_byte(self, nats_per_token: float) -> float:
        return bits_per_byte(
            nats_per_token, len(self.valid_ids), len(self.split.valid.encode())
        )

    def figures(self) -> list[Figure]:
        nats, guess = self.valid_loss(), math.log(self.tokenizer.vocab_size)
        bits, guess_bits = map(self.valid_bits_per_byte, (nats, guess))
        n_bytes, how = len(self.split.valid.encode()), "guessing"
        return [
            Figure("nats per token", nats, len(self.valid_ids), "tokens", {how: guess}),
            Figure("bits per byte", bits, n_bytes, "bytes", {how: guess_bits}),
        ]

    def report(self, figures: list[Figure]) -> str:
        nats, bits = figures
        return (
            f"validation loss {nats.value:.3f} nats per token, {bits.value:.3f} bits per "
            f"byte ({nats.n:,} held-out tokens; guessing among "
            f"{self.tokenizer.vocab_size:,} tokens would be "
            f"{nats.baselines['guessing']:.3f} nats)"
        )

    def sample(self) -> str:
        return repr(self.written())

    def written(self, max_new_tokens: int = 48) -> str:
        """The prompt and what the model makes of it; the same draws at every step."""
        ids = self.tokenizer.encode(self.settings.prompt)
        longest = self.model.config.max_seq_len
        tokens = generate(
            self.model,
            np.array(ids),
            max_new_tokens,
            settings=SamplingSettings(temperature=0.8, top_p=0.95),
            window=None if longest is None else longest // 2,
            rng=self.draws(),
        )
        return self.tokenizer.decode([*ids, *(token.id for token in tokens)])


class LanguageModelRun(TextRun):
    """A decoder, which is what the tour makes too."""

    model: DecoderOnly

    def new_model(self, settings: RunSettings, tokenizer: Tokenizer) -> DecoderOnly:
        config = DecoderConfig(**shape(settings, tokenizer))
        return DecoderOnly(config, rng=np.random.default_rng(settings.seed))


class PrefixRun(TextRun):
    """A decoder that reads the first part of each window both ways."""

    objective = PrefixNextToken()
    windows = PrefixWindows

    def new_model(self, settings: RunSettings, tokenizer: Tokenizer) -> PrefixLM:
        config = DecoderConfig(**shape(settings, tokenizer))
        return PrefixLM(config, rng=np.random.default_rng(settings.seed))

    def glance(self) -> float:
        """valid_loss on the first windows: without an overlap there would be no prefix."""
        stride = self.seq_len // 2
        return self._loss_of(self.valid_ids[: GLANCE * stride], stride)

    def questions(self, scored: Iterable[Windowed]) -> Iterator[Windowed]:
        """What stands before the first target that counts is the prefix."""
        for inputs, targets in scored:
            yield inputs, targets, (targets != F.IGNORED).argmax(1) + 1


class RecurrentRun(TextRun):
    """An Elman network, an LSTM or a GRU, as the name of the architecture says.

    Gradients go back through a window, which begins with an empty state.
    """

    model: RecurrentLM

    def new_model(self, settings: RunSettings, tokenizer: Tokenizer) -> RecurrentLM:
        preset = PRESETS[settings.config]
        config = RecurrentConfig(
            vocab_size=tokenizer.vocab_size,
            d_model=preset.d_model,
            n_layers=preset.n_layers,
            cell=settings.architecture,
            dropout=settings.dropout,
        )
        return RecurrentLM(config, rng=np.random.default_rng(settings.seed))
