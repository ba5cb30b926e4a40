"""The folders that minillm itself writes."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from minillm.model_folder import FolderError, ModelFolder
from minillm.models import (
    ClassifierConfig,
    ConvolutionalConfig,
    ConvolutionalLM,
    DecoderConfig,
    DecoderOnly,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    EncoderOnly,
    MaskedLanguageModel,
    PrefixLM,
    RecurrentConfig,
    RecurrentLM,
    SequenceClassifier,
    TokenClassifier,
)
from minillm.tokenizers import Tokenizer, load_tokenizer

Model = (
    DecoderOnly
    | EncoderOnly
    | MaskedLanguageModel
    | SequenceClassifier
    | TokenClassifier
    | EncoderDecoder
    | RecurrentLM
    | ConvolutionalLM
)

ARCHITECTURES: dict[str, tuple[Callable[..., Any], Callable[..., Model]]] = {
    "DecoderOnly": (DecoderConfig, DecoderOnly),
    "PrefixLM": (DecoderConfig, PrefixLM),
    "EncoderOnly": (EncoderConfig, EncoderOnly),
    "MaskedLanguageModel": (EncoderConfig, MaskedLanguageModel),
    "SequenceClassifier": (ClassifierConfig, SequenceClassifier),
    "TokenClassifier": (ClassifierConfig, TokenClassifier),
    "EncoderDecoder": (EncoderDecoderConfig, EncoderDecoder),
    "RecurrentLM": (RecurrentConfig, RecurrentLM),
    "ConvolutionalLM": (ConvolutionalConfig, ConvolutionalLM),
}


def load(path: str | os.PathLike[str]) -> tuple[Model, Tokenizer]:
    """The model and the tokenizer of a folder, as they were last saved.

    Every file is compared with the checksum that was saved with it. Raises FolderError
    (or the error of the file's own format) for a folder that is missing, damaged,
    foreign, or whose tokenizer does not fit its model.
    """
    folder = ModelFolder(path)
    if not folder.path.is_dir():
        raise FolderError(f"{folder.path} is not a folder: give one that training wrote")
    description = folder.read_json("config.json")
    if not folder.has_set():
        raise FolderError(f"{folder.path} holds no weights yet: trainer.json is missing")
    weights = folder.read_arrays("model")
    if not (folder.path / "tokenizer.json").is_file():
        raise FolderError(f"{folder.path} holds no tokenizer: tokenizer.json is missing")
    tokenizer = load_tokenizer(folder.path / "tokenizer.json")
    model = build(description, rng=np.random.default_rng(0))
    if tokenizer.vocab_size != model.config.vocab_size:
        raise FolderError(
            f"{folder.path}: the tokenizer has {tokenizer.vocab_size} tokens, "
            f"the model {model.config.vocab_size}"
        )
    try:
        model.load_state_dict(weights)
    except ValueError as error:
        raise FolderError(f"{folder.path}: {error}") from None
    return model, tokenizer


def describe(model: Model) -> dict[str, Any]:
    """What config.json says of a model; `build` reads it."""
    return {"architecture": type(model).__name__, "config": vars(model.config)}


def build(description: dict[str, Any], *, rng: np.random.Generator) -> Model:
    """A new model as described. Raises FolderError for what is unknown or does not fit."""
    name, config = description.get("architecture"), description.get("config")
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise FolderError(
            f"architecture {name!r} is unknown: config.json gives one of "
            f"{', '.join(ARCHITECTURES)}"
        )
    make_config, make_model = ARCHITECTURES[name]
    if not isinstance(config, dict):
        raise FolderError("config.json has no config")
    try:
        return make_model(make_config(**config), rng=rng)
    except (TypeError, ValueError) as error:
        raise FolderError(f"config.json: {error}") from None
