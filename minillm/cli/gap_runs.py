"""Runs that learn to fill gaps in a text: hidden tokens, and pieces that were cut out."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator

import numpy as np

from minillm import functional as F
from minillm.cli.presets import PRESETS
from minillm.cli.run import EVALUATED, GLANCE, Figure, Run, shape
from minillm.cli.settings import RunSettings
from minillm.cli.wording import MASK
from minillm.data import MaskedWindows, SpanCorruptedWindows, Split
from minillm.data.examples import Batch, pairs_batch
from minillm.data.objectives import corrupt, mask_tokens, noise_and_spans, sentinel_ids
from minillm.data.padding import pad
from minillm.device import Converter, on_host, to_host
from minillm.model_folder import ModelFolder
from minillm.models import (
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    MaskedLanguageModel,
)
from minillm.tokenizers import SPECIAL_TOKENS, BPETokenizer, Tokenizer, sentinels
from minillm.training import MaskedTokens, SequenceToSequence, mean_loss
from minillm.types import Array


class GapRun(Run):
    """A running text with gaps: what is asked of the held-out part never changes."""

    next_words = "fill --text"

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
        self.seq_len = PRESETS[settings.config].max_seq_len
        self.special = tokenizer.special_tokens
        self.train_ids = np.array(tokenizer.encode(split.train))
        valid_ids = np.array(tokenizer.encode(split.valid))
        n = self.seq_len
        rows = [valid_ids[i : i + n] for i in range(0, len(valid_ids), n)]
        self.rows = [row for row in rows if len(row) > 1]  # one token cannot hold a gap
        self.n_valid = len(valid_ids)
        self.settings, self.tokenizer = settings, tokenizer
        batches = self.windows(settings.batch * settings.accumulate)
        if not self.rows:
            raise ValueError("the held-out text has 1 token: give a longer text")
        super().__init__(
            settings,
            self.new_model(),
            tokenizer,
            batches.batch,
            folder,
            convert=convert,
            quiet=quiet,
        )

    @abstractmethod
    def windows(self, batch_size: int) -> MaskedWindows | SpanCorruptedWindows: ...

    @abstractmethod
    def new_model(self) -> MaskedLanguageModel | EncoderDecoder: ...

    @abstractmethod
    def batches(self, rows: list[Array]) -> Iterator[Batch]:
        """The rows of held-out text with gaps, the same at every look."""

    @abstractmethod
    def answers(self, batch: Batch) -> tuple[Array, Array]:
        """(guesses, truths) of the tokens that count."""

    def amounts(self) -> str:
        return f"{len(self.train_ids):,} tokens to learn from, {self.n_valid:,} held out"

    def unit(self) -> str:
        return f"windows of {self.seq_len} tokens"

    def example(self) -> str:
        start = self.tokenizer.decode(self.rows[0][:8].tolist()).split()
        return " ".join([*start[:3], MASK, *start[4:6]])

    def glance(self) -> float:
        batches = self.batches(self.rows[:GLANCE])
        return mean_loss(self.model, self.objective, batches)

    def sample(self) -> str:
        guesses, truths = self.answers(next(self.batches(self.rows[:1])))
        pairs = zip(guesses[:8].tolist(), truths[:8].tolist(), strict=True)
        shown = (f"{self._text(truth)} -> {self._text(guess)}" for guess, truth in pairs)
        return f"missing -> guessed: {', '.join(shown)}"

    def _text(self, token_id: int) -> str:
        return repr(self.tokenizer.decode([token_id]))

    def figures(self) -> list[Figure]:
        answers = [self.answers(batch) for batch in self.batches(self.rows)]
        guesses, truths = (np.concatenate(part) for part in zip(*answers, strict=True))
        [(common, n_common)] = Counter(truths.tolist()).most_common(1)
        n, always = len(truths), f"always {self._text(common)}"
        return [
            Figure(
                "accuracy", (guesses == truths).mean(), n, "tokens", {always: n_common / n}
            )
        ]


class MaskedRun(GapRun):
    """An encoder that guesses hidden tokens."""

    objective = MaskedTokens()
    model: MaskedLanguageModel

    @classmethod
    def new_tokenizer(cls, settings: RunSettings, split: Split) -> Tokenizer:
        return BPETokenizer.train(split.train, settings.vocab_size, SPECIAL_TOKENS)

    def new_model(self) -> MaskedLanguageModel:
        config = EncoderConfig(**shape(self.settings, self.tokenizer))
        return MaskedLanguageModel(config, rng=np.random.default_rng(self.settings.seed))

    def windows(self, batch_size: int) -> MaskedWindows:
        return MaskedWindows(
            self.train_ids,
            self.seq_len,
            batch_size,
            seed=self.settings.seed,
            mask_id=self.special[MASK],
            special_ids=list(self.special.values()),
            vocab_size=self.tokenizer.vocab_size,
        )

    def batches(self, rows: list[Array]) -> Iterator[Batch]:
        """The held-out rows, hidden by the same draws at every look."""
        rng = self.draws()
        for i in range(0, len(rows), EVALUATED):
            ids, mask = pad(rows[i : i + EVALUATED], self.special["[PAD]"])
            inputs, targets = mask_tokens(
                ids,
                mask=mask,
                mask_id=self.special[MASK],
                special_ids=list(self.special.values()),
                vocab_size=self.tokenizer.vocab_size,
                rng=rng,
            )
            yield inputs, targets, mask

    def answers(self, batch: Batch) -> tuple[Array, Array]:
        inputs, targets, mask = batch
        counts = targets != F.IGNORED
        guesses = to_host(self.model(inputs, mask)[0].argmax(-1))
        return guesses[counts], targets[counts]


class SpanRun(GapRun):
    """An encoder-decoder that writes the pieces which were cut out of its source."""

    objective = SequenceToSequence()
    model: EncoderDecoder

    @classmethod
    def new_tokenizer(cls, settings: RunSettings, split: Split) -> Tokenizer:
        special = (*SPECIAL_TOKENS, *sentinels(cls.n_sentinels(settings)))
        return BPETokenizer.train(split.train, settings.vocab_size, special)

    @staticmethod
    def n_sentinels(settings: RunSettings) -> int:
        """One for each piece that is cut out of a window, and one to close with."""
        return noise_and_spans(PRESETS[settings.config].max_seq_len)[1] + 1

    def new_model(self) -> EncoderDecoder:
        config = EncoderDecoderConfig(**shape(self.settings, self.tokenizer))
        return EncoderDecoder(config, rng=np.random.default_rng(self.settings.seed))

    @property
    def sentinel_ids(self) -> list[int]:
        return sentinel_ids(self.special, self.n_sentinels(self.settings))

    def windows(self, batch_size: int) -> SpanCorruptedWindows:
        return SpanCorruptedWindows(
            self.train_ids,
            self.seq_len,
            batch_size,
            seed=self.settings.seed,
            sentinel_ids=self.sentinel_ids,
            start_id=self.special["[START]"],
            end_id=self.special["[END]"],
        )

    def batches(self, rows: list[Array]) -> Iterator[Batch]:
        rng, special = self.draws(), self.special
        for i in range(0, len(rows), EVALUATED):
            pairs = [
                corrupt(row, self.sentinel_ids, rng=rng) for row in rows[i : i + EVALUATED]
            ]
            sources, targets = zip(*pairs, strict=True)
            ends = special["[START]"], special["[END]"], special["[PAD]"]
            yield pairs_batch(sources, targets, *ends)

    def answers(self, batch: Batch) -> tuple[Array, Array]:
        """Of what was cut out; sentinels and the end say nothing of the text."""
        source, inputs, targets, source_mask, target_mask = batch
        counts = ~np.isin(targets, [F.IGNORED, *self.special.values()])
        logits, _ = self.model(source, inputs, source_mask, target_mask)
        return to_host(logits.argmax(-1))[counts], targets[counts]
