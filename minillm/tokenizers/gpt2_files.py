"""GPT-2's two tokenizer files, encoder.json and vocab.bpe (Radford et al. 2019).

encoder.json maps every token to its id; vocab.bpe lists the merges, one a line, in the
order learned. Both write a token as a string with one printable character a byte.
"""

import os

from minillm.tokenizers.files import TokenizerFileError, read_json_object, read_text
from minillm.tokenizers.merging import Pair
from minillm.tokenizers.valid_text import short


def bytes_to_unicode() -> tuple[str, ...]:
    """The printable character of each byte.

    Visible Latin-1 characters stand for themselves. The 68 others (controls, spaces,
    the soft hyphen) become U+0100, U+0101, ... in order: a space is U+0120.
    """
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in visible]
    return tuple(
        chr(byte) if byte in visible else chr(0x100 + hidden.index(byte))
        for byte in range(256)
    )


def read_gpt2_files(
    encoder_json: str | os.PathLike[str],
    vocab_bpe: str | os.PathLike[str],
    special_tokens: tuple[str, ...],
) -> tuple[list[Pair], list[int]]:
    """(merges by token number, id of each byte, merge and special token).

    Every token of encoder.json must be a byte, made by a merge, or one of
    special_tokens: a truncated vocab.bpe would leave others over.
    """
    encoder = read_json_object(encoder_json)
    number_of = {character: byte for byte, character in enumerate(bytes_to_unicode())}
    merges = []
    for where, left, right in _merge_lines(vocab_bpe):
        if left not in number_of or right not in number_of:
            raise TokenizerFileError(
                f"{where}: merges {short(left)} and {short(right)}, which are not both "
                "bytes or made by earlier lines"
            )
        if left + right in number_of:
            raise TokenizerFileError(f"{where}: {short(left + right)} is made twice")
        merges.append((number_of[left], number_of[right]))
        number_of[left + right] = len(number_of)
    return merges, _ids(encoder_json, encoder, [*number_of, *special_tokens])


def _merge_lines(path: str | os.PathLike[str]) -> list[tuple[str, str, str]]:
    """(where, left, right) of each line but the first, "#version: ...", and empty ones."""
    found = []
    for n, line in enumerate(read_text(path).split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line or (n == 1 and line.startswith("#version")):
            continue
        left, _, right = line.partition(" ")
        if not left or not right or " " in right:
            raise TokenizerFileError(
                f"{path}, line {n}: must be two tokens and a space, not {short(line)}"
            )
        found.append((f"{path}, line {n}", left, right))
    return found


def _ids(
    path: str | os.PathLike[str], encoder: dict[str, object], tokens: list[str]
) -> list[int]:
    """The id of each token; every token must have one, and every id must be used."""
    ids = []
    for token in tokens:
        if type(id_ := encoder.get(token)) is not int:
            raise TokenizerFileError(f"{path}: gives no integer id to {short(token)}")
        ids.append(id_)
    if left_over := encoder.keys() - set(tokens):
        raise TokenizerFileError(
            f"{path}: {len(left_over)} tokens are neither bytes nor merges nor "
            f"special_tokens, among them {short(min(left_over))}"
        )
    return ids
