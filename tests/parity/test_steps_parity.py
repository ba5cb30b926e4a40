"""Texts read and written in steps, beside the states that PyTorch and transformers keep."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.layers import CausalConvolution, CrossCache, Memory, StateCache
from tests.parity.encoder_decoder_peers import (
    BART_PARTS,
    T5_KINDS,
    T5_PARTS,
    bart_form,
    draw_batch,
    make_bart,
    make_model,
    make_t5,
    t5_form,
)
from tests.parity.recurrent_peers import kinds, peer_form, peer_states
from tests.parity.torch_peer import assert_close, load, torch, weights
from tests.strategies import examples, rngs, scatter, unequal_sizes

cuts = st.sets(st.integers(1, 8), max_size=3).map(sorted)


@kinds
@examples(10)
@given(rng=rngs, sizes=unequal_sizes(3), cuts=cuts)
def test_recurrent_steps_carry_the_state_that_pytorchs_carry(
    kind, peer_kind, rng, sizes, cuts
):
    batch, d_in, d = sizes
    layer = scatter(kind(d_in, d, rng=rng).astype(np.float64), rng)
    peer = peer_kind(d_in, d, batch_first=True).double()
    load(peer, peer_form(weights(layer)))
    cache, state = StateCache(), None
    for x in np.split(rng.normal(size=(batch, 9, d_in)), cuts, 1):
        h = layer.step(x, cache)
        with torch.no_grad():
            h_theirs, state = peer(torch.tensor(x), state)
        assert_close(h, h_theirs, np.float64, "h")
        carried = np.stack(peer_states(cache.state))
        theirs = torch.stack(state) if isinstance(state, tuple) else state
        assert_close(carried.reshape(theirs.shape), theirs, np.float64, "state")
    assert len(cache) == 9


@examples(10)
@given(rng=rngs, sizes=unequal_sizes(5), cuts=cuts)
def test_convolutions_in_steps_are_one_conv1d(rng, sizes, cuts):
    """The cache holds what PyTorch is given as padding in later chunks."""
    batch, d_in, d_out, width, dilation = sizes
    layer = CausalConvolution(d_in, d_out, width, dilation=dilation, rng=rng)
    scatter(layer.astype(np.float64), rng)
    x = rng.normal(size=(batch, 9, d_in))
    padded = torch.nn.functional.pad(torch.tensor(x).mT, (layer.reach, 0))
    kernel, bias = layer.weight.data.transpose(2, 1, 0), layer.bias.data
    whole = torch.conv1d(padded, *map(torch.tensor, (kernel, bias)), dilation=dilation).mT
    cache = StateCache()
    steps = [layer.step(chunk, cache) for chunk in np.split(x, cuts, 1)]
    assert_close(np.concatenate(steps, 1), whole, np.float64)
    kept = np.pad(x, [(0, 0), (layer.reach, 0), (0, 0)])[:, 9:]
    assert_close(cache.state, kept, np.float64)


def bart(rng):
    model = make_model(rng, (2, 1), 3, **BART_PARTS)
    return model, make_bart(model.config), bart_form


def t5(rng):
    model = make_model(rng, (2, 1), 3, **T5_PARTS, **T5_KINDS["gated-gelu"])
    peer = make_t5(model.config, "gated-gelu", True)

    def form(arrays, config, inverse):
        return t5_form(arrays, config, True, inverse)

    return model, peer, form


@pytest.mark.parametrize("make", [bart, t5])
@examples(6)
@given(rng=rngs, cut=st.integers(1, 5))
def test_steps_beside_a_source_are_those_of_bart_and_t5(make, rng, cut):
    """What was read of the source is kept, and padding in it stays hidden."""
    model, peer, form = make(rng)
    scatter(model.astype(np.float64), rng)
    peer = peer.double().eval()
    load(peer, form(weights(model), model.config, inverse=False))
    source, inputs, _, source_mask, _ = draw_batch(rng)
    attention_mask = torch.tensor(source_mask).long()
    reading = model.reading(source, source_mask)
    caches, past = reading.caches(), None
    assert all(isinstance(x, CrossCache) and isinstance(x.memory, Memory) for x in caches)
    with torch.no_grad():
        read = peer.get_encoder()(torch.tensor(source), attention_mask=attention_mask)
        for chunk in np.split(inputs, [cut], 1):
            step = peer(
                encoder_outputs=read,
                attention_mask=attention_mask,
                decoder_input_ids=torch.tensor(chunk),
                past_key_values=past,
                use_cache=True,
            )
            past = step.past_key_values
            logits, weights_of_last = reading.step_with_attention(chunk, caches)
            assert_close(logits, step.logits, np.float64, "logits")
            assert math.isclose(weights_of_last.sum(), chunk.size)
