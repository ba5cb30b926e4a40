"""What each kind of model sees in a text: its tokens, its attention, what it expects."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.cli.kinds import check_special
from minillm.cli.wording import encode, framed
from minillm.device import to_host
from minillm.models import (
    ConvolutionalLM,
    DecoderOnly,
    EncoderDecoder,
    EncoderOnly,
    MaskedLanguageModel,
    PrefixLM,
    RecurrentLM,
    SequenceClassifier,
    TokenClassifier,
)
from minillm.tokenizers import Tokenizer
from minillm.types import Array


class Look(ABC):
    """A model's eyes. Each method takes the ids (n,) that `read` has made of a text."""

    attention = "attention"

    def __init__(self, model: Any, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model, tokenizer

    def read(self, text: str) -> Array:
        """The ids that the model reads."""
        return np.array(encode(self.tokenizer, "--prompt", text))

    @abstractmethod
    def attention_maps(self, ids: Array) -> list[Array]:
        """One (n_heads, n, n) for each layer; none where a model has no attention."""

    def next_tokens(self, ids: Array) -> Array | None:
        """The probability of each token to come next, from a model that writes on."""
        return None


class DecoderLook(Look):
    """It sees what stands before, and expects what follows."""

    def attention_maps(self, ids: Array) -> list[Array]:
        return _first(self.model.attention_maps(ids[None]))

    def next_tokens(self, ids: Array) -> Array | None:
        return _softmax(self.model(ids[None])[0])


class PrefixLook(Look):
    """It reads all of a prompt both ways."""

    def attention_maps(self, ids: Array) -> list[Array]:
        lengths = np.array([len(ids)])
        return _first(self.model.attention_maps(ids[None], lengths))

    def next_tokens(self, ids: Array) -> Array | None:
        return _softmax(self.model(ids[None], np.array([len(ids)]))[0])


class BlindLook(Look):
    """A network that reads in order, and has no attention to show."""

    def attention_maps(self, ids: Array) -> list[Array]:
        return []

    def next_tokens(self, ids: Array) -> Array | None:
        return _softmax(self.model(ids[None])[0])


class EncoderLook(Look):
    """It sees everything, and expects nothing."""

    def attention_maps(self, ids: Array) -> list[Array]:
        return _first(self.model.attention_maps(ids[None]))


class ClassifierLook(EncoderLook):
    """An encoder whose texts stand between [CLS] and [SEP]."""

    def read(self, text: str) -> Array:
        check_special(self.tokenizer, "[CLS]", "[SEP]")
        return np.array(framed(self.tokenizer, encode(self.tokenizer, "--prompt", text)))


class SourceLook(Look):
    """What the encoder of an encoder-decoder sees in its source."""

    attention = "attention of the encoder"

    def attention_maps(self, ids: Array) -> list[Array]:
        maps = self.model.attention_maps(ids[None], np.zeros((1, 1), np.int64))
        return _first(maps.encoder)


LOOKS: Mapping[type, type[Look]] = {
    DecoderOnly: DecoderLook,
    PrefixLM: PrefixLook,
    RecurrentLM: BlindLook,
    ConvolutionalLM: BlindLook,
    EncoderOnly: EncoderLook,
    MaskedLanguageModel: EncoderLook,
    SequenceClassifier: ClassifierLook,
    TokenClassifier: ClassifierLook,
    EncoderDecoder: SourceLook,
}


def _first(layers: list[Array]) -> list[Array]:
    """Of each layer's maps (1, n_heads, n, n) those of the one text, on the host."""
    return [to_host(layer[0]) for layer in layers]


def _softmax(logits: Array) -> Array:
    """logits (1, n, vocab_size) -> the distribution after the last token (vocab_size,)"""
    return F.softmax(to_host(logits[0, -1]))[0]
