"""Which command each kind of model is for."""

import argparse
from collections.abc import Mapping
from typing import Any

from minillm.cli.arguments import check_model
from minillm.cli.choices import either
from minillm.device import to_device
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


def load_model(args: argparse.Namespace) -> tuple[Any, Tokenizer]:
    """The model that --model names, on --device, and its tokenizer."""
    model, tokenizer = load(check_model(args.model))
    to_device(model, args.convert)
    return model, tokenizer


def load_for(command: str, args: argparse.Namespace, *kinds: type) -> tuple[Any, Tokenizer]:
    """load_model, and the model must be of one of these kinds.

    Raises ValueError that names what the model is, and the command that it is for.
    """
    model, tokenizer = load_model(args)
    if not isinstance(model, kinds):
        what, commands = KINDS[type(model)]
        raise ValueError(
            f"--model {args.model} holds {what}, which cannot {command}: "
            f"use {either(commands)}"
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
