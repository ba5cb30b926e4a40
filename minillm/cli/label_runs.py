"""Runs that learn labels: one for each text, or one for each word."""

from collections import Counter

import numpy as np

from minillm import functional as F
from minillm.cli.material import Pair
from minillm.cli.pair_runs import PairRun
from minillm.cli.run import Figure, shape
from minillm.cli.wording import encode_words, framed
from minillm.data import ClassExamples, TagExamples
from minillm.data.examples import Batch
from minillm.device import to_host
from minillm.models import ClassifierConfig, SequenceClassifier, TokenClassifier
from minillm.training import SequenceClass, TokenClass
from minillm.types import Array


class LabelRun(PairRun):
    """An encoder that chooses among the labels which its training examples have."""

    next_words = "classify --text"
    model: SequenceClassifier | TokenClassifier

    def config(self) -> ClassifierConfig:
        labels = self.pairs.classes
        return ClassifierConfig(**shape(self.settings, self.tokenizer), labels=labels)

    def label_ids(self, answer: str) -> list[int]:
        """The places of an answer's labels among all."""
        return [self.pairs.class_ids[label] for label in answer.split()]

    def guesses(self, batch: Batch) -> Array:
        inputs, _, mask = batch
        return to_host(self.model(inputs, mask)[0].argmax(-1))

    def right(self) -> Array:
        """For each held-out label whether the model guesses it."""
        return np.concatenate(
            [
                (self.guesses(batch) == batch[1])[batch[1] != F.IGNORED]
                for batch in self.valid.once()
            ]
        )

    def always(self) -> dict[str, float]:
        """The share of the most frequent of the held-out labels."""
        labels = [label for _, answer in self.pairs.valid for label in answer.split()]
        [(common, n)] = Counter(labels).most_common(1)
        return {f"always {common!r}": n / len(labels)}


class ClassifyRun(LabelRun):
    """One label for each text."""

    objective = SequenceClass()
    model: SequenceClassifier

    def new_model(self) -> SequenceClassifier:
        return SequenceClassifier(
            self.config(), rng=np.random.default_rng(self.settings.seed)
        )

    def examples(self, pairs: list[Pair], batch_size: int) -> ClassExamples:
        encode = self.tokenizer.encode
        return ClassExamples(
            [self.room(framed(self.tokenizer, encode(text))) for text, _ in pairs],
            [self.label_ids(label)[0] for _, label in pairs],
            len(self.pairs.classes),
            batch_size,
            seed=self.settings.seed,
            pad_id=self.special["[PAD]"],
        )

    def figures(self) -> list[Figure]:
        right = self.right()
        return [Figure("accuracy", float(right.mean()), len(right), "texts", self.always())]

    def sample(self) -> str:
        text, label = self.pairs.valid[0]
        [guess] = self.guesses(self.valid.rows(np.array([0])))
        return f"{text!r} is {label!r} -> {self.pairs.classes[guess]!r}"


class TagRun(LabelRun):
    """One label for each word, at its first token."""

    objective = TokenClass()
    model: TokenClassifier

    def new_model(self) -> TokenClassifier:
        return TokenClassifier(self.config(), rng=np.random.default_rng(self.settings.seed))

    def examples(self, pairs: list[Pair], batch_size: int) -> TagExamples:
        """Each word's tag at its first token; its other tokens are not asked."""
        sequences, tags = [], []
        for text, answer in pairs:
            ids, begins = encode_words(self.tokenizer, text.split())
            sequences.append(self.room(ids))
            tags.append(np.full(len(ids), F.IGNORED))
            tags[-1][begins] = self.label_ids(answer)
        return TagExamples(
            sequences,
            tags,
            len(self.pairs.classes),
            batch_size,
            seed=self.settings.seed,
            pad_id=self.special["[PAD]"],
        )

    def figures(self) -> list[Figure]:
        right = self.right()
        simple = self.always() | {"each word's most frequent tag": self.by_word()}
        return [Figure("accuracy", float(right.mean()), len(right), "words", simple)]

    def by_word(self) -> float:
        """The accuracy of giving each word the tag that it has most often in training."""
        counts: dict[str, Counter[str]] = {}
        every: Counter[str] = Counter()
        for word, tag in _tagged(self.pairs.train):
            counts.setdefault(word, Counter())[tag] += 1
            every[tag] += 1
        held_out = _tagged(self.pairs.valid)
        right = sum(
            counts.get(word, every).most_common(1)[0][0] == tag for word, tag in held_out
        )
        return right / len(held_out)

    def sample(self) -> str:
        text, answer = self.pairs.valid[0]
        batch = self.valid.rows(np.array([0]))
        guesses = self.guesses(batch)[batch[1] != F.IGNORED]
        names = " ".join(self.pairs.classes[guess] for guess in guesses)
        return f"{text!r} is {answer!r} -> {names!r}"


def _tagged(pairs: list[Pair]) -> list[tuple[str, str]]:
    """(word, tag) of every word."""
    return [
        both
        for text, answer in pairs
        for both in zip(text.split(), answer.split(), strict=True)
    ]
