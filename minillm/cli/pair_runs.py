"""Runs that learn answers to questions, and those whose answers are texts."""

from abc import abstractmethod
from collections.abc import Iterable

import numpy as np

from minillm.cli.material import Pair, Pairs
from minillm.cli.presets import PRESETS
from minillm.cli.run import EVALUATED, GLANCE, Figure, Run, shape
from minillm.cli.settings import RunSettings
from minillm.cli.tasks import TASKS
from minillm.data import PairExamples
from minillm.data.examples import Examples
from minillm.data.tasks import scores
from minillm.device import Converter, on_host
from minillm.generation import translate
from minillm.model_folder import ModelFolder
from minillm.models import (
    EncoderDecoder,
    EncoderDecoderConfig,
    SequenceClassifier,
    TokenClassifier,
)
from minillm.tokenizers import SPECIAL_TOKENS, BPETokenizer, Tokenizer, WordTokenizer
from minillm.training import SequenceToSequence, mean_loss
from minillm.types import Array


class PairRun(Run):
    """Questions and answers, some of them held out."""

    model: SequenceClassifier | TokenClassifier | EncoderDecoder

    def __init__(
        self,
        settings: RunSettings,
        pairs: Pairs,
        tokenizer: Tokenizer,
        folder: ModelFolder | None = None,
        *,
        convert: Converter = on_host,
        quiet: bool = False,
    ) -> None:
        self.settings, self.pairs, self.tokenizer = settings, pairs, tokenizer
        self.special = tokenizer.special_tokens
        self.longest = PRESETS[settings.config].max_seq_len
        self.train = self.examples(pairs.train, settings.batch * settings.accumulate)
        self.valid = self.examples(pairs.valid, EVALUATED)
        super().__init__(
            settings,
            self.new_model(),
            tokenizer,
            self.train.batch,
            folder,
            convert=convert,
            quiet=quiet,
        )

    @classmethod
    def new_tokenizer(cls, settings: RunSettings, pairs: Pairs) -> Tokenizer:
        """A task's words are known; those of a file are cut into tokens."""
        if settings.task:
            return WordTokenizer(dict.fromkeys(TASKS[settings.task].words))
        return BPETokenizer.train(cls.texts(pairs), settings.vocab_size, SPECIAL_TOKENS)

    @classmethod
    def texts(cls, pairs: Pairs) -> list[str]:
        """What the tokenizer of a file learns from."""
        return [question for question, _ in pairs.train]

    @abstractmethod
    def examples(self, pairs: list[Pair], batch_size: int) -> Examples: ...

    @abstractmethod
    def new_model(self) -> SequenceClassifier | TokenClassifier | EncoderDecoder: ...

    def amounts(self) -> str:
        n_train, n_valid = len(self.pairs.train), len(self.pairs.valid)
        return f"{n_train:,} examples to learn from, {n_valid:,} held out"

    def unit(self) -> str:
        return "examples"

    def example(self) -> str:
        return self.pairs.valid[0][0]

    def glance(self) -> float:
        batches = (self.valid.rows(places) for places in self._places(GLANCE))
        return mean_loss(self.model, self.objective, batches)

    def _places(self, most: int) -> Iterable[Array]:
        n = min(most, len(self.pairs.valid))
        return (np.arange(i, min(i + EVALUATED, n)) for i in range(0, n, EVALUATED))

    def room(self, ids: list[int]) -> list[int]:
        """The ids, if the model has room for them."""
        if len(ids) > self.longest:
            text = self.tokenizer.decode(ids)
            raise ValueError(
                f"an example has {len(ids)} tokens, of which config {self.settings.config} "
                f"reads {self.longest}: shorten it, or take a larger --config "
                f"({text[:40]!r} ...)"
            )
        return ids


class TranslateRun(PairRun):
    """An encoder-decoder that writes a target for each source."""

    objective = SequenceToSequence()
    next_words = "translate --text"
    model: EncoderDecoder

    @classmethod
    def texts(cls, pairs: Pairs) -> list[str]:
        return [text for pair in pairs.train for text in pair]

    def new_model(self) -> EncoderDecoder:
        config = EncoderDecoderConfig(**shape(self.settings, self.tokenizer))
        return EncoderDecoder(config, rng=np.random.default_rng(self.settings.seed))

    def examples(self, pairs: list[Pair], batch_size: int) -> PairExamples:
        encode, end_id = self.tokenizer.encode, self.special["[END]"]
        return PairExamples(
            [self.room(encode(source)) for source, _ in pairs],
            [self.room([*encode(target), end_id])[:-1] for _, target in pairs],
            batch_size,
            seed=self.settings.seed,
            start_id=self.special["[START]"],
            end_id=end_id,
            pad_id=self.special["[PAD]"],
        )

    def written(self, places: Array) -> list[str]:
        """What the model writes for these held-out sources, greedily."""
        source, _, targets, source_mask, _ = self.valid.rows(places)
        end = self.special["[END]"]
        rows = translate(
            self.model,
            source,
            source_mask,
            start_id=self.special["[START]"],
            end_id=end,
            max_new_tokens=targets.shape[1],  # a longer answer is wrong anyway
        )
        return [self.tokenizer.decode(i for i in row if i != end) for row in rows]

    def figures(self) -> list[Figure]:
        """How many held-out answers are exact, and what they share with the right ones."""
        n, references = len(self.pairs.valid), [target for _, target in self.pairs.valid]
        answers = [text for places in self._places(n) for text in self.written(places)]
        measures = {"exact match": scores.exact_match, "unigram F1": scores.unigram_f1}
        return [
            Figure(
                name,
                scores.mean_score(score, answers, references),
                n,
                "texts",
                {"another text's answer": scores.floor(score, references)},
            )
            for name, score in measures.items()
        ]

    def sample(self) -> str:
        (source, target), [text] = self.pairs.valid[0], self.written(np.array([0]))
        return f"{source!r} -> {text!r}, and should be {target!r}"
