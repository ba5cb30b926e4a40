"""The folders that minillm itself writes."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
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
    count_parameters,
)
from minillm.models.counting import Config
from minillm.pretrained.room import check_room
from minillm.tokenizers import Tokenizer, load_tokenizer
from minillm.types import Array

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

ARCHITECTURES: dict[str, tuple[type[Any], Callable[..., Model]]] = {
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
HEADS = {  # by which parameters are counted
    "MaskedLanguageModel": "masked",
    "SequenceClassifier": "sequence",
    "TokenClassifier": "token",
}


def load(path: str | os.PathLike[str]) -> tuple[Model, Tokenizer]:
    """The model and the tokenizer of a folder, as they were last saved.

    Every file is compared with the checksum that was saved with it, and config.json with
    the size of the weights before anything is made of it. Raises FolderError (or the error
    of the file's own format) for a folder that is missing, damaged, foreign, or whose
    parts do not fit one another.
    """
    folder = ModelFolder(path)
    if not folder.path.is_dir():
        raise FolderError(f"{folder.path} is not a folder: give one that training wrote")
    description = folder.read_json("config.json")
    if not folder.has_set():
        raise FolderError(f"{folder.path} holds no weights yet: trainer.json is missing")
    folder.current()  # what is read from here on is what was saved
    make_model, config, n_parameters = read_description(
        description, folder.path / "config.json"
    )
    tokenizer = load_tokenizer(folder.file("tokenizer.json"))
    if tokenizer.vocab_size != config.vocab_size:
        raise FolderError(
            f"{folder.path}: the tokenizer has {tokenizer.vocab_size} tokens, "
            f"the model {config.vocab_size}"
        )
    weights = folder.read_arrays("model", n_numbers=n_parameters)
    model = make_model(config, rng=np.random.default_rng(0))
    try:
        _check_numbers(weights)
        model.load_state_dict(weights)
    except ValueError as error:
        raise FolderError(f"{folder.path}: {error}") from None
    return model, tokenizer


def describe(model: Model) -> dict[str, Any]:
    """What config.json says of a model; `read_description` reads it."""
    return {"architecture": type(model).__name__, "config": vars(model.config)}


def read_description(
    description: dict[str, Any], path: Path
) -> tuple[Callable[..., Model], Config, int]:
    """(what makes the model, its config, how many parameters it will have).

    Nothing is made yet. Raises FolderError, which names `path`, for what is unknown, does
    not fit, or would take memory out of all proportion.
    """
    name, fields = description.get("architecture"), description.get("config")
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise FolderError(
            f"{path}: architecture {name!r:.80} is unknown: give one of "
            f"{', '.join(ARCHITECTURES)}"
        )
    make_config, make_model = ARCHITECTURES[name]
    if not isinstance(fields, dict):
        raise FolderError(f"{path} has no config")
    known = {field.name for field in dataclasses.fields(make_config)}
    if unknown := fields.keys() - known:
        raise FolderError(
            f"{path}: {min(unknown)!r:.80} is unexpected: {name} takes "
            f"{', '.join(sorted(known))}"
        )
    try:
        config = make_config(**fields)
        n_parameters = count_parameters(config, HEADS.get(name))
        check_room(config, n_parameters)
    except (TypeError, ValueError) as error:
        raise FolderError(f"{path}: {error!s:.400}") from None
    return make_model, config, n_parameters


def _check_numbers(weights: Mapping[str, Array]) -> None:
    """Training saves floats, and none that is infinite or NaN."""
    for name, array in weights.items():
        if array.dtype.kind != "f":
            raise ValueError(f"{name} is {array.dtype}: weights are floats")
        with np.errstate(over="ignore"):
            finite = np.isfinite(array.astype(np.float32)).all()
        if not finite:
            raise ValueError(f"{name} holds infinity or NaN")
