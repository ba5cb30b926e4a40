import copy
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.tokenizers import BPETokenizer, vocabulary, word_cache
from minillm.tokenizers.pretokenize import split
from tests.tokenizers.test_merging import one_merge_after_another
from tests.tokenizers.test_pretokenize import any_text, nasty_text

CORPUS = "the cat's mat, the rat's hat: été 123 你好你好 <|end|>\n\n  the end's end" * 3
SPECIALS = ["<|end|>", "<|end|>!", "<|", " the"]
TOKENIZER = BPETokenizer.train(CORPUS, 290, SPECIALS)

marked_text = st.lists(nasty_text | st.sampled_from([*SPECIALS, "<|en"]), max_size=8).map(
    "".join
)


@given(any_text | st.sampled_from([CORPUS]))
def test_any_text_comes_back(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text
    assert TOKENIZER.decode_bytes(TOKENIZER.encode(text)) == text.encode()


@given(marked_text)
def test_any_text_comes_back_with_special_tokens_too(text):
    ids = TOKENIZER.encode(text, allowed_special="all")
    assert TOKENIZER.decode(ids) == text


@given(any_text | st.sampled_from([CORPUS]))
def test_ids_are_the_merges_applied_to_each_word(text):
    merges = {pair: 256 + i for i, pair in enumerate(TOKENIZER.merges)}
    expected = []
    for word in split(text):
        expected += one_merge_after_another(list(word.encode()), merges)
    assert TOKENIZER.encode(text) == expected


@given(st.lists(marked_text, max_size=6), st.sets(st.sampled_from(SPECIALS)))
def test_a_stream_gives_the_ids_of_the_joined_text(texts, allowed):
    ids = list(TOKENIZER.encode_iterable(iter(texts), allowed))
    assert ids == TOKENIZER.encode("".join(texts), allowed)


def test_a_stream_may_be_cut_anywhere():
    text = (CORPUS + "a" * 50_000 + "<|end|>" + " " * 50_000 + "你" * 20_000 + "'re") * 2
    expected = TOKENIZER.encode(text, "all")
    for size in (1, 7, 16_384, len(text)):
        pieces = (text[i : i + size] for i in range(0, len(text), size))
        assert list(TOKENIZER.encode_iterable(pieces, "all")) == expected


@pytest.mark.parametrize("allowed", [(), "all"])
def test_the_memory_of_a_stream_does_not_grow_with_the_corpus(allowed):
    def peak(n_texts):
        tracemalloc.start()
        for _ in TOKENIZER.encode_iterable((CORPUS for _ in range(n_texts)), allowed):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(200)  # fills the word cache
    more_text = 1800 * len(CORPUS)  # one byte a character at the very least
    assert peak(2000) < peak(200) + more_text / 4


@given(st.lists(st.integers(0, TOKENIZER.vocab_size - 1)))
def test_decode_never_fails_on_ids_of_the_vocabulary(ids):
    joined = b"".join(TOKENIZER.token_bytes(i) for i in ids)
    assert TOKENIZER.decode_bytes(ids) == joined
    assert TOKENIZER.decode(ids) == joined.decode(errors="replace")


def test_half_a_character_decodes_to_the_replacement_character():
    first, second = TOKENIZER.encode("ß")
    assert TOKENIZER.decode([first]) == "\ufffd"
    assert TOKENIZER.decode([second, first]) == "\ufffd\ufffd"
    assert TOKENIZER.decode([first, second]) == "ß"


def test_ids_may_come_in_an_array():
    ids = np.array(TOKENIZER.encode("the cat"), dtype=np.int32)
    assert TOKENIZER.decode(ids) == "the cat"


@pytest.mark.parametrize("outside", [-1, 290, 10**30])
def test_an_id_outside_the_vocabulary_is_refused(outside):
    message = f"token id {outside} is not in the vocabulary: ids run from 0 to 289"
    for decode in (TOKENIZER.decode, TOKENIZER.decode_bytes):
        with pytest.raises(ValueError, match=message):
            decode([0, outside, 1])
    with pytest.raises(ValueError, match=message):
        TOKENIZER.token_bytes(outside)


@pytest.mark.parametrize("ids", [None, 3, "ab", [1.0], [None], [[1, 2]], np.ones((2, 2))])
def test_ids_that_are_no_sequence_of_integers_are_refused(ids):
    with pytest.raises(ValueError, match="ids must be integers"):
        TOKENIZER.decode(ids)


@given(any_text, any_text, st.integers(0xD800, 0xDFFF).map(chr))
def test_a_lone_surrogate_is_refused_by_name_and_place(before, after, half):
    message = rf"lone surrogate U\+{ord(half):04X} at position {len(before)}:"
    with pytest.raises(ValueError, match=message):
        TOKENIZER.encode(before + half + after)
    with pytest.raises(ValueError, match=r"texts\[1\] holds the " + message):
        list(TOKENIZER.encode_iterable(["", before + half + after]))


@pytest.mark.parametrize("text", [None, 3, b"bytes", ["text"]])
def test_what_is_no_text_is_not_encoded(text):
    with pytest.raises(ValueError, match="text must be a str, not"):
        TOKENIZER.encode(text)


def test_what_is_no_iterable_is_refused_before_the_first_id_is_asked_for():
    with pytest.raises(ValueError, match="texts must be a str or an iterable of str"):
        TOKENIZER.encode_iterable(3)


def test_ids_do_not_depend_on_what_was_encoded_before(monkeypatch):
    monkeypatch.setattr(word_cache, "_MAX_WORDS", 3)
    fresh, used = BPETokenizer(TOKENIZER.merges), BPETokenizer(TOKENIZER.merges)
    for text in (CORPUS, "unseen words", CORPUS[::-1]):
        used.encode(text)
    assert used.encode(CORPUS) == fresh.encode(CORPUS) == TOKENIZER.encode(CORPUS)


def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(word_cache, "_MAX_WORDS", 100)
    tokenizer, sizes = BPETokenizer(TOKENIZER.merges), []
    for number in range(1000, 1250):
        tokenizer.encode(str(number))
        sizes.append(len(tokenizer._ids_of_word))
    assert sizes == [*range(1, 101)] * 2 + [*range(1, 51)]
    tokenizer.encode("a" * 64)
    tokenizer.encode("a" * 65)
    assert sorted(map(len, tokenizer._ids_of_word))[-2:] == [4, 64]


def test_threads_may_share_a_tokenizer(monkeypatch):
    monkeypatch.setattr(word_cache, "_MAX_WORDS", 5)
    tokenizer = BPETokenizer(TOKENIZER.merges)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(tokenizer.encode, [CORPUS] * 40))
    assert results == [TOKENIZER.encode(CORPUS)] * 40


def test_a_copy_is_equal_and_a_different_tokenizer_is_not():
    assert copy.deepcopy(TOKENIZER) == TOKENIZER
    assert pickle.loads(pickle.dumps(TOKENIZER)).encode(CORPUS) == TOKENIZER.encode(CORPUS)
    assert BPETokenizer(TOKENIZER.merges, SPECIALS) == TOKENIZER
    assert BPETokenizer(TOKENIZER.merges, SPECIALS[::-1]) != TOKENIZER
    assert BPETokenizer(TOKENIZER.merges[:-1], SPECIALS) != TOKENIZER
    assert BPETokenizer() != BPETokenizer(ids=[*range(1, 256), 0])
    assert TOKENIZER != "tokenizer"


def test_without_merges_the_ids_are_the_bytes():
    assert BPETokenizer().encode("été") == list("été".encode())


@given(st.permutations(range(258)))
def test_ids_may_be_numbered_otherwise(ids):
    plain = BPETokenizer([(ord("a"), ord("b"))], ["<s>"])
    renumbered = BPETokenizer([(ord("a"), ord("b"))], ["<s>"], ids)
    text = "abba <s>"
    expected = [ids[number] for number in plain.encode(text, "all")]
    assert renumbered.encode(text, "all") == expected
    assert renumbered.decode(expected) == text
    assert renumbered.special_tokens == {"<s>": ids[257]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([(97, 256)],), "merge 0 joins tokens 97 and 256: only 0 to 255"),
        (([(97, -1)],), "merge 0 joins tokens 97 and -1"),
        (([(256, 97)],), "merge 0 joins tokens 256 and 97: only 0 to 255"),
        (([(-1, 97)],), "merge 0 joins tokens -1 and 97"),
        (([(97, 97), (97, 97)],), "merge 1 makes a token that exists already"),
        (([(97, 98), (98, 99), (256, 99), (97, 257)],), "merge 3 makes a token that"),
        (([], [], [*range(255), 0]), "ids must give each of the 256 tokens"),
        (([], ["a"], range(256)), "ids must give each of the 257 tokens"),
    ],
)
def test_a_broken_table_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BPETokenizer(*arguments)


def test_any_bytes_may_be_merged():
    tokenizer = BPETokenizer([(0, 255), (0, 0), (255, 0), (258, 257)])
    assert tokenizer.token_bytes(259) == b"\xff\0\0\0"


def test_the_limit_of_a_table_is_the_bytes_of_what_its_merges_make(monkeypatch):
    merges = [(97, 98), (256, 99), (97, 257)]  # ab, abc, aabc
    monkeypatch.setattr(vocabulary, "_MAX_TABLE_BYTES", 9)
    assert BPETokenizer(merges).token_bytes(258) == b"aabc"
    monkeypatch.setattr(vocabulary, "_MAX_TABLE_BYTES", 8)
    with pytest.raises(ValueError, match="the tokens take more than 8 bytes"):
        BPETokenizer(merges)


def test_merges_that_double_and_double_are_refused_before_they_fill_memory():
    merges = [(97, 97), *((number, number) for number in range(256, 281))]
    with pytest.raises(ValueError, match="the tokens take more than 67108864 bytes"):
        BPETokenizer(merges)
