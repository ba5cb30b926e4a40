"""Every equation that PyTorch has beside it; attention and losses have their own files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm import functional as F
from tests.parity.torch_peer import assert_same_function, dtypes, torch
from tests.strategies import examples, rngs, unequal_sizes

T = torch.nn.functional

sizes = unequal_sizes(6)
ELEMENTWISE = {
    "relu": (F.relu, T.relu),
    "gelu": (F.gelu, lambda x: T.gelu(x, approximate="tanh")),
    "gelu_exact": (F.gelu_exact, T.gelu),
    "silu": (F.silu, T.silu),
    "tanh": (F.tanh, torch.tanh),
    "softmax": (F.softmax, lambda x: T.softmax(x, -1)),
    "log_softmax": (F.log_softmax, lambda x: T.log_softmax(x, -1)),
}
fewer = examples(15)


@dtypes
@pytest.mark.parametrize("name", ELEMENTWISE)
@fewer
@given(rng=rngs, sizes=sizes)
def test_activations_and_softmax(name, dtype, rng, sizes):
    """Where they bend, where they are almost straight, and where they have settled.

    All of it in one array, as errors are measured beside its largest entry: ours are
    absolute, and a silu of -17, alone, is all rounding.
    """
    ours, theirs = ELEMENTWISE[name]
    shape = *sizes[:3], 3
    x = rng.normal(size=shape) * rng.permuted(
        np.broadcast_to([0.01, 2, 20], shape), axis=-1
    )
    assert_same_function(ours, theirs, [x], rng, dtype)


@dtypes
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_activations_and_softmax_at_numbers_that_are_trouble(name, dtype):
    """0, beside which relu bends; what underflows, and what would overflow in exp."""
    tiny, huge = float(np.finfo(np.float32).tiny), 1e4
    x = np.array([0.0, tiny, -tiny, 1.0, -1.0, 88.8, -88.8, 104.0, -104.0, huge, -huge])
    ours, theirs = ELEMENTWISE[name]
    rng = np.random.default_rng(0)
    assert_same_function(ours, theirs, [x], rng, dtype)
    assert_same_function(ours, theirs, [np.full((2, 3), huge)], rng, dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=sizes, scale=st.sampled_from([1e-3, 1.0, 10.0]))
def test_erf(dtype, rng, sizes, scale):
    """Ours has no backward: x itself stands in for what erf is given."""
    x = rng.normal(0, scale, sizes[:3]).astype(dtype)
    assert_same_function(
        lambda W: ((F.relu(W)[0], F.erf(x)), F.relu(W)[1]),
        lambda W: (T.relu(W), torch.erf(torch.tensor(x, dtype=W.dtype))),
        [x],
        rng,
        dtype,
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_linear_with_and_without_bias(dtype, rng, sizes):
    batch, seq_len, d_in, d_out, *_ = sizes
    x, W, b = (rng.normal(size=s) for s in [(batch, seq_len, d_in), (d_in, d_out), d_out])
    assert_same_function(
        F.linear, lambda x, W, b: T.linear(x, W.T, b), [x, W, b], rng, dtype
    )
    assert_same_function(F.linear, lambda x, W: T.linear(x, W.T), [x, W], rng, dtype)
    assert_same_function(F.unembed, T.linear, [x, W.T], rng, dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_embedding_of_ids_that_repeat(dtype, rng, sizes):
    n, d_model, *shape = sizes[:4]
    ids = rng.integers(0, n, shape)
    ids = np.concatenate([ids, ids[:, :1], ids], 1)
    assert_same_function(
        lambda W: F.embedding(ids, W),
        lambda W: T.embedding(torch.tensor(ids), W),
        [rng.normal(size=(n, d_model))],
        rng,
        dtype,
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes, eps=st.sampled_from([1e-6, 1e-5, 0.1]))
def test_norms(dtype, rng, sizes, eps):
    batch, seq_len, d_model, *_ = sizes
    d_model += 2
    x = rng.normal(1, 2, (batch, seq_len, d_model))
    gamma, beta = rng.normal(size=(2, d_model))
    assert_same_function(
        lambda x, gamma, beta: F.layer_norm(x, gamma, beta, eps),
        lambda x, gamma, beta: T.layer_norm(x, (d_model,), gamma, beta, eps),
        [x, gamma, beta],
        rng,
        dtype,
    )
    assert_same_function(
        lambda x, gamma: F.rms_norm(x, gamma, eps),
        lambda x, gamma: T.rms_norm(x, (d_model,), gamma, eps),
        [x, gamma],
        rng,
        dtype,
    )


class AsDropped:
    """A source of uniform numbers that drops what PyTorch dropped: `rate` itself stays."""

    def __init__(self, kept, rate):
        self.uniform = np.where(kept, rate, 0).astype(np.float32)

    def random(self, size, dtype):
        assert size == self.uniform.shape and dtype == np.float32
        return self.uniform


@dtypes
@fewer
@given(rng=rngs, sizes=sizes, rate=st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_dropout_of_the_same_features(dtype, rng, sizes, rate):
    """PyTorch draws; both then drop the same, and scale what is left alike."""
    x = rng.normal(size=sizes[:3])
    seed = int(rng.integers(2**31))

    def theirs(x):
        torch.manual_seed(seed)
        return T.dropout(x, rate)

    kept = theirs(torch.ones(sizes[:3])).numpy() > 0
    drawn = AsDropped(kept, rate)
    assert_same_function(lambda x: F.dropout(x, rate, rng=drawn), theirs, [x], rng, dtype)
    assert_same_function(
        lambda x: F.dropout(x, rate), lambda x: T.dropout(x, rate, False), [x], rng, dtype
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_hidden_padding_is_masked_fill(dtype, rng, sizes):
    is_token = rng.random(sizes[:2]) < 0.6
    assert_same_function(
        lambda x: F.hide_padding(x, is_token),
        lambda x: x.masked_fill(torch.tensor(~is_token)[..., None], 0),
        [rng.normal(size=sizes[:3])],
        rng,
        dtype,
    )
