"""Compressors count bits of the held-out text alone, and remember what they can."""

import lzma
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minillm.data import keep_paragraphs_once, split_tail, tour_text
from minillm.evaluation import compression_baselines
from tests.strategies import examples

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


def test_compressors_take_all_the_time_and_memory_that_they_can(monkeypatch):
    """zlib at level 9 of 9; lzma with preset 9 of 9, extreme, and no header around it.

    Of lzma's dictionary, 64 MiB, a test would fill too much to see its effect.
    """
    asked = []
    module = "minillm.evaluation.compression"
    monkeypatch.setattr(f"{module}.zlib.compress", lambda *how: asked.append(how) or b"")
    monkeypatch.setattr(
        f"{module}.lzma.compress",
        lambda *how, filters: asked.append((*how, *filters)) or b"",
    )
    compression_baselines("", "a text")
    best = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}
    assert (b"a text", 9) in asked
    assert (b"a text", lzma.FORMAT_RAW, best) in asked


some_texts = st.text(alphabet=LETTERS[:4] + "é字 ", min_size=1, max_size=200)


@examples(5)  # lzma fills tables of many megabytes for every call
@given(some_texts | st.just(""), some_texts)
def test_what_follows_costs_what_it_adds_to_the_code_of_all(train, valid):
    """The code lengths of a text and of what follows it add up to that of both; and the
    codes that are counted can be read back."""

    def lzma_code(data):
        return lzma.compress(data, lzma.FORMAT_RAW, filters=filters)

    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
    codes = {"zlib": lambda data: zlib.compress(data, 9), "lzma": lzma_code}
    scores = compression_baselines(train, valid)
    first, second = f"{train}\n\n".encode(), valid.encode()
    for name, code in codes.items():
        alone, both = 8 * len(code(second)), 8 * len(code(first + second))
        assert_allclose(scores[name] * len(second), alone, rtol=1e-12)
        whole = 8 * len(code(first)) + scores[f"{name} primed"] * len(second)
        assert_allclose(whole, both, rtol=1e-12)
    assert zlib.decompress(codes["zlib"](second)) == second
    assert lzma.decompress(lzma_code(second), lzma.FORMAT_RAW, filters=filters) == second


@examples(5)
@given(st.integers(0, 2**32), st.integers(200, 400))
def test_a_text_that_was_seen_costs_a_reference_to_it(seed, n):
    """At 5 bits a letter alone, and next to nothing after itself."""
    text = random_text(n, seed)
    scores = compression_baselines(text, text)
    for name in ("zlib", "lzma"):
        assert scores[name] > 5 and scores[f"{name} primed"] < 1
