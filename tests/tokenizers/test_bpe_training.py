from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.tokenizers import BPETokenizer
from minillm.tokenizers.bpe_training import learn_merges
from tests.tokenizers.test_merging import one_merge_after_another


def learn_by_counting_again(word_counts, n_merges):
    """The definition: count every pair in every word, merge the commonest, repeat."""
    words = [(list(word.encode()), n) for word, n in word_counts.items()]
    merges = []
    while len(merges) < n_merges:
        counts = Counter()
        for parts, n in words:
            for pair in pairwise(parts):
                counts[pair] += n
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        new = {best: 256 + len(merges)}
        words = [(one_merge_after_another(parts, new), n) for parts, n in words]
        merges.append(best)
    return merges


few_letters = st.text(alphabet="ab", min_size=1, max_size=12)  # runs and ties abound
more_letters = st.text(alphabet="abcdé", min_size=1, max_size=12)
counted_words = st.dictionaries(
    few_letters | more_letters, st.integers(1, 5), min_size=1, max_size=12
)


@given(counted_words, st.integers(0, 40))
def test_incremental_training_is_the_greedy_maximiser(word_counts, n_merges):
    expected = learn_by_counting_again(word_counts, n_merges)
    assert learn_merges(word_counts, n_merges) == expected


@given(counted_words)
def test_training_never_makes_the_same_bytes_twice(word_counts):
    tokens = [bytes([byte]) for byte in range(256)]
    for left, right in learn_merges(word_counts, 1000):
        tokens.append(tokens[left] + tokens[right])
    assert len(set(tokens)) == len(tokens)


def test_of_equally_common_pairs_the_smallest_is_merged_first():
    a, b, c, d = b"abcd"
    assert learn_merges({"cd": 2, "ab": 2, "ad": 2}, 3) == [(a, b), (a, d), (c, d)]
    assert learn_merges({"cd": 3, "ab": 2, "ad": 2}, 3) == [(c, d), (a, b), (a, d)]


def test_two_tokens_become_one_in_the_middle_of_a_word_and_at_its_end():
    a, b, x, y = b"abxy"
    assert learn_merges({"xab": 1}, 9) == [(a, b), (x, 256)]
    assert learn_merges({"xaby": 1}, 9) == [(a, b), (x, 256), (257, y)]


def test_the_example_of_the_paper():
    """Sennrich et al. 2016, sec. 3.2: low, lowest, newer, wider (ends of words apart)."""
    merges = learn_merges({"low": 5, "lowest": 2, "newer": 6, "wider": 3}, 3)
    assert merges == [(ord("e"), ord("r")), (ord("l"), ord("o")), (257, ord("w"))]


def test_training_stops_early_when_every_word_is_one_token():
    tokenizer = BPETokenizer.train("abc abc", 1000)
    assert tokenizer.vocab_size == 259  # ab, abc and " abc"
    assert tokenizer.encode("abc abc") == [257, 258]


@given(st.lists(st.text(alphabet="ab '\n1é", max_size=20), max_size=6))
def test_texts_are_documents_of_their_own(texts):
    texts.append("a")
    merged = BPETokenizer.train(texts, 300)
    separated = BPETokenizer.train("<|>".join(texts), 301, ["<|>"])
    assert merged.merges == separated.merges


def test_nothing_is_learned_across_a_special_token_or_from_it():
    text = "xy<|end|>zz<|end|>" * 50
    tokenizer = BPETokenizer.train(text, 300, ["<|end|>"])
    assert tokenizer.merges == ((ord("x"), ord("y")), (ord("z"), ord("z")))


def test_bytes_merges_and_special_tokens_are_numbered_in_this_order():
    tokenizer = BPETokenizer.train("ab ab", 260, ["<b>", "<a>"])
    assert [tokenizer.token_bytes(i) for i in range(256)] == [
        bytes([i]) for i in range(256)
    ]
    assert tokenizer.token_bytes(256) == b"ab"
    assert tokenizer.special_tokens == {"<b>": 258, "<a>": 259}
    assert tokenizer.vocab_size == 260


@pytest.mark.parametrize("corpus", ["", [], ["", ""], iter([]), "<|end|><|end|>"])
def test_an_empty_corpus_is_refused(corpus):
    with pytest.raises(ValueError, match="the corpus is empty"):
        BPETokenizer.train(corpus, 300, ["<|end|>"])


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (b"bytes", "texts must be a str or an iterable of str, not bytes"),
        (None, "texts must be a str or an iterable of str, not NoneType"),
        (["text", 3], r"texts\[1\] must be a str, not int"),
        (["text", "a\ud800"], r"texts\[1\] holds the lone surrogate U\+D800 at position 1"),
    ],
)
def test_a_corpus_that_is_no_text_is_refused(corpus, message):
    with pytest.raises(ValueError, match=message):
        BPETokenizer.train(corpus, 300)


@pytest.mark.parametrize("vocab_size", [-1, 0, 257, 300.0, True, None, "300"])
def test_a_vocabulary_without_room_for_bytes_and_specials_is_refused(vocab_size):
    with pytest.raises(ValueError, match="vocab_size must be an integer of at least 258"):
        BPETokenizer.train("text", vocab_size, ["<a>", "<b>"])


def test_the_smallest_vocabulary_is_bytes_and_specials():
    assert BPETokenizer.train("text", 257, ["<a>"]).merges == ()
