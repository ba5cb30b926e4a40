"""The file of a word tokenizer: JSON that it is rebuilt from, and nothing else.

    {"format": "minillm-words", "version": 1,
     "special_tokens": ["[PAD]", "[UNK]", ...],
     "words": ["the", "a", ...]}        by id, after the special tokens

A file is checked before it is believed, as files.py does.
"""

from minillm.tokenizers.files import (
    FilePath,
    TokenizerFileError,
    read_form,
    write_json,
)

FORMAT, VERSION = "minillm-words", 1


def write_word_file(path: FilePath, special_tokens: list[str], words: list[str]) -> None:
    """Write the file whole or not at all: see write_json."""
    content = {"special_tokens": special_tokens, "words": words}
    write_json(path, {"format": FORMAT, "version": VERSION} | content)


def read_word_file(path: FilePath) -> tuple[list[str], list[str]]:
    """(special_tokens, words): of the right types, not yet of the right values."""
    content = read_form(path, FORMAT, VERSION, {"special_tokens", "words"})
    for name in ("special_tokens", "words"):
        values = content[name]
        if not isinstance(values, list) or not all(type(value) is str for value in values):
            raise TokenizerFileError(f'{path}: "{name}" must be a list of strings')
    return content["special_tokens"], content["words"]
