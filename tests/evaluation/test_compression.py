"""Compressors count bits of the held-out text alone, and remember what they can."""

import math
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minillm.data import keep_paragraphs_once, split_tail, tour_text
from minillm.evaluation import bits_per_byte, compression_baselines

LETTERS = "abcdefghijklmnopqrstuvwxyz012345"  # 32 of them: 5 bits each


def random_text(n, seed):
    return "".join(np.random.default_rng(seed).choice(list(LETTERS), n))


def test_random_letters_cannot_be_compressed():
    scores = compression_baselines(random_text(50_000, 0), random_text(20_000, 1))
    assert all(5 <= bits < 5.35 for bits in scores.values())


def test_zlib_forgets_what_lies_further_back_than_32_kib_and_lzma_does_not():
    new, other = random_text(3_000, 0), random_text(60_000, 1)
    forgotten = compression_baselines(new + other, new)
    remembered = compression_baselines(other + new, new)
    assert remembered["zlib primed"] < 0.2 and remembered["lzma primed"] < 0.2
    assert forgotten["zlib primed"] > 4 and forgotten["lzma primed"] < 0.2


def test_bits_are_per_byte_of_utf_8():
    text = "é" * 1000
    expected = 8 * len(zlib.compress(text.encode(), 9)) / 2000
    assert compression_baselines("", text)["zlib"] == expected


def test_on_the_tour_text_compressors_rank_as_their_memories_do():
    split = split_tail(keep_paragraphs_once(tour_text()))
    scores = compression_baselines(split.train, split.valid)
    ranked = ["lzma primed", "zlib primed", "lzma", "zlib"]
    assert sorted(scores, key=scores.__getitem__) == ranked
    assert scores["lzma primed"] > 1.5 and scores["zlib"] < 3


def test_an_empty_held_out_text_is_refused():
    with pytest.raises(ValueError, match="valid_text is empty"):
        compression_baselines("text", "")


@given(st.integers(1, 1000))
def test_guessing_bytes_costs_eight_bits_each(n_bytes):
    assert_allclose(bits_per_byte(math.log(256), n_bytes, n_bytes), 8, rtol=1e-12)


@given(st.floats(0.1, 10), st.integers(1, 1000), st.integers(1, 5))
def test_longer_tokens_make_the_same_nats_cheaper(nats, n_tokens, bytes_per_token):
    bits = bits_per_byte(nats, n_tokens, n_tokens * bytes_per_token)
    assert_allclose(bits * math.log(2) * bytes_per_token, nats, rtol=1e-12)


def test_a_text_without_bytes_has_no_bits_per_byte():
    with pytest.raises(ValueError, match="n_bytes 0"):
        bits_per_byte(1.0, 3, 0)
