"""The characters and lines of GPT-2's two files, one by one."""

import pytest

from minillm.tokenizers import BPETokenizer, TokenizerFileError
from minillm.tokenizers.gpt2_files import bytes_to_unicode
from tests.tokenizers.test_gpt2_files import ENCODER, LINES, gpt2_form, load


def test_visible_characters_stand_for_themselves_and_hidden_bytes_are_numbered():
    characters, n_hidden = bytes_to_unicode(), 0
    assert len(characters) == 256
    for byte, character in enumerate(characters):
        if chr(byte).isprintable() and not chr(byte).isspace():
            assert character == chr(byte)
        else:
            assert character == chr(0x100 + n_hidden)
            n_hidden += 1
    assert n_hidden == 68


def test_the_line_of_the_version_may_be_missing(tmp_path):
    assert load(tmp_path, ENCODER, LINES[1:]) == load(tmp_path, ENCODER, LINES)


def test_a_merge_may_look_like_the_line_of_the_version(tmp_path):
    merges, left = [], ord("#")
    for byte in b"version:":
        merges.append((left, byte))
        left = 255 + len(merges)
    expected = BPETokenizer(merges, ["<|endoftext|>"])
    encoder, lines = gpt2_form(BPETokenizer(merges), range(265))
    assert lines[0].startswith("#version") and lines[8] == "#version :"
    assert load(tmp_path, encoder, lines) == expected


def test_what_is_merged_first_on_a_line_may_be_unknown_or_what_is_merged_second(tmp_path):
    for line in ("zz a", "a zz"):
        with pytest.raises(TokenizerFileError, match=r"17: merges .* are not both"):
            load(tmp_path, ENCODER, [*LINES, line])
