"""A folder that holds a model: written whole, read with care.

    config.json                      the architecture and its config
    tokenizer.json                   the tokenizer
    model-000120.safetensors         the weights after step 120
    optimizer-000120.safetensors     what training needs to go on from there
    trainer.json                     names the current set, with checksums, its own too
    result.json                      what the trained model scored, if it was scored

Files that belong together carry their step in their names. trainer.json is replaced
last, in one rename, and only then are older sets deleted: a kill at any moment leaves
the old set or the new one, whole. One process at a time writes to a folder.

A folder may come from anywhere. No file is read through a symbolic link, which could
lead out of it, and none but the ones above, whatever trainer.json says.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from minillm import safetensors, strict_json
from minillm.atomic import TEMPORARY_PREFIX, write_atomically

Arrays = Mapping[str, npt.NDArray[Any]]

FORMAT = "minillm-1"
LARGEST_JSON = 64 << 20  # bytes; a larger file is not one of ours
KINDS = ("model", "optimizer")
DESCRIPTIONS = ("config.json", "tokenizer.json")  # written once, before the first set
RESULT = "result.json"
TRAINER = "trainer.json"
FIELDS = {"step": int, "set": dict, "state": dict, "sha256": dict}  # of trainer.json
SET_FILE = re.compile(r"(model|optimizer)-[0-9]{6,20}\.safetensors")


class FolderError(ValueError):
    """A folder that is missing, damaged, foreign, or in use for something else."""


class ModelFolder:
    """Reads and writes one model's folder. Nothing is touched before it is asked for."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def claim(self) -> None:
        """Make the folder, or accept one that is empty or a model's.

        Raises FolderError if it holds something else, which is never overwritten.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FolderError(f"{self.path} is a file: give a folder")
        if self.path.exists() and not self.is_ours() and self._contents():
            raise FolderError(
                f"{self.path} holds something else ({self._contents()[0]}): "
                "give an empty or a new folder"
            )
        self.path.mkdir(parents=True, exist_ok=True)

    def is_ours(self) -> bool:
        """Whether a config.json of this format is there."""
        try:
            return self.read_json("config.json").get("format") == FORMAT
        except (FolderError, OSError):
            return False

    def has_set(self) -> bool:
        """Whether a whole set was ever written."""
        return (self.path / TRAINER).exists()

    def clear(self) -> None:
        """Delete what this format put there, and nothing else."""
        for name in (TRAINER, RESULT):
            (self.path / name).unlink(missing_ok=True)
        self._delete_all_but(set())
        for name in reversed(DESCRIPTIONS):  # config.json last: it says whose folder it is
            (self.path / name).unlink(missing_ok=True)

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        text = json.dumps({"format": FORMAT, **value}, indent=1) + "\n"

        def write(file: BinaryIO) -> None:
            file.write(text.encode())

        write_atomically(self.path / name, write)

    def read_json(self, name: str) -> dict[str, Any]:
        """Raises FolderError for a file that is missing, damaged or not of this format."""
        path, data = self.path / name, self._read(name)
        try:
            value = strict_json.parse(data.decode())
        except ValueError as error:
            raise FolderError(f"{path} is damaged: {error}") from None
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise FolderError(f"{path} is not of the format {FORMAT}")
        return value

    def write_set(
        self, step: int, model: Arrays, optimizer: Arrays, state: Mapping[str, Any]
    ) -> None:
        """Make (model, optimizer, state) after `step` the current set.

        Raises FolderError if the folder holds a set of this step: to write its files
        again would not leave one set or the other whole.
        """
        if self.has_set() and self.current()["step"] == step:
            raise FolderError(
                f"{self.path} holds step {step} already: resume it, or clear it first"
            )
        names = {kind: _file_name(kind, step) for kind in KINDS}
        sums = {
            names["model"]: safetensors.save(self.path / names["model"], model),
            names["optimizer"]: safetensors.save(self.path / names["optimizer"], optimizer),
        }
        described = [name for name in DESCRIPTIONS if (self.path / name).exists()]
        sums |= {name: self._checksum(name) for name in described}
        content = {"step": step, "set": names, "state": state, "sha256": sums}
        own = {TRAINER: _checksum_of(content)}
        self.write_json(TRAINER, content | {"sha256": sums | own})
        self._delete_all_but(set(names.values()))

    def current(self) -> dict[str, Any]:
        """What trainer.json says, checked against itself and the files that it names."""
        path, current = self.path / TRAINER, self.read_json(TRAINER)
        for field, expected in FIELDS.items():
            if type(current.get(field)) is not expected:  # true is no int here
                raise FolderError(f"{path}: {field} is missing or wrong")
        sums = current["sha256"]
        for kind in KINDS:
            name = _file_name(kind, current["step"])
            if current["set"].get(kind) != name or not SET_FILE.fullmatch(name):
                raise FolderError(f"{path} names no {kind} file")
            if not isinstance(sums.get(name), str):
                raise FolderError(f"{path} has no checksum of {name}")
        for name in DESCRIPTIONS:
            if name in sums and self._checksum(name) != sums[name]:
                raise FolderError(f"{self.path / name} is not the one that was saved")
        if sums.get(TRAINER) not in (None, _checksum_of(current)):  # none: an old folder
            raise FolderError(f"{path} is not the one that was saved")
        return current

    def read_arrays(
        self, kind: str, *, n_numbers: int | None = None
    ) -> dict[str, npt.NDArray[np.generic]]:
        """The current set's "model" or "optimizer" arrays.

        Where n_numbers is given, a file that claims to hold more or fewer is refused
        before any of them takes memory.
        """
        path, checksum = self._current_file(kind)
        if not path.exists():  # a training may just have replaced the set: look again
            path, checksum = self._current_file(kind)
        shapes = safetensors.load_shapes(self.file(path.name))
        held = sum(map(math.prod, shapes.values()))
        if n_numbers not in (None, held):
            raise FolderError(
                f"{path} holds {held:,} numbers; what config.json describes has "
                f"{n_numbers:,}"
            )
        return safetensors.load(path, expected_sha256=checksum)

    def file(self, name: str) -> Path:
        """The path of a file of this folder, which must be there and no link."""
        path = self.path / name
        if path.is_symlink():
            raise FolderError(f"{path} is a symbolic link: put the file itself there")
        if not path.is_file():
            raise FolderError(f"{self.path} holds no model: {name} is missing")
        return path

    def _current_file(self, kind: str) -> tuple[Path, str]:
        current = self.current()
        name = current["set"][kind]
        return self.path / name, current["sha256"][name]

    def _read(self, name: str) -> bytes:
        path = self.file(name)
        if path.stat().st_size > LARGEST_JSON:
            raise FolderError(f"{path} is too large to be a {name}")
        return path.read_bytes()

    def _checksum(self, name: str) -> str:
        return hashlib.sha256(self._read(name)).hexdigest()

    def _contents(self) -> list[str]:
        names = sorted(path.name for path in self.path.iterdir())
        return [name for name in names if not name.startswith(TEMPORARY_PREFIX)]

    def _delete_all_but(self, current: set[str]) -> None:
        for path in self.path.iterdir():
            old = SET_FILE.fullmatch(path.name) and path.name not in current
            if old or path.name.startswith(TEMPORARY_PREFIX):
                path.unlink(missing_ok=True)


def _file_name(kind: str, step: int) -> str:
    return f"{kind}-{step:06d}.safetensors"


def _checksum_of(trainer: Mapping[str, Any]) -> str:
    """Of all that trainer.json says, but this checksum, which stands there too."""
    sums = {name: x for name, x in trainer["sha256"].items() if name != TRAINER}
    content = [trainer["step"], trainer["set"], trainer["state"], sums]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
