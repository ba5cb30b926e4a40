"""Written beside a source: padding is not felt, and coverage is what attention covered."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minillm.generation import beam_search, length_penalty, translate
from minillm.models import EncoderDecoder, EncoderDecoderConfig
from tests.generation.steppers import N_SOURCE, SIZES, T5, VOCAB_SIZE, draw_sources
from tests.strategies import examples, rngs, scatter

START, END = 0, 2
a_few = examples(10)
parts = st.sampled_from([{}, T5, {"positions": "learned", "n_kv_heads": 1}])


def draw_model(rng, parts, dtype=np.float64):
    config = EncoderDecoderConfig(*SIZES, n_encoder_layers=1, **parts)
    return scatter(EncoderDecoder(config, rng=rng), rng).astype(dtype)


@a_few
@given(rngs, parts, st.integers(1, 6))
def test_a_padded_batch_is_translated_as_each_source_alone_without_padding(
    rng, parts, batch
):
    model, (source, mask) = draw_model(rng, parts), draw_sources(rng, batch)
    limits = {"start_id": START, "end_id": END, "max_new_tokens": 8}
    together = translate(model, source, mask, **limits)
    alone = [translate(model, source[[i], : mask[i].sum()], **limits) for i in range(batch)]
    assert together == [texts[0] for texts in alone]


@a_few
@given(rngs, parts, st.integers(1, 5), st.integers(1, 4))
def test_beam_search_does_not_feel_padding(rng, parts, length, width):
    """Not with a coverage penalty either: padded positions are no words to cover."""
    model = draw_model(rng, parts)
    source = rng.integers(0, VOCAB_SIZE, (1, N_SOURCE))
    mask = np.arange(N_SOURCE)[None] < length

    def search(reading):
        return beam_search(
            reading,
            np.array([START]),
            width=width,
            max_new_tokens=4,
            end_id=END,
            length_penalty=0.6,
            coverage_penalty=0.2,
        )

    padded = search(model.reading(source, mask))
    plain = search(model.reading(source[:, :length]))
    assert [y.ids for y in padded] == [y.ids for y in plain]
    assert_allclose([y.score for y in padded], [y.score for y in plain], rtol=1e-9)


@a_few
@given(rngs, parts, st.integers(1, 4), st.sampled_from([0.0, 0.7]))
def test_scores_follow_the_formula_from_the_maps_of_the_last_layer(
    rng, parts, width, alpha
):
    """p_ij is averaged over the heads; there is one row for each word that was written."""
    model, beta = draw_model(rng, parts), 0.3
    source, mask = draw_sources(rng, 3)
    source, mask = source[[1]], mask[[1]]
    found = beam_search(
        model.reading(source, mask),
        np.array([START]),
        width=width,
        max_new_tokens=5,
        end_id=END,
        length_penalty=alpha,
        coverage_penalty=beta,
    )
    for y in found:
        target = np.array([[START, *y.ids[:-1]]])
        p = model.attention_maps(source, target, mask).cross[-1][0].mean(0)
        covered = p.sum(0)[mask[0]]
        cp = beta * sum(math.log(min(c, 1)) for c in covered)
        expected = y.log_probability / length_penalty(len(y.ids), alpha) + cp
        assert_allclose(y.score, expected, rtol=1e-9)


@a_few
@given(rngs, parts)
def test_a_width_for_all_prefixes_finds_every_text(rng, parts):
    model, (source, mask) = draw_model(rng, parts), draw_sources(rng, 1)
    found = beam_search(
        model.reading(source, mask),
        np.array([START]),
        width=VOCAB_SIZE**3,
        max_new_tokens=3,
        end_id=END,
    )
    assert len(found) == len({y.ids for y in found}) == 1 + 6 + 36 * 7
    assert_allclose(sum(math.exp(y.log_probability) for y in found), 1, rtol=1e-9)


@a_few
@given(rngs, parts)
def test_a_source_of_nothing_but_padding_is_written_beside(rng, parts):
    model = draw_model(rng, parts, np.float32)
    source, mask = np.zeros((2, 3), int), np.array([[True] * 3, [False] * 3])
    texts = translate(model, source, mask, start_id=START, end_id=END, max_new_tokens=4)
    assert all(1 <= len(text) <= 4 for text in texts)
    (best,) = beam_search(
        model.reading(source[1:], mask[1:]),
        np.array([START]),
        width=1,
        max_new_tokens=4,
        end_id=END,
        coverage_penalty=0.2,
    )
    assert list(best.ids) == texts[1]
    assert best.score == best.log_probability  # there is nothing to cover


def test_beam_search_beside_several_sources_is_refused():
    rng = np.random.default_rng(0)
    reading = draw_model(rng, {}).reading(*draw_sources(rng, 3))
    with pytest.raises(ValueError, match="beside 3 sources: give one row for each"):
        beam_search(reading, np.array([START]), width=2, max_new_tokens=3, end_id=END)
