"""EncoderDecoder against PyTorch's Transformer, T5 and BART, through the loss.

Every parameter is drawn anew, norms and biases too, sources are padded, and every
gradient is compared.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parity.encoder_decoder_peers import (
    BART_PARTS,
    T5_KINDS,
    T5_PARTS,
    Torch,
    bart_form,
    call_hf,
    draw_batch,
    make_bart,
    make_model,
    make_t5,
    t5_form,
    torch_form,
)
from tests.parity.torch_peer import (
    assert_same_layer,
    cross_entropy,
    dtypes,
    learn,
    torch,
)
from tests.strategies import examples, rngs

few = examples(6)
layer_counts = st.tuples(st.integers(1, 3), st.integers(1, 3))


def assert_same_model(model, peer, call, form, batch, rng, dtype):
    """call(*tensors) -> their logits; form(arrays, inverse) -> ours in their shape."""
    source, inputs, targets, source_mask, target_mask = batch
    given = source, inputs, source_mask, target_mask
    assert_same_layer(
        model,
        peer,
        lambda arrays: form(arrays, inverse=False),
        lambda: learn(model, targets, *given, seen=target_mask),
        lambda: cross_entropy(call(*map(torch.tensor, given)), targets, target_mask),
        [],
        rng,
        dtype,
        lambda arrays: form(arrays, inverse=True),
    )


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@dtypes
@pytest.mark.parametrize("block", ["post_norm", "pre_norm"])
@few
@given(
    rng=rngs,
    layers=layer_counts,
    n_heads=st.sampled_from([2, 3]),
    activation=st.sampled_from(["relu", "gelu_exact"]),
)
def test_pytorchs_transformer(block, dtype, rng, layers, n_heads, activation):
    model = make_model(rng, layers, n_heads, block=block, activation=activation)
    peer = Torch(model.config, model.encoder_positions.table.data)

    def form(arrays, inverse):
        return torch_form(arrays, model.config)

    assert_same_model(model, peer, peer, form, draw_batch(rng), rng, dtype)


@dtypes
@pytest.mark.parametrize("scale_outputs", [True, False], ids=["1.0", "1.1"])
@pytest.mark.parametrize("feed_forward", T5_KINDS)
@few
@given(rng=rngs, layers=layer_counts, n_heads=st.sampled_from([2, 3]))
def test_t5(feed_forward, scale_outputs, dtype, rng, layers, n_heads):
    """T5 1.0 is relu with scaled outputs, 1.1 gated-gelu without; both ways of both."""
    model = make_model(rng, layers, n_heads, **T5_PARTS, **T5_KINDS[feed_forward])
    peer = make_t5(model.config, feed_forward, scale_outputs)

    def form(arrays, inverse):
        return t5_form(arrays, model.config, scale_outputs, inverse)

    assert_same_model(model, peer, call_hf(peer), form, draw_batch(rng), rng, dtype)


@dtypes
@few
@given(rng=rngs, layers=layer_counts, n_heads=st.sampled_from([2, 3]))
def test_bart(dtype, rng, layers, n_heads):
    model = make_model(rng, layers, n_heads, **BART_PARTS)
    peer = make_bart(model.config)

    def form(arrays, inverse):
        return bart_form(arrays, model.config, inverse)

    assert_same_model(model, peer, call_hf(peer), form, draw_batch(rng), rng, dtype)
