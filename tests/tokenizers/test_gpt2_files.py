import json

import pytest

from minillm.tokenizers import BPETokenizer, TokenizerFileError
from minillm.tokenizers.gpt2_files import bytes_to_unicode

TRAINED = BPETokenizer.train("the cat's mat, the rat's hat: été 123", 270)
END = "<|endoftext|>"


def gpt2_form(tokenizer, ids):
    """What encoder.json and the lines of vocab.bpe would hold for a tokenizer."""
    characters = bytes_to_unicode()
    tokens = [
        "".join(characters[byte] for byte in tokenizer.token_bytes(number))
        for number in range(tokenizer.vocab_size)
    ]
    encoder = dict(zip([*tokens, END], ids, strict=True))
    lines = [f"{tokens[left]} {tokens[right]}" for left, right in tokenizer.merges]
    return encoder, ["#version: 0.2", *lines, ""]


ENCODER, LINES = gpt2_form(TRAINED, list(range(270, -1, -1)))


def load(folder, encoder, lines, *specials):
    (folder / "encoder.json").write_text(json.dumps(encoder))
    (folder / "vocab.bpe").write_text("\n".join(lines), encoding="utf-8")
    return BPETokenizer.from_gpt2(folder / "encoder.json", folder / "vocab.bpe", *specials)


def test_every_byte_has_a_visible_character_of_its_own():
    characters = bytes_to_unicode()
    assert len(set(characters)) == 256
    assert all(c.isprintable() and not c.isspace() for c in characters)
    assert characters[ord("A")] == "A" and characters[ord(" ")] == "\u0120"
    assert characters[ord("\n")] == "\u010a" and characters[0xAD] == "\u0143"


def test_the_ids_are_those_of_the_file(tmp_path):
    tokenizer = load(tmp_path, ENCODER, LINES)
    text = "the cat été\n"
    assert tokenizer.encode(text) == [270 - number for number in TRAINED.encode(text)]
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.vocab_size == 271
    assert tokenizer.special_tokens == {END: 0}
    assert tokenizer.encode(END, "all") == [0] and tokenizer.decode([0]) == END


def test_lines_may_end_as_windows_ends_them(tmp_path):
    lines = [line + "\r" for line in LINES]
    assert load(tmp_path, ENCODER, lines) == load(tmp_path, ENCODER, LINES)


def test_special_tokens_may_be_others(tmp_path):
    encoder = {("<s>" if key == END else key): id_ for key, id_ in ENCODER.items()}
    assert load(tmp_path, encoder, LINES, ["<s>"]).special_tokens == {"<s>": 0}
    with pytest.raises(TokenizerFileError, match=r"no integer id to '<\|endoftext\|>'"):
        load(tmp_path, encoder, LINES)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (LINES[:-3], "2 tokens are neither bytes nor merges nor special_tokens"),
        ([*LINES, "a b c"], "line 17: must be two tokens and a space, not 'a b c'"),
        ([*LINES, "ab"], "line 17: must be two tokens"),
        ([*LINES, " b"], "line 17: must be two tokens"),
        ([*LINES, "zz a"], "line 17: merges 'zz' and 'a', which are not both bytes or"),
        ([*LINES, LINES[1]], "line 17: '.*' is made twice"),
        ([*LINES, "q q"], "encoder.json: gives no integer id to 'qq'"),
    ],
)
def test_a_broken_list_of_merges_is_refused(tmp_path, lines, message):
    with pytest.raises(TokenizerFileError, match=message):
        load(tmp_path, ENCODER, lines)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ([], "must be an object"),
        ({}, "gives no integer id to"),
        (ENCODER | {"a": "1"}, "gives no integer id to 'a'"),
        (ENCODER | {"a": True}, "gives no integer id to 'a'"),
        (ENCODER | {"a": 0}, "ids must give each of the 271 tokens one of 0 to 270"),
        (ENCODER | {"a": -1}, "ids must give each of the 271 tokens"),
        (ENCODER | {"extra": 271}, "among them 'extra'"),
    ],
)
def test_a_broken_encoder_is_refused(tmp_path, encoder, message):
    with pytest.raises(TokenizerFileError, match=message):
        load(tmp_path, encoder, LINES)


def test_files_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff" * 100)
    for encoder, merges in (("binary", "vocab.bpe"), ("encoder.json", "binary")):
        load(tmp_path, ENCODER, LINES)
        with pytest.raises(TokenizerFileError, match="binary: not UTF-8 at byte 0"):
            BPETokenizer.from_gpt2(tmp_path / encoder, tmp_path / merges)
