"""The prefix LM: a decoder whose prompt is read both ways."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.device import to_device, to_host
from minillm.models import DecoderConfig, DecoderOnly, PrefixLM
from minillm.models.parts import PARTS
from tests.device.strict_backend import DeviceArray
from tests.strategies import rngs, scatter

CLOSE = {"rtol": 1e-10, "atol": 1e-10}
MAX_SEQ_LEN = 8
BATCH = 3

configs = st.builds(
    DecoderConfig,
    vocab_size=st.integers(2, 11),
    max_seq_len=st.just(MAX_SEQ_LEN),
    d_model=st.sampled_from([8, 16]),
    n_layers=st.integers(1, 2),
    n_heads=st.sampled_from([2, 4]),
    n_kv_heads=st.sampled_from([None, 1, 2]),
    d_head=st.sampled_from([None, 6]),
    positions=st.sampled_from(list(PARTS["positions"])),
    vocabulary=st.sampled_from(list(PARTS["vocabulary"])),
    block=st.sampled_from(list(PARTS["block"])),
    norm=st.sampled_from(list(PARTS["norm"])),
    feed_forward=st.sampled_from(list(PARTS["feed_forward"])),
    dropout=st.just(0.3),
)
lengths = st.integers(1, MAX_SEQ_LEN)


def draw_model(rng, config, kind=PrefixLM):
    return scatter(kind(config, rng=rng).astype(np.float64), rng)


def draw_ids(rng, config, seq_len):
    return rng.integers(0, config.vocab_size, (BATCH, seq_len))


def draw_prefixes(rng, seq_len):
    """One for each sequence; a whole sequence and none at all among them."""
    return rng.permutation([0, seq_len, rng.integers(0, seq_len + 1)])


def moved(logits, other):
    """Where two outputs (batch, seq_len, vocab_size) differ in any bit."""
    return np.abs(other - logits).max(-1) > 0


@given(rngs, configs, lengths, st.booleans())
def test_without_a_prefix_it_is_the_decoder_to_the_last_bit(rng, config, seq_len, drops):
    """Its gradients too: only the mask is another."""
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    decoder = DecoderOnly(config, rng=rng).astype(np.float64)
    decoder.load_state_dict(model.state_dict())
    draws = F.Draws(1, 2, range(BATCH)) if drops else None
    logits, backward = model(ids, np.zeros(BATCH, int), draws)
    expected, decoder_backward = decoder(ids, draws)
    assert_array_equal(logits, expected)
    dlogits = rng.normal(size=logits.shape)
    backward(dlogits), decoder_backward(dlogits)
    grads = dict(decoder.named_parameters())
    for name, p in model.named_parameters():
        assert_array_equal(p.grad, grads[name].grad, err_msg=name)


@given(rngs, configs, lengths, st.data())
def test_a_token_of_the_prefix_reaches_every_position_and_a_later_one_those_after_it(
    rng, config, seq_len, data
):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    prefixes = draw_prefixes(rng, seq_len)
    place = data.draw(st.integers(0, seq_len - 1))
    other = ids.copy()
    other[:, place] = (ids[:, place] + 1) % config.vocab_size
    changed = moved(model(ids, prefixes)[0], model(other, prefixes)[0])
    for row, n in zip(changed, prefixes, strict=True):
        reached = np.full(seq_len, True) if place < n else np.arange(seq_len) >= place
        assert_array_equal(row, reached)


@given(rngs, configs, st.integers(2, MAX_SEQ_LEN), st.data())
def test_what_is_asked_at_the_first_position_teaches_the_whole_prefix(
    rng, config, seq_len, data
):
    """Where a causal decoder would teach the first token alone."""
    config = dataclasses.replace(config, positions="learned")
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    n = data.draw(st.integers(2, seq_len))
    logits, backward = model(ids, np.full(BATCH, n))
    dlogits = np.zeros_like(logits)
    dlogits[:, 0] = rng.normal(size=dlogits[:, 0].shape)
    backward(dlogits)
    taught = np.abs(model.positions.weight.grad).max(1) > 0
    assert_array_equal(taught, np.arange(MAX_SEQ_LEN) < n)


@given(rngs, configs, lengths)
def test_maps_show_the_prefix_to_all_and_the_rest_to_what_follows(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    prefixes = draw_prefixes(rng, seq_len)
    query, key = np.indices((seq_len, seq_len))
    seen = (key <= query) | (key < prefixes[:, None, None, None])
    maps = model.attention_maps(ids, prefixes)
    assert len(maps) == config.n_layers
    for weights in maps:
        assert weights.shape == (BATCH, config.n_heads, seq_len, seq_len)
        assert_array_equal(weights > 0, np.broadcast_to(seen, weights.shape))
        assert_allclose(weights.sum(-1), 1, rtol=1e-12)


@given(rngs, configs, lengths, st.data())
def test_what_is_read_first_is_the_prefix_of_what_is_written(rng, config, seq_len, data):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    n = data.draw(st.integers(1, seq_len))
    cuts = n + np.flatnonzero(rng.random(seq_len - n) < 0.4)
    caches = model.caches()
    pieces = np.split(ids, np.unique([n, *cuts[cuts > n]]), 1)
    stepped = [model.step(piece, caches) for piece in pieces if piece.size]
    assert_allclose(np.concatenate(stepped, 1), model(ids, np.full(BATCH, n))[0], **CLOSE)


@given(rngs, configs, lengths)
def test_sequences_of_a_batch_each_have_their_own_prefix(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    prefixes = draw_prefixes(rng, seq_len)
    logits, _ = model(ids, prefixes)
    for i in range(BATCH):
        alone, _ = model(ids[[i]], prefixes[[i]])
        assert_allclose(alone[0], logits[i], **CLOSE)


@pytest.mark.parametrize("name", ["__call__", "attention_maps"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prefix_lengths": np.array([0, 5])}, "prefix_lengths: give 0 to .* 4"),
        ({"prefix_lengths": np.array([-1, 0])}, "prefix_lengths: give 0 to .* 4"),
        ({"prefix_lengths": np.array([1])}, r"prefix_lengths int64 \(1,\): .*\(2,\)"),
        ({"prefix_lengths": np.ones((2, 4), int)}, r"\(2, 4\): give integers \(2,\)"),
        ({"prefix_lengths": np.array([1.0, 2.0])}, "prefix_lengths float64"),
        ({"prefix_lengths": np.array([True, False])}, "prefix_lengths bool"),
        ({"ids": np.zeros((2, 9), int)}, "seq_len 9 exceeds max_seq_len 8"),
        ({"ids": np.zeros((2, 0), int)}, r"ids \(2, 0\): give \(batch, seq_len\)"),
        ({"ids": np.zeros(3, int)}, r"ids \(3,\): give \(batch, seq_len\)"),
        ({"ids": np.full((2, 4), 7)}, "7 .*0 to 6"),
        ({"ids": np.full((2, 4), -1)}, "-1 .*0 to 6"),
        ({"ids": np.zeros((2, 4))}, "float64"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(name, given, message):
    model = PrefixLM(DecoderConfig(7, 8, 4, 1, 2), rng=np.random.default_rng(0))
    given = {"ids": np.zeros((2, 4), int), "prefix_lengths": np.array([1, 2])} | given
    with pytest.raises(ValueError, match=message):
        getattr(model, name)(**given)


def test_prefix_lengths_on_a_device_are_not_waited_for():
    """So they are not looked into: what is too long is the whole sequence."""
    rng, config = np.random.default_rng(0), DecoderConfig(7, 8, 4, 1, 2)
    model, ids = draw_model(rng, config), np.array([[1, 2, 3, 4], [5, 6, 0, 1]])
    expected, _ = model(ids, np.array([2, 4]))
    to_device(model, DeviceArray)
    prefix_lengths = DeviceArray(np.array([2, 9]))
    DeviceArray.syncs = 0
    logits, _ = model(ids, prefix_lengths)
    assert DeviceArray.syncs == 0
    assert_array_equal(to_host(logits), expected)
