"""Folders of models whose files are edited, lost, linked, and signed again."""

import hashlib
import json
import os
import shutil
import warnings
from pathlib import Path

import numpy as np

from minillm import pretrained, safetensors
from minillm.model_folder import FolderError, ModelFolder
from minillm.models import EncoderDecoder, PrefixLM
from minillm.pretrained.own import describe
from minillm.safetensors import SafetensorsError
from minillm.tokenizers import TokenizerFileError
from minillm.training import (
    AdamW,
    Constant,
    Flat,
    NextToken,
    NonFiniteLossError,
    Trainer,
    TrainerSettings,
)
from tests.fuzz.choices import Choices
from tests.fuzz.mutations import dump, hostile, mutate_bytes, mutate_json
from tests.fuzz.readers import refused_with
from tests.fuzz.small import BPE, CONFIGS, MODELS
from tests.fuzz.watch import only_within

REFUSALS = (FolderError, SafetensorsError, TokenizerFileError)
STEP = 3
STATE = {"history": [{"step": 2, "loss": 2.5, "valid": 3.0}], "losses": [2.25]}
DTYPES = ("f2", "f4", "f8", "i8", "u1", "?")

Files = dict[str, bytes]


def files_of(model, folder: Path, **more) -> Files:
    """The bytes of every file of a folder that holds this model, after STEP steps."""
    shutil.rmtree(folder, ignore_errors=True)
    made = ModelFolder(folder)
    made.claim()
    made.write_json("config.json", describe(model) | more)
    BPE.save(folder / "tokenizer.json")
    optimizer = AdamW(Flat(model)).state_dict()
    kept = {f"optimizer.{name}": array for name, array in optimizer.items()}
    kept |= {"rng.seed": np.array(0), "rng.step": np.array(STEP)}
    made.write_set(STEP, model.state_dict(), kept, STATE)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edit_files(files: Files, choices: Choices, scratch: Path) -> Files:
    """One or two files changed; most often signed again, as an enemy would."""
    edited = dict(files)
    for name in {*choices.some(sorted(files), 2)}:
        edited[name] = _edit(name, edited[name], choices, scratch)
    return edited if choices.one_in(4) else _signed(edited)


def put(files: Files, folder: Path, choices: Choices) -> None:
    """Write the files; now and then one is gone, a link, a pipe or a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    if choices.one_in(5):
        path, outside = folder / choices.of(sorted(files)), folder.parent / "outside"
        outside.mkdir(exist_ok=True)
        path.replace(outside / path.name)
        match choices.below(5):
            case 1:
                path.symlink_to(outside / path.name)
            case 2:
                path.symlink_to("../outside/" + path.name)
            case 3:
                os.mkfifo(path)
            case 4:
                path.mkdir()


def _edit(name: str, raw: bytes, choices: Choices, scratch: Path) -> bytes:
    if choices.one_in(4):
        return mutate_bytes(raw, choices)
    if name.endswith(".json"):
        value = json.loads(raw)
        for _ in range(1 + choices.below(2)):
            value = mutate_json(value, choices)
        return dump(value)
    path = scratch / "edited.safetensors"
    path.write_bytes(raw)
    safetensors.save(path, _edit_arrays(safetensors.load(path), choices))
    return path.read_bytes()


def _edit_arrays(arrays, choices: Choices):
    """A valid file of other arrays: lost, renamed, recast, reshaped, or other numbers."""
    name = choices.of(sorted(arrays))
    array = arrays.pop(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        match choices.below(6):
            case 1:
                arrays[name + "x"] = array
            case 2:
                arrays[name] = array.astype(choices.of(DTYPES))
            case 3:
                arrays[name] = array.reshape(1, *array.shape)
            case 4:
                arrays[name] = np.resize(array, choices.below(40))
            case 5:
                number = hostile(1.0, choices)
                if isinstance(number, int | float) and not abs(number) > 1e308:
                    array = np.full(array.shape, float(number)).astype(array.dtype)
                arrays[name] = array
    return arrays


def _signed(files: Files) -> Files:
    """trainer.json with the checksums of the files, and none of its own."""
    try:
        trainer = json.loads(files["trainer.json"])
        sums = trainer["sha256"]
        for name in sums:
            sums[name] = hashlib.sha256(files[name]).hexdigest()
        sums.pop("trainer.json", None)
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return files
    return files | {"trainer.json": dump(trainer)}


class Folder:
    """A folder is loaded, and is refused or gives a model that can be used."""

    def __init__(self, folder: Path) -> None:
        self.scratch, self.folder = folder, folder / "model"
        self.good = [files_of(model, self.folder) for model in MODELS]

    def __call__(self, data: bytes) -> None:
        choices = Choices(data)
        put(edit_files(choices.of(self.good), choices, self.scratch), self.folder, choices)
        model = None
        with only_within(self.folder), refused_with(REFUSALS, self.folder):
            model, tokenizer = pretrained.load(self.folder)
        if model is not None:
            assert model.config.vocab_size == tokenizer.vocab_size
            _use(model)


def _use(model) -> None:
    ids = np.array([[0, 1]])
    arguments = {EncoderDecoder: (ids, ids), PrefixLM: (ids, np.array([1]))}
    with np.errstate(all="ignore"):
        if getattr(model.config, "max_seq_len", None) != 1:
            model(*arguments.get(type(model), (ids,)))


class Resume:
    """A run that goes on from a folder: refused, or it goes on to its end."""

    def __init__(self, folder: Path) -> None:
        self.scratch, self.folder = folder, folder / "model"
        kind, config = CONFIGS[0]
        self.make = lambda: kind(config, rng=np.random.default_rng(0))
        self.good = files_of(self.make(), self.folder)

    def __call__(self, data: bytes) -> None:
        choices = Choices(data)
        put(edit_files(self.good, choices, self.scratch), self.folder, choices)
        trainer = self.trainer()
        with only_within(self.folder), refused_with(REFUSALS, self.folder):
            trainer.resume()
            assert trainer.step == STEP
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                try:
                    trainer.run()
                except NonFiniteLossError:
                    return
            assert trainer.step == STEP + 1

    def trainer(self) -> Trainer:
        model, ids = self.make(), np.arange(8).reshape(2, 4)
        return Trainer(
            model,
            NextToken(),
            lambda step: (ids, ids),
            AdamW(Flat(model)),
            Constant(0.01),
            TrainerSettings(steps=STEP + 1),
            folder=ModelFolder(self.folder),
        )
