"""How long a file, a number and a complaint may be: to the last byte, and no further."""

import json

import pytest

from minillm.tokenizers import BPETokenizer, TokenizerFileError, WordTokenizer, files
from minillm.tokenizers.valid_text import short


@pytest.mark.parametrize(
    "tokenizer", [BPETokenizer.train("the cat", 258, ["<s>"]), WordTokenizer(["a", "b"])]
)
def test_a_file_of_the_longest_size_is_written_and_read_and_one_byte_more_is_not(
    tmp_path, monkeypatch, tokenizer
):
    path, load = tmp_path / "t.json", type(tokenizer).load
    tokenizer.save(path)
    monkeypatch.setattr(files, "MAX_FILE_BYTES", path.stat().st_size)
    tokenizer.save(path)
    assert load(path) == tokenizer
    monkeypatch.setattr(files, "MAX_FILE_BYTES", path.stat().st_size - 1)
    with pytest.raises(TokenizerFileError, match="longer than"):
        load(path)
    with pytest.raises(ValueError, match="would be longer than"):
        tokenizer.save(path)


def refusal(tmp_path, **change):
    """The complaint about a file of 256 bytes and one merge, with this change."""
    good = {"merges": [[97, 98]], "special_tokens": [], "ids": None}
    content = {"format": "minillm-bpe", "version": 1} | good | change
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(TokenizerFileError) as caught:
        BPETokenizer.load(tmp_path / "t.json")
    return str(caught.value)


def test_numbers_of_tokens_stay_below_2_to_the_24(tmp_path):
    """A file that holds so many tokens would be longer than the longest."""
    for number, what in ((2**24 - 1, "merge 0 joins tokens"), (2**24, "list of pairs")):
        assert what in refusal(tmp_path, merges=[[97, number]])
        assert what in refusal(tmp_path, merges=[[number, 97]])
    for number, what in ((2**24 - 1, "each of the 257"), (2**24, "list of token ids")):
        assert what in refusal(tmp_path, ids=[*range(256), number])


def test_one_element_of_the_wrong_type_is_enough(tmp_path):
    assert '"merges" must be' in refusal(tmp_path, merges=[[97, 98], 5])
    assert '"merges" must be' in refusal(tmp_path, merges=[[97, 98], "ab"])
    assert '"merges" must be' in refusal(tmp_path, merges=[[97, 98], {"1": 2, "3": 4}])
    assert '"special_tokens" must be' in refusal(tmp_path, special_tokens=["<s>", 1])
    assert '"ids" must be' in refusal(tmp_path, ids=[*range(256), "256"])
    assert '"ids" must be' in refusal(tmp_path, ids={})


def test_what_is_quoted_in_a_complaint_is_cut_beyond_60_characters():
    assert short("x" * 58) == "'" + "x" * 58 + "'"
    assert short("x" * 59) == "'" + "x" * 56 + "..."
    assert short(["x"]) == "a list" and short({}) == "a dict" and short(3) == "3"
