from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.tokenizers import BPETokenizer
from minillm.tokenizers.special_tokens import words_and_specials

END = "<|end|>"
TOKENIZER = BPETokenizer.train("the end of the end", 280, [END, "<|end|>>", "<"])
END_ID = TOKENIZER.special_tokens[END]
LONGER_ID = TOKENIZER.special_tokens["<|end|>>"]

texts = st.text(alphabet="ab <|end>'", max_size=40)


@given(texts)
def test_text_that_looks_like_a_special_token_is_ordinary_unless_allowed(text):
    """Otherwise a user's text could forge the end of a document: injection."""
    ids = TOKENIZER.encode(text + END + text)
    assert set(ids).isdisjoint(TOKENIZER.special_tokens.values())
    assert ids == BPETokenizer(TOKENIZER.merges).encode(text + END + text)


@given(texts, texts)
def test_an_allowed_special_token_is_one_id_and_borders_its_text(before, after):
    before, after = before.replace(END, ""), after.replace(END, "")
    ids = TOKENIZER.encode(before + END + after, allowed_special=[END])
    assert ids == [*TOKENIZER.encode(before), END_ID, *TOKENIZER.encode(after)]


def test_the_longest_special_token_wins():
    ids = TOKENIZER.encode("<|end|>><|end|><", allowed_special="all")
    assert ids == [LONGER_ID, END_ID, TOKENIZER.special_tokens["<"]]


def test_only_the_allowed_ones_are_recognised():
    ids = TOKENIZER.encode("<|end|>>", allowed_special={END})
    assert ids == [END_ID, ord(">")]


marks = st.sampled_from([END, "<|end|>>", "<", "<|e", "nd|>", "ab", "a", " ", ">"])


@given(st.lists(marks, max_size=12).map("".join), st.data())
def test_special_tokens_are_found_in_pieces_as_in_the_whole(text, data):
    specials = data.draw(st.sets(st.sampled_from([END, "<|end|>>", "<", "ab", "a"])))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    pieces = [text[i:j] for i, j in pairwise([0, *cuts, len(text)])]

    def flat(texts):
        found = words_and_specials(texts, specials)
        return [item for words, special in found for item in [*words, special] if item]

    assert flat(pieces) == flat([text])


def cut_at(specials, text):
    """At each place the longest special token that stands there, or else a character."""
    parts, ordinary, i = [], "", 0
    while i < len(text):
        found = max((s for s in specials if text.startswith(s, i)), key=len, default="")
        if found:
            parts, ordinary = [*parts, ordinary, found], ""
        else:
            ordinary += text[i]
        i += len(found) or 1
    return [*parts, ordinary]


@given(
    st.lists(marks, max_size=12).map("".join),
    st.sets(st.sampled_from(sorted(TOKENIZER.special_tokens))),
)
def test_allowed_special_tokens_are_one_id_each_and_all_else_is_ordinary(text, allowed):
    """Never split, never forged: other than at an allowed one no special id comes."""
    plain = BPETokenizer(TOKENIZER.merges)
    expected = []
    for part in cut_at(allowed, text):
        special = TOKENIZER.special_tokens[part] if part in allowed else None
        expected += plain.encode(part) if special is None else [special]
    assert TOKENIZER.encode(text, allowed) == expected


def test_nothing_is_lost_of_a_long_text_before_a_special_token():
    text = "a b " * 5000
    ids = TOKENIZER.encode(text + END + text, [END])
    assert ids == [*TOKENIZER.encode(text), END_ID, *TOKENIZER.encode(text)]


def test_a_longer_special_token_may_still_be_arriving():
    for text in ("<|end|>>", "<|end|>a", "<|end|>"):
        ids = TOKENIZER.encode(text, "all")
        assert list(TOKENIZER.encode_iterable(list(text), "all")) == ids


@pytest.mark.parametrize(
    ("specials", "message"),
    [
        ("<s>", "special_tokens must be a collection of str, not '<s>'"),
        (3, "special_tokens must be a collection of str, not 3"),
        ([""], "must not be the empty string"),
        (["<s>", "<s>"], "the special token '<s>' is given twice"),
        ([b"<s>"], "a special token must be a str, not bytes"),
        (["\udc80"], r"a special token holds the lone surrogate U\+DC80"),
    ],
)
def test_special_tokens_that_cannot_be_are_refused(specials, message):
    with pytest.raises(ValueError, match=message):
        BPETokenizer.train("text", 300, specials)


@pytest.mark.parametrize(
    ("allowed", "message"),
    [
        (["<unknown>"], "allowed_special names '<unknown>', which is no special token"),
        (END, "allowed_special must be"),
        (None, "allowed_special must be"),
        ([3], "allowed_special names 3"),
    ],
)
def test_only_known_special_tokens_can_be_allowed(allowed, message):
    with pytest.raises(ValueError, match=message):
        TOKENIZER.encode("text", allowed)
    with pytest.raises(ValueError, match=message):
        TOKENIZER.encode_iterable(["text"], allowed)
