"""The two ends of a language model, tied and untied."""

import math

import numpy as np
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from minillm.layers import TiedVocabulary, UntiedVocabulary
from tests.strategies import rngs, scatter, unequal_sizes

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
sizes = unequal_sizes(4)  # vocab_size, d_model, batch, seq_len


def run_both_ends(vocabulary, ids, dlogits):
    h, embed_backward = vocabulary.embed(ids)
    logits, unembed_backward = vocabulary.unembed(h)
    embed_backward(unembed_backward(dlogits))
    return h, logits


@given(rngs, sizes)
def test_tied_is_one_matrix_scaled_by_the_root_of_the_width(rng, sizes):
    vocab_size, d_model, *shape = sizes
    tied = scatter(TiedVocabulary(vocab_size, d_model, rng=rng).astype(np.float64), rng)
    ids = rng.integers(0, vocab_size, shape)
    E = tied.token_embed.weight.data
    h, logits = run_both_ends(tied, ids, rng.normal(size=(*shape, vocab_size)))
    assert [name for name, _ in tied.named_parameters()] == ["token_embed.weight"]
    assert_allclose(h, math.sqrt(d_model) * E[ids], **CLOSE)
    assert_allclose(logits, h @ E.T, **CLOSE)


@given(rngs, sizes)
def test_tied_learns_what_untied_would_learn_at_both_ends_together(rng, sizes):
    """With E sqrt(d_model) at the input and E^T at the output, untied is the same map."""
    vocab_size, d_model, *shape = sizes
    tied = TiedVocabulary(vocab_size, d_model, rng=rng).astype(np.float64)
    untied = UntiedVocabulary(vocab_size, d_model, rng=rng).astype(np.float64)
    E, scale = tied.token_embed.weight, math.sqrt(d_model)
    untied.load_state_dict(
        {"token_embed.weight": scale * E.data, "lm_head.weight": E.data.T}
    )
    ids = rng.integers(0, vocab_size, shape)
    dlogits = rng.normal(size=(*shape, vocab_size))
    _, logits = run_both_ends(tied, ids, dlogits)
    _, logits_untied = run_both_ends(untied, ids, dlogits)
    at_the_foot, at_the_head = (p.grad for _, p in untied.named_parameters())
    assert_allclose(logits, logits_untied, **CLOSE)
    assert_allclose(E.grad, scale * at_the_foot + at_the_head.T, **CLOSE)


@given(rngs, sizes)
def test_untied_is_two_matrices(rng, sizes):
    vocab_size, d_model, *shape = sizes
    untied = UntiedVocabulary(vocab_size, d_model, rng=rng).astype(np.float64)
    shapes = {name: p.data.shape for name, p in untied.named_parameters()}
    assert shapes == {
        "token_embed.weight": (vocab_size, d_model),
        "lm_head.weight": (d_model, vocab_size),
    }
    ids = rng.integers(0, vocab_size, shape)
    h, logits = run_both_ends(untied, ids, rng.normal(size=(*shape, vocab_size)))
    assert_array_equal(h, untied.token_embed.weight.data[ids])
    assert_allclose(logits, h @ untied.lm_head.weight.data, **CLOSE)


@given(rngs)
def test_both_begin_with_a_stream_of_unit_variance(rng):
    """Of 40,000 numbers the mean square misses 1 by less than 1 in 20.

    By Laurent & Massart 2000, 2 sqrt(t / n) + 2 t / n with exp(-t) = 1e-9 is 0.047.
    """
    ids = np.arange(200)
    for kind in TiedVocabulary, UntiedVocabulary:
        h, _ = kind(200, 200, rng=rng).embed(ids)
        assert abs(np.mean(h * h) - 1) < 0.05
