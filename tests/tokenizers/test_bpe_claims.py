"""What byte-pair encoding claims of any corpus, by brute force on what it has learned."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from minillm.tokenizers import BPETokenizer
from minillm.tokenizers.pretokenize import split
from tests.strategies import rngs
from tests.tokenizers.test_pretokenize import any_text, nasty_text

letters = st.tuples(rngs, st.integers(5, 40)).map(
    lambda drawn: "".join(drawn[0].choice([*"aaabbbccé "], drawn[1]))
)
corpora = st.lists(letters | nasty_text, min_size=1, max_size=4).filter(any)
numbers_of_merges = st.integers(0, 25)


def learn(texts, n_merges):
    return BPETokenizer.train(texts, 256 + n_merges)


def pairs_of(texts, merges):
    """How often each pair of neighbours stands in the corpus as these merges cut it."""
    tokenizer = BPETokenizer(merges)
    counts = Counter()
    for word in (word for text in texts for word in split(text)):
        counts.update(pairwise(tokenizer.encode(word)))
    return counts


@given(corpora, numbers_of_merges)
def test_each_merge_is_a_commonest_pair_of_the_corpus_as_it_was_cut_then(texts, n_merges):
    """Of pairs that are equally common, the smallest by number; and so on to the end."""
    merges = learn(texts, n_merges).merges
    for i, merge in enumerate(merges):
        counts = pairs_of(texts, merges[:i])
        most = max(counts.values())
        assert merge == min(pair for pair, count in counts.items() if count == most)
    assert len(merges) == n_merges or not pairs_of(texts, merges)


@given(corpora, st.integers(1, 25))
def test_a_merge_shortens_the_corpus_by_its_count_and_of_twins_by_half_at_least(
    texts, n_merges
):
    """Pairs of unlike tokens never overlap; in "aaa" one of two (a, a) is replaced."""
    merges = learn(texts, n_merges).merges
    sizes = [
        sum(len(BPETokenizer(merges[:i]).encode(text)) for text in texts)
        for i in range(len(merges) + 1)
    ]
    for i, (left, right) in enumerate(merges):
        count, saved = pairs_of(texts, merges[:i])[left, right], sizes[i] - sizes[i + 1]
        assert saved == count if left != right else (count + 1) // 2 <= saved <= count


def by_lowest_rank(parts, merges):
    """While a neighbouring pair was learned: join the earliest learned, leftmost first."""
    parts = list(parts)
    while True:
        ranked = [
            (merges.index(p), i) for i, p in enumerate(pairwise(parts)) if p in merges
        ]
        if not ranked:
            return parts
        rank, i = min(ranked)
        parts[i : i + 2] = [256 + rank]


@given(corpora, numbers_of_merges, any_text | letters)
def test_encoding_joins_the_earliest_learned_pair_first(texts, n_merges, text):
    tokenizer = learn(texts, n_merges)
    expected = []
    for word in split(text):
        expected += by_lowest_rank(word.encode(), tokenizer.merges)
    assert tokenizer.encode(text) == expected


@given(corpora, numbers_of_merges, any_text | letters)
def test_nothing_that_was_learned_is_left_undone_inside_a_word(texts, n_merges, text):
    tokenizer = learn(texts, n_merges)
    for word in split(text):
        assert not set(pairwise(tokenizer.encode(word))) & set(tokenizer.merges)


@given(corpora, numbers_of_merges, any_text | letters)
def test_any_text_comes_back_from_any_vocabulary(texts, n_merges, text):
    tokenizer = learn(texts, n_merges)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode_bytes(tokenizer.encode(text)) == text.encode()


@given(corpora, numbers_of_merges, st.binary(max_size=30))
def test_any_bytes_are_ids_and_come_back(texts, n_merges, given_bytes):
    """UTF-8 or not: the first 256 ids are the bytes, whatever was learned."""
    tokenizer = learn(texts, n_merges)
    assert tokenizer.decode_bytes(given_bytes) == given_bytes
    assert tokenizer.decode(given_bytes) == given_bytes.decode(errors="replace")
