"""The small layers beside torch.nn's: maps, embeddings, norms, both ends of a model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import (
    Dropout,
    Embedding,
    FeedForward,
    Identity,
    LayerNorm,
    LearnedPositions,
    Linear,
    RMSNorm,
    SinusoidalPositions,
    TiedVocabulary,
    UntiedVocabulary,
)
from tests.parity.libraries import library
from tests.parity.torch_peer import assert_same_function, assert_same_layer, dtypes, torch
from tests.strategies import examples, rngs, unequal_sizes
from tests.torch_form import linear_form

nn = torch.nn
sizes = unequal_sizes(4)
fewer = examples(10)
ACTIVATIONS = {
    "relu": (F.relu, nn.ReLU()),
    "gelu": (F.gelu, nn.GELU("tanh")),
    "gelu_exact": (F.gelu_exact, nn.GELU()),
    "silu": (F.silu, nn.SiLU()),
    "tanh": (F.tanh, nn.Tanh()),
}


def as_it_is(arrays):
    return arrays


@dtypes
@pytest.mark.parametrize("bias", [False, True])
@fewer
@given(rng=rngs, sizes=sizes)
def test_linear(bias, dtype, rng, sizes):
    batch, seq_len, d_in, d_out = sizes
    layer, peer = Linear(d_in, d_out, bias=bias, rng=rng), nn.Linear(d_in, d_out, bias)
    x = rng.normal(size=(batch, seq_len, d_in))
    assert_same_layer(layer, peer, linear_form, layer, peer, [x], rng, dtype)


@dtypes
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("bias", [False, True])
@examples(5)
@given(rng=rngs, sizes=sizes)
def test_feed_forward(bias, name, dtype, rng, sizes):
    batch, seq_len, d_model, d_ff = sizes
    activation, their_activation = ACTIVATIONS[name]
    layer = FeedForward(d_model, d_ff, activation, bias=bias, rng=rng)
    up, down = nn.Linear(d_model, d_ff, bias), nn.Linear(d_ff, d_model, bias)
    peer = nn.Sequential(up, their_activation, down)

    def form(arrays):
        names = {"up_proj": "0", "down_proj": "2"}
        turned = linear_form(arrays)
        return {f"{names[n.split('.')[0]]}.{n.split('.')[1]}": x for n, x in turned.items()}

    x = rng.normal(size=(batch, seq_len, d_model))
    assert_same_layer(layer, peer, form, layer, peer, [x], rng, dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_layer_norm_and_rms_norm(dtype, rng, sizes):
    """Our eps is PyTorch's default in the one, LLaMA's in the other."""
    batch, seq_len, d_model, _ = sizes
    d_model += 2
    x = rng.normal(1, 2, (batch, seq_len, d_model))

    def form(arrays):
        names = {"gamma": "weight", "beta": "bias"}
        return {names[name]: array for name, array in arrays.items()}

    layer, peer = LayerNorm(d_model), nn.LayerNorm(d_model)
    assert_same_layer(layer, peer, form, layer, peer, [x], rng, dtype)
    layer, peer = RMSNorm(d_model), nn.RMSNorm(d_model, eps=1e-6)
    assert_same_layer(layer, peer, form, layer, peer, [x], rng, dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_without_an_rng_dropout_is_pytorchs_in_use_and_identity_is_identity(
    dtype, rng, sizes
):
    x = rng.normal(size=sizes)
    for layer, peer in (Dropout(0.3), nn.Dropout(0.3).eval()), (Identity(), nn.Identity()):
        assert_same_function(layer, peer, [x], rng, dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_embedding_that_is_read_twice_and_scores_too(dtype, rng, sizes):
    """One table on all three ways: its gradient is their sum."""
    n, d_model, batch, seq_len = sizes
    layer, peer = Embedding(n, d_model, rng=rng), nn.Embedding(n, d_model)
    first, second = rng.integers(0, n, (2, batch, seq_len))

    def ours():
        a, a_backward = layer(first)
        b, b_backward = layer(second)
        y, backward = layer.unembed(a * b)

        def all_backward(dy):
            dh = backward(dy)
            a_backward(dh * b)
            b_backward(dh * a)

        return y, all_backward

    def theirs():
        h = peer(torch.tensor(first)) * peer(torch.tensor(second))
        return nn.functional.linear(h, peer.weight)

    assert_same_layer(layer, peer, as_it_is, ours, theirs, [], rng, dtype)


class Ends(nn.Module):
    """Ids to vectors, a nonlinearity, and vectors to logits, with one matrix or two."""

    def __init__(self, n, d_model, tied):
        super().__init__()
        self.token_embed = nn.Embedding(n, d_model)
        self.scale = d_model**0.5 if tied else 1.0
        self.lm_head = None if tied else nn.Linear(d_model, n, bias=False)

    def forward(self, ids):
        h = torch.tanh(self.scale * self.token_embed(ids))
        W = self.token_embed.weight if self.lm_head is None else self.lm_head.weight
        return nn.functional.linear(h, W)


@dtypes
@pytest.mark.parametrize("kind", [TiedVocabulary, UntiedVocabulary])
@fewer
@given(rng=rngs, sizes=sizes)
def test_both_ends_of_a_model(kind, dtype, rng, sizes):
    n, d_model, batch, seq_len = sizes
    ends, peer = kind(n, d_model, rng=rng), Ends(n, d_model, kind is TiedVocabulary)
    ids = rng.integers(0, n, (batch, seq_len))

    def ours():
        h, embed_backward = ends.embed(ids)
        h, tanh_backward = F.tanh(h)
        y, unembed_backward = ends.unembed(h)
        return y, lambda dy: embed_backward(tanh_backward(unembed_backward(dy)))

    def form(arrays):
        return {n: x.T if n == "lm_head.weight" else x for n, x in arrays.items()}

    assert_same_layer(
        ends, peer, form, ours, lambda: peer(torch.tensor(ids)), [], rng, dtype
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_learned_positions_are_an_embedding_of_counted_ids(dtype, rng, sizes):
    start, n, more, d_model = sizes
    layer = LearnedPositions(start + n + more, d_model, rng=rng)
    peer = nn.Embedding(start + n + more, d_model)
    assert_same_layer(
        layer,
        peer,
        as_it_is,
        lambda: layer(start, start + n),
        lambda: peer(torch.arange(start, start + n)),
        [],
        rng,
        dtype,
    )


@given(n_positions=st.integers(1, 300), d_model=st.integers(1, 32).map(lambda n: 2 * n))
def test_sinusoidal_positions_are_distilberts(n_positions, d_model):
    """Theirs goes from NumPy's float64 to float32, which is how our layer keeps it."""
    distilbert = library("transformers.models.distilbert.modeling_distilbert")
    table = torch.empty(n_positions, d_model)
    distilbert.create_sinusoidal_embeddings(n_positions, d_model, table)
    layer = SinusoidalPositions(n_positions, d_model, rng=None)
    assert_array_equal(layer(0, n_positions)[0], table.numpy())
    ours = F.sinusoidal_positions(n_positions, d_model)
    assert_allclose(ours, table.numpy(), rtol=0, atol=2.0**-24)
