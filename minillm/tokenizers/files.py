"""minillm's tokenizer file: JSON that a tokenizer is rebuilt from, and nothing else.

    {"format": "minillm-bpe", "version": 1,
     "merges": [[left, right], ...],    by token number, in the order learned
     "special_tokens": ["<|end|>"],
     "ids": null}                       or the id of each byte, merge and special token

A file is checked before it is believed: it may be truncated, foreign or hostile.
"""

import json
import os
import stat
from typing import Any, BinaryIO

from minillm import strict_json
from minillm.atomic import write_atomically
from minillm.tokenizers.valid_text import short

FilePath = str | os.PathLike[str]
FORMAT, VERSION = "minillm-bpe", 1
MAX_FILE_BYTES = 1 << 24  # thirty times GPT-2's vocabulary


class TokenizerFileError(ValueError):
    """A tokenizer file that cannot be used; the message names the file and the fault."""


def write_tokenizer_file(
    path: FilePath,
    merges: list[tuple[int, int]],
    special_tokens: list[str],
    ids: list[int] | None,
) -> None:
    """Write the file whole or not at all: see write_json."""
    content = {"merges": merges, "special_tokens": special_tokens, "ids": ids}
    write_json(path, {"format": FORMAT, "version": VERSION} | content)


def read_tokenizer_file(
    path: FilePath,
) -> tuple[list[tuple[int, int]], list[str], list[int] | None]:
    """(merges, special_tokens, ids): of the right types, not yet of the right values."""
    content = read_form(path, FORMAT, VERSION, {"merges", "special_tokens", "ids"})
    merges, specials, ids = content["merges"], content["special_tokens"], content["ids"]
    if not isinstance(merges, list) or not all(map(_is_pair, merges)):
        raise TokenizerFileError(
            f'{path}: "merges" must be a list of pairs of token numbers'
        )
    if not isinstance(specials, list) or not all(type(s) is str for s in specials):
        raise TokenizerFileError(f'{path}: "special_tokens" must be a list of strings')
    if ids is not None and not _are_numbers(ids):
        raise TokenizerFileError(f'{path}: "ids" must be null or a list of token ids')
    return [(left, right) for left, right in merges], specials, ids


def write_json(path: FilePath, content: dict[str, Any]) -> None:
    """Write a file whole or not at all: an old one stays until the new one is safe.

    OSError if the disk refuses; ValueError if it would be too long to be read again.
    """
    text = json.dumps(content)
    if len(text) > MAX_FILE_BYTES:
        raise ValueError(f"{path}: would be longer than {MAX_FILE_BYTES} bytes")

    def write(file: BinaryIO) -> None:
        file.write(text.encode("ascii"))

    write_atomically(path, write)


def read_form(path: FilePath, name: str, version: int, keys: set[str]) -> dict[str, Any]:
    """The JSON object in a file of this format and version, with exactly these keys."""
    content = read_json_object(path)
    given = content.get("format"), content.get("version")
    if given != (name, version) or type(given[1]) is not int:  # true and 1.0 equal 1
        raise TokenizerFileError(
            f'{path}: no minillm tokenizer: "format" must be "{name}" and "version" '
            f"{version}, not {short(given[0])} and {short(given[1])}"
        )
    expected = {"format", "version"} | keys
    if content.keys() != expected:
        raise TokenizerFileError(
            f"{path}: the keys must be {sorted(expected)}: "
            f"{short(min(expected ^ content.keys()))} is missing or unknown"
        )
    return content


def read_json_object(path: FilePath) -> dict[str, Any]:
    """The JSON object in a file; TokenizerFileError if it holds anything else."""
    text = read_text(path)
    try:
        content = strict_json.parse(text)
    except ValueError as error:
        raise TokenizerFileError(f"{path}: no valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise TokenizerFileError(f"{path}: the JSON must be an object, {{...}}")
    return content


def read_text(path: FilePath) -> str:
    """A file's text; OSError if it cannot be opened, TokenizerFileError if no text."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise TokenizerFileError(f"{path}: not a regular file")
    with open(path, "rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise TokenizerFileError(f"{path}: longer than {MAX_FILE_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise TokenizerFileError(f"{path}: not UTF-8 at byte {error.start}") from None


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and _are_numbers(value)


def _are_numbers(values: object) -> bool:
    """Numbers that a token may have. bool is an int to isinstance: true is none."""
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value < MAX_FILE_BYTES for value in values
    )
