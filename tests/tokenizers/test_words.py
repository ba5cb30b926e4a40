"""One token a word: known words come back, unknown ones are [UNK], forged ones too."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.data.objectives import sentinel_ids
from minillm.tokenizers import (
    SPECIAL_TOKENS,
    BPETokenizer,
    TokenizerFileError,
    WordTokenizer,
    files,
    load_tokenizer,
    sentinels,
)
from tests.tokenizers.test_pretokenize import any_text

WORDS = ["the", "cat", "sat", "été", ".", "[CAT]"]
TOKENIZER = WordTokenizer(WORDS, (*SPECIAL_TOKENS, *sentinels(2)))
UNKNOWN = TOKENIZER.special_tokens["[UNK]"]
GOOD = {
    "format": "minillm-words",
    "version": 1,
    "special_tokens": ["[PAD]", "[UNK]"],
    "words": ["the", "cat"],
}


@given(st.lists(st.sampled_from(WORDS)))
def test_text_of_known_words_comes_back(words):
    text = " ".join(words)
    ids = TOKENIZER.encode(text)
    assert len(ids) == len(words) and TOKENIZER.decode(ids) == text


@given(any_text)
def test_of_any_text_each_word_is_one_id_and_unknown_ones_are_lost(text):
    ids = TOKENIZER.encode(text)
    for word, id_ in zip(text.split(), ids, strict=True):
        assert (id_ == UNKNOWN) == (word not in WORDS)
        assert id_ == UNKNOWN or TOKENIZER.token_bytes(id_).decode() == word


known_and_special = st.lists(
    st.sampled_from([*WORDS, *SPECIAL_TOKENS, *sentinels(3), "dog"]), max_size=9
)


@given(known_and_special, st.sets(st.sampled_from([*SPECIAL_TOKENS, *sentinels(2)])))
def test_a_special_token_is_its_id_where_it_is_allowed_and_unknown_elsewhere(
    words, allowed
):
    known = {*WORDS, *allowed}
    ids = TOKENIZER.encode(" ".join(words), allowed)
    written = [word if word in known else "[UNK]" for word in words]
    assert TOKENIZER.decode(ids) == " ".join(written)
    specials = {TOKENIZER.special_tokens[text] for text in {*allowed, "[UNK]"}}
    assert all(id_ in specials or id_ >= len(TOKENIZER.special_tokens) for id_ in ids)


@given(st.integers(0, 120), st.integers(0, 120))
def test_sentinels_are_numbered_from_0_and_more_of_them_begin_alike(n, more):
    """Each is one token that no text can forge: the i-th stands for the i-th gap."""
    marks = sentinels(n)
    assert sentinels(n + more)[:n] == marks and len(set(marks)) == n
    assert marks == tuple("<extra_id_" + str(i) + ">" for i in range(n))
    tokenizer = WordTokenizer(["a"], ("[PAD]", "[UNK]", *marks))
    text = " a ".join(marks)
    ids = [id_ for id_ in tokenizer.encode(text, "all") if id_ != 2 + n]
    assert ids == sentinel_ids(tokenizer.special_tokens, n) == list(range(2, 2 + n))
    assert set(tokenizer.encode(text)) <= {1, 2 + n}


def test_special_tokens_come_first_and_padding_is_0():
    expected = {text: i for i, text in enumerate([*SPECIAL_TOKENS, *sentinels(2)])}
    assert TOKENIZER.special_tokens == expected and expected["[PAD]"] == 0
    assert TOKENIZER.encode(" ".join(WORDS)) == list(range(9, 15))
    assert (TOKENIZER.vocab_size, TOKENIZER.words) == (15, tuple(WORDS))
    assert sentinel_ids(TOKENIZER.special_tokens, 2) == [7, 8]
    with pytest.raises(ValueError, match="no sentinel <extra_id_2>"):
        sentinel_ids(TOKENIZER.special_tokens, 3)


def test_a_special_token_in_a_text_is_unknown_unless_it_is_allowed():
    text = "the [END] cat [PAD] [UNK]"
    assert TOKENIZER.encode(text) == [9, UNKNOWN, 10, UNKNOWN, UNKNOWN]
    assert TOKENIZER.encode(text, ["[END]"]) == [9, 6, 10, UNKNOWN, UNKNOWN]
    assert TOKENIZER.decode(TOKENIZER.encode(text, "all")) == text
    with pytest.raises(ValueError, match="names 'cat', which is no special token"):
        TOKENIZER.encode(text, ["cat"])


def test_white_space_of_any_kind_parts_words():
    assert TOKENIZER.encode("  the\tcat\n\nsat ") == TOKENIZER.encode("the cat sat")
    assert TOKENIZER.encode("") == [] and TOKENIZER.decode([]) == ""


@pytest.mark.parametrize("ids", [[15], [-1], [0, 99]])
def test_ids_outside_the_vocabulary_are_refused(ids):
    with pytest.raises(ValueError, match=f"id {ids[-1]} is not in .* from 0 to 14"):
        TOKENIZER.decode(ids)


@pytest.mark.parametrize("ids", [[1.5], ["a"], [None], 3])
def test_ids_that_are_no_integers_are_refused(ids):
    with pytest.raises(ValueError, match="ids must be integers in one sequence"):
        TOKENIZER.decode(ids)


@pytest.mark.parametrize(
    "complaint, words, specials",
    [
        ("'cat' is given twice", ["cat", "the", "cat"], SPECIAL_TOKENS),
        (r"'\[CLS\]' is given twice", ["[CLS]"], SPECIAL_TOKENS),
        ("'' is empty or holds white space", [""], SPECIAL_TOKENS),
        ("'a b' is empty or holds white space", ["a b"], SPECIAL_TOKENS),
        (r"'\\x1f' is empty or holds", ["\x1f"], SPECIAL_TOKENS),
        (r"words\[1\] must be a str, not int", ["a", 3], SPECIAL_TOKENS),
        (r"words\[0\] holds the lone surrogate", ["\ud800"], SPECIAL_TOKENS),
        (r"begin with \[PAD\] and hold \[UNK\]", ["a"], ["[UNK]", "[PAD]"]),
        (r"begin with \[PAD\] and hold \[UNK\]", ["a"], ["[PAD]"]),
        (r"begin with \[PAD\] and hold \[UNK\]", ["a"], []),
        ("'my token' is empty or holds", ["a"], ["[PAD]", "[UNK]", "my token"]),
        ("special token '<s>' is given twice", ["a"], ["[PAD]", "[UNK]", "<s>", "<s>"]),
        ("text must be a str, not bytes", None, None),
    ],
)
def test_what_cannot_be_a_vocabulary_or_a_text_is_refused(complaint, words, specials):
    with pytest.raises(ValueError, match=complaint):
        TOKENIZER.encode(b"the") if words is None else WordTokenizer(words, specials)


# -- files ---------------------------------------------------------------------------


def refused(path, content, message):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for load in (WordTokenizer.load, load_tokenizer):
        with pytest.raises(TokenizerFileError, match=message) as caught:
            load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@given(st.sets(st.text(min_size=1).filter(lambda s: s.split() == [s]), max_size=9))
def test_a_saved_tokenizer_comes_back_whichever_kind_is_asked_for(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("words") / "tokenizer.json"
    try:
        tokenizer = WordTokenizer(sorted(words), (*SPECIAL_TOKENS, *sentinels(3)))
    except ValueError as error:
        assert "lone surrogate" in str(error) or "given twice" in str(error)
        return
    tokenizer.save(path)
    path.read_text("ascii")
    for again in (WordTokenizer.load(path), load_tokenizer(path)):
        assert again == tokenizer and again.special_tokens == tokenizer.special_tokens


def test_either_kind_is_opened_as_what_it_is(tmp_path):
    bpe = BPETokenizer.train("the cat's mat", 260, ["<|end|>"])
    bpe.save(tmp_path / "bpe.json")
    TOKENIZER.save(tmp_path / "words.json")
    assert load_tokenizer(tmp_path / "bpe.json") == bpe
    assert load_tokenizer(tmp_path / "words.json") == TOKENIZER
    with pytest.raises(TokenizerFileError, match='"format" must be "minillm-words"'):
        WordTokenizer.load(tmp_path / "bpe.json")
    with pytest.raises(TokenizerFileError, match='"format" must be "minillm-bpe"'):
        BPETokenizer.load(tmp_path / "words.json")


def test_tokenizers_of_different_words_or_special_tokens_differ():
    two = (*SPECIAL_TOKENS, *sentinels(2))
    assert WordTokenizer(WORDS, two) == TOKENIZER != WordTokenizer(WORDS[::-1], two)
    assert WordTokenizer(["a"]) != WordTokenizer([], (*SPECIAL_TOKENS, "a"))
    assert BPETokenizer() != TOKENIZER


def test_the_good_file_of_these_tests_is_good(tmp_path):
    (tmp_path / "t.json").write_text(json.dumps(GOOD))
    assert load_tokenizer(tmp_path / "t.json").encode("the cat") == [2, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "no minillm tokenizer"),
        ({"format": ["minillm-words"]}, "no minillm tokenizer"),
        ({"version": 2}, '"version" 1, not .* and 2'),
        ({"more": 1}, "'more' is missing or unknown"),
        ({"words": None}, '"words" must be a list of strings'),
        ({"words": "the cat"}, '"words" must be a list of strings'),
        ({"words": ["the", 1]}, '"words" must be a list of strings'),
        ({"words": {"the": 1}}, '"words" must be a list of strings'),
        ({"words": ["the", "the"]}, "'the' is given twice"),
        ({"words": ["w" * 10_000] * 2}, "www... is given twice"),
        ({"words": ["the cat"]}, "holds white space"),
        ({"words": ["\udc80"]}, r"lone surrogate U\+DC80"),
        ({"words": ["[UNK]"]}, "given twice"),
        ({"special_tokens": "[PAD]"}, '"special_tokens" must be a list of strings'),
        ({"special_tokens": [0, 1]}, '"special_tokens" must be a list of strings'),
        ({"special_tokens": ["[UNK]"]}, r"must begin with \[PAD\]"),
        ({"special_tokens": ["[PAD]", "[UNK]", ""]}, "must not be the empty string"),
    ],
)
def test_a_tampered_file_is_refused(tmp_path, change, message):
    refused(tmp_path / "t.json", json.dumps(GOOD | change), message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no valid JSON"),
        ("{}", "no minillm tokenizer"),
        ("[]", "must be an object"),
        (b"\xff\xfe\x00", "not UTF-8 at byte 0"),
        ("[" * 100_000, "nested too deeply"),
        ('{"words": [], "words": []}', "a key occurs twice"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, content, message):
    refused(tmp_path / "t.json", content, message)


@pytest.mark.parametrize("key", sorted(GOOD))
def test_a_file_that_lacks_a_key_is_refused(tmp_path, key):
    content = {k: v for k, v in GOOD.items() if k != key}
    refused(tmp_path / "t.json", json.dumps(content), "missing or unknown|no minillm")


def test_a_file_cut_short_anywhere_is_refused(tmp_path):
    content = json.dumps(GOOD)
    for length in range(len(content)):
        refused(tmp_path / "t.json", content[:length], "no valid JSON")


def test_a_file_beyond_the_limit_is_neither_read_nor_written(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 100)
    refused(tmp_path / "t.json", json.dumps(GOOD), "longer than 100 bytes")
    with pytest.raises(ValueError, match="would be longer than 100 bytes"):
        TOKENIZER.save(tmp_path / "other.json")
    assert not (tmp_path / "other.json").exists()


def test_a_folder_or_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # to open it would wait for a writer, for ever
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(TokenizerFileError, match="not a regular file"):
            load_tokenizer(path)
