"""Which command each kind of model is for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minillm.cli.arguments import check_model
from minillm.cli.choices import either
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
from minillm.pretrained import load
from minillm.tokenizers import Tokenizer

KINDS: Mapping[type, tuple[str, tuple[str, ...]]] = {
    DecoderOnly: ("a decoder", ("generate",)),
    PrefixLM: ("a prefix decoder", ("generate",)),
    RecurrentLM: ("a recurrent network", ("generate",)),
    ConvolutionalLM: ("a convolutional network", ("generate",)),
    EncoderOnly: ("an encoder without a head", ("inspect",)),
    MaskedLanguageModel: ("an encoder that guesses hidden tokens", ("fill",)),
    SequenceClassifier: ("an encoder that labels texts", ("classify",)),
    TokenClassifier: ("an encoder that tags words", ("classify",)),
    EncoderDecoder: ("an encoder-decoder", ("translate", "fill")),
}


def load_for(command: str, folder: Path, *kinds: type) -> tuple[Any, Tokenizer]:
    """The model of a folder, which must be of one of these kinds, and its tokenizer.

    Raises ValueError that names what the model is, and the command that it is for.
    """
    model, tokenizer = load(check_model(folder))
    if not isinstance(model, kinds):
        what, commands = KINDS[type(model)]
        raise ValueError(
            f"--model {folder} holds {what}, which cannot {command}: use {either(commands)}"
        )
    return model, tokenizer


def check_special(tokenizer: Tokenizer, *names: str) -> list[int]:
    """The ids of special tokens. Raises ValueError that names one which is not there."""
    missing = [name for name in names if name not in tokenizer.special_tokens]
    if missing:
        raise ValueError(
            f"--model: the vocabulary has no special token {missing[0]}, which this takes"
        )
    return [tokenizer.special_tokens[name] for name in names]
