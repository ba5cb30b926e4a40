"""One file at a time: tensors, tokenizers, descriptions of models, texts to learn from."""

import contextlib
import json
from pathlib import Path

import numpy as np

from minillm import safetensors
from minillm.cli.material import parse
from minillm.data import read_text
from minillm.model_folder import FolderError
from minillm.pretrained.own import describe, read_description
from minillm.safetensors import SafetensorsError
from minillm.tokenizers import BPETokenizer, TokenizerFileError, load_tokenizer
from minillm.tokenizers.gpt2_files import bytes_to_unicode
from tests.fuzz.choices import Choices
from tests.fuzz.mutations import dump, mutate_bytes, mutate_json
from tests.fuzz.small import BPE, MATERIAL, MODELS, WORDS
from tests.fuzz.watch import only_within

PROBE = "the cat's hat été \U0001f600 <s>[CLS]"


@contextlib.contextmanager
def refused_with(error, name):
    """The block passes, or is refused by a sentence that names what was wrong where."""
    try:
        yield
    except error as fault:
        assert str(name) in str(fault), f"{name} is not named: {fault}"
        assert "\n" not in str(fault), f"more than a line: {fault}"


class Reader:
    """A file in a folder of its own; nothing else may be touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "file"

    def __call__(self, data: bytes) -> None:
        choices = Choices(data)
        self.path.write_bytes(self.content(choices))
        with only_within(self.folder):
            self.read()

    def content(self, choices: Choices) -> bytes:
        """As given, or a valid file with some edits."""
        if choices.one_in(4):
            return choices.rest()
        return self.edited(choices)

    def edited(self, choices: Choices) -> bytes:
        raise NotImplementedError

    def read(self) -> None:
        raise NotImplementedError


class Safetensors(Reader):
    """Arrays of every dtype; the header's JSON is edited apart from its length."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        rng = np.random.default_rng(0)
        arrays = {"weight": rng.normal(size=(2, 3)).astype(np.float32), "n": np.array(7)}
        arrays |= {"flags": np.array([True, False]), "empty": np.zeros((0, 4), np.float16)}
        safetensors.save(self.path, arrays, {"step": "7"})
        self.raw = self.path.read_bytes()
        n = 8 + int.from_bytes(self.raw[:8], "little")
        self.header, self.data = json.loads(self.raw[8:n]), self.raw[n:]

    def edited(self, choices: Choices) -> bytes:
        if choices.one_in(3):
            return mutate_bytes(self.raw, choices)
        text = dump(mutate_json(self.header, choices))
        if choices.one_in(4):
            text = mutate_bytes(text, choices)
        data = mutate_bytes(self.data, choices) if choices.one_in(4) else self.data
        return len(text).to_bytes(8, "little") + text + data

    def read(self) -> None:
        with refused_with(SafetensorsError, self.path):
            safetensors.load_shapes(self.path)
        with refused_with(SafetensorsError, self.path):
            safetensors.load_metadata(self.path)
        with refused_with(SafetensorsError, self.path):
            arrays, metadata = safetensors.load_with_metadata(self.path)
            size = self.path.stat().st_size
            assert sum(array.nbytes for array in arrays.values()) <= 2 * size
            safetensors.save(self.path, arrays, metadata)
            again = safetensors.load(self.path)
            assert all(again[name].tobytes() == x.tobytes() for name, x in arrays.items())


class TokenizerFile(Reader):
    """A tokenizer.json of either kind."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.good = []
        for tokenizer in (BPE, WORDS, BPETokenizer(BPE.merges, ["<s>"])):
            tokenizer.save(self.path)
            self.good.append(self.path.read_bytes())

    def edited(self, choices: Choices) -> bytes:
        raw = choices.of(self.good)
        if choices.one_in(3):
            return mutate_bytes(raw, choices)
        return dump(mutate_json(json.loads(raw), choices))

    def read(self) -> None:
        with refused_with(TokenizerFileError, self.path):
            tokenizer = load_tokenizer(self.path)
            ids = tokenizer.encode(PROBE, "all")
            assert all(0 <= i < tokenizer.vocab_size for i in ids)
            text = tokenizer.decode(ids)
            assert not isinstance(tokenizer, BPETokenizer) or text == PROBE
            tokenizer.save(self.path)
            assert load_tokenizer(self.path) == tokenizer


class Gpt2Files(Reader):
    """encoder.json and vocab.bpe, of which one is edited, or both."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.merges = folder / "vocab.bpe"
        characters = bytes_to_unicode()
        plain = BPETokenizer(BPE.merges)
        tokens = [
            "".join(characters[byte] for byte in plain.token_bytes(i))
            for i in range(plain.vocab_size)
        ]
        self.encoder = {token: i for i, token in enumerate([*tokens, "<|endoftext|>"])}
        lines = [f"{tokens[left]} {tokens[right]}" for left, right in BPE.merges]
        self.lines = "\n".join(["#version: 0.2", *lines, ""]).encode()

    def content(self, choices: Choices) -> bytes:
        self.merges.write_bytes(self.lines)
        if choices.one_in(2):
            self.merges.write_bytes(mutate_bytes(self.lines, choices))
            if choices.one_in(2):
                return dump(self.encoder)
        return super().content(choices)

    def edited(self, choices: Choices) -> bytes:
        if choices.one_in(3):
            return mutate_bytes(dump(self.encoder), choices)
        return dump(mutate_json(self.encoder, choices))

    def read(self) -> None:
        with refused_with(TokenizerFileError, self.folder):
            tokenizer = BPETokenizer.from_gpt2(self.path, self.merges)
            assert tokenizer.decode(tokenizer.encode(PROBE)) == PROBE


class Description(Reader):
    """What config.json says of a model of any kind; what is accepted can be built."""

    def edited(self, choices: Choices) -> bytes:
        described = describe(choices.of(MODELS))
        for _ in range(1 + choices.below(2)):
            described = mutate_json(described, choices)
        return dump(described)

    def read(self) -> None:
        try:
            described = json.loads(self.path.read_bytes())
        except (ValueError, RecursionError):
            return
        if not isinstance(described, dict):
            return
        with refused_with(FolderError, self.path):
            make, config, n_parameters = read_description(described, self.path)
            if n_parameters < 100_000:
                model = make(config, rng=np.random.default_rng(0))
                assert model.n_parameters() == n_parameters


class Material(Reader):
    """A text file to learn from, as each objective reads it."""

    def edited(self, choices: Choices) -> bytes:
        self.objective = choices.of(list(MATERIAL))
        return mutate_bytes(MATERIAL[self.objective].encode(), choices)

    def content(self, choices: Choices) -> bytes:
        self.objective = choices.of(list(MATERIAL))
        return super().content(choices)

    def read(self) -> None:
        try:
            text = read_text(self.path)
            material = parse(self.objective, text, f"text file {self.path}")
        except ValueError as fault:
            assert "\n" not in str(fault) and len(str(fault)) < 1000, fault
        else:
            assert material.train and material.valid
