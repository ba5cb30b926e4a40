"""One token at a time gives what step gives, for every kind of part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.device import to_device, to_host
from minillm.models import DecoderConfig, DecoderOnly
from tests.device.strict_backend import DeviceArray
from tests.strategies import examples, rngs, scatter

KINDS = {
    "gpt2": {},
    "post-norm": {"block": "post_norm", "activation": "relu"},
    "grouped-query": {"n_kv_heads": 2, "d_head": 3, "norm": "rms_norm", "bias": False},
    "untied": {"vocabulary": "untied", "positions": "sinusoidal", "activation": "silu"},
    "llama": {
        "vocabulary": "untied",
        "positions": "rotary",
        "norm": "rms_norm",
        "feed_forward": "gated",
        "activation": "silu",
        "n_kv_heads": 2,
        "d_head": 4,
        "bias": False,
    },
    "interleaved": {"positions": "rotary_interleaved", "n_kv_heads": 1, "d_head": 6},
    "bloom": {"positions": "alibi", "embed_norm": "layer_norm", "n_kv_heads": 2},
    "relative": {"positions": "relative", "n_kv_heads": 2, "feed_forward": "gated"},
    "no positions": {"positions": "none", "block": "post_norm", "feed_forward": "gated"},
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def draw_model(rng, kind, dtype=np.float64, n_layers=2):
    config = DecoderConfig(13, 10, 12, n_layers, n_heads=4, d_ff=7, **kind)
    return scatter(DecoderOnly(config, rng=rng).astype(dtype), rng)


@every_kind
@examples(10)
@given(rng=rngs, n_layers=st.integers(1, 2), n_prompt=st.integers(0, 9))
def test_single_steps_equal_steps(kind, rng, n_layers, n_prompt):
    model = draw_model(rng, kind, n_layers=n_layers)
    ids = rng.integers(0, 13, 10)
    caches, others = model.caches(), model.caches()
    if n_prompt:
        model.step(ids[None, :n_prompt], caches)
        model.step(ids[None, :n_prompt], others)
    single_step = model.single_step(caches)
    for token_id in ids[n_prompt:]:
        expected = model.step(np.array([[token_id]]), others)[0, 0]
        assert_allclose(single_step(int(token_id)), expected, rtol=1e-10, atol=1e-12)
    assert [len(cache) for cache in caches] == [10] * n_layers


@every_kind
def test_float32_stays_float32(kind):
    model = draw_model(np.random.default_rng(0), kind, np.float32)
    logits = model.single_step(model.caches())(3)
    assert logits.dtype == np.float32 and logits.shape == (13,)


@every_kind
def test_the_device_agrees_bit_for_bit_and_is_never_waited_for(kind):
    model = draw_model(np.random.default_rng(0), kind)
    single_step = model.single_step(model.caches())
    expected = [single_step(i) for i in (3, 1, 4)]
    to_device(model, DeviceArray)
    single_step = model.single_step(model.caches())
    DeviceArray.syncs = 0
    found = [single_step(i) for i in (3, 1, 4)]
    assert DeviceArray.syncs == 0
    for there, here in zip(found, expected, strict=True):
        assert_array_equal(to_host(there), here)


def test_bad_ids_and_a_full_context_are_refused():
    model = draw_model(np.random.default_rng(0), {})
    single_step = model.single_step(model.caches())
    with pytest.raises(ValueError, match="token id 13 is out of range"):
        single_step(13)
    for _ in range(10):
        single_step(0)
    with pytest.raises(ValueError, match="seq_len 11 exceeds max_seq_len 10"):
        single_step(0)
