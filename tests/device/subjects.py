"""Every objective with a small model that learns by it, and batches on the host."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.models import (
    ClassifierConfig,
    DecoderConfig,
    DecoderOnly,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    MaskedLanguageModel,
    PrefixLM,
    RecurrentConfig,
    RecurrentLM,
    SequenceClassifier,
    TokenClassifier,
)
from minillm.training import (
    MaskedTokens,
    NextToken,
    PrefixNextToken,
    SequenceClass,
    SequenceToSequence,
    TokenClass,
    TruncatedNextToken,
)

BATCH, SEQ_LEN, VOCAB_SIZE = 5, 6, 11
LABELS = ("yes", "no", "neither")
SHAPE = {
    "vocab_size": VOCAB_SIZE,
    "max_seq_len": SEQ_LEN,
    "d_model": 6,
    "n_layers": 2,
    "n_heads": 3,
    "dropout": 0.1,
}


@dataclass(frozen=True)
class Subject:
    """`make(rng=rng)` is the model; `batch(step)` depends on the step alone."""

    make: Callable[..., Any]
    objective: Any
    draw: Callable[[np.random.Generator], tuple[np.ndarray, ...]]

    def model(self):
        return self.make(rng=np.random.default_rng(0))

    def batch(self, step):
        return self.draw(np.random.default_rng((7, step)))


def of(model, config, **names):
    return lambda rng: model(config(**SHAPE, **names), rng=rng)


def ids(rng):
    return rng.integers(0, VOCAB_SIZE, (BATCH, SEQ_LEN))


def mask(rng):
    """Padding behind texts of unequal lengths."""
    return np.arange(SEQ_LEN) < rng.integers(1, SEQ_LEN + 1, BATCH)[:, None]


def some(rng, targets):
    """Some of the targets; the first of the batch always counts."""
    counts = rng.random(targets.shape) < 0.5
    counts[0, 0] = True
    return np.where(counts, targets, F.IGNORED)


def windows(rng):
    return ids(rng), some(rng, ids(rng))


def prefixes(rng):
    return ids(rng), ids(rng), rng.integers(1, SEQ_LEN, BATCH)


def hidden(rng):
    return ids(rng), some(rng, ids(rng)), mask(rng)


def labels(rng):
    return ids(rng), rng.integers(0, len(LABELS), BATCH), mask(rng)


def tags(rng):
    return ids(rng), some(rng, rng.integers(0, len(LABELS), (BATCH, SEQ_LEN))), mask(rng)


def pairs(rng):
    return ids(rng), ids(rng), ids(rng), mask(rng), mask(rng)


def recurrent(cell):
    config = RecurrentConfig(VOCAB_SIZE, 6, 2, cell, dropout=0.1)
    return lambda rng: RecurrentLM(config, rng=rng)


SUBJECTS = {
    "next token": Subject(of(DecoderOnly, DecoderConfig), NextToken(0.1), windows),
    "llama": Subject(
        of(
            DecoderOnly,
            DecoderConfig,
            positions="rotary",
            norm="rms_norm",
            feed_forward="gated",
            n_kv_heads=1,
        ),
        NextToken(),
        windows,
    ),
    "prefix": Subject(of(PrefixLM, DecoderConfig), PrefixNextToken(), prefixes),
    "gru": Subject(recurrent("gru"), NextToken(), windows),
    "truncated lstm": Subject(recurrent("lstm"), TruncatedNextToken(4), windows),
    "masked tokens": Subject(
        of(MaskedLanguageModel, EncoderConfig), MaskedTokens(), hidden
    ),
    "classes": Subject(
        of(SequenceClassifier, ClassifierConfig, labels=LABELS), SequenceClass(), labels
    ),
    "tags": Subject(
        of(TokenClassifier, ClassifierConfig, labels=LABELS), TokenClass(), tags
    ),
    "pairs": Subject(of(EncoderDecoder, EncoderDecoderConfig), SequenceToSequence(), pairs),
}
