"""Every equation that PyTorch has: the same numbers forward and backward."""

import numpy as np
import pytest
from hypothesis import given, settings

from minillm import functional as F
from tests.parity.torch_peer import assert_close, assert_same_function, dtypes
from tests.strategies import rngs, unequal_sizes

torch = pytest.importorskip("torch")
T = torch.nn.functional

sizes = unequal_sizes(6)
ELEMENTWISE = {
    "relu": (F.relu, T.relu),
    "gelu": (F.gelu, lambda x: T.gelu(x, approximate="tanh")),
    "gelu_exact": (F.gelu_exact, T.gelu),
    "silu": (F.silu, T.silu),
    "softmax": (F.softmax, lambda x: T.softmax(x, -1)),
    "log_softmax": (F.log_softmax, lambda x: T.log_softmax(x, -1)),
}
fewer = settings(max_examples=15)


@dtypes
@pytest.mark.parametrize("name", ELEMENTWISE)
@fewer
@given(rng=rngs, sizes=sizes)
def test_activations_and_softmax(name, dtype, rng, sizes):
    ours, theirs = ELEMENTWISE[name]
    assert_same_function(ours, theirs, [rng.normal(0, 2, sizes[:3])], rng, dtype)


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
def test_embedding(dtype, rng, sizes):
    n, d_model, *shape = sizes[:4]
    ids = rng.integers(0, n, shape)
    assert_same_function(
        lambda W: F.embedding(ids, W),
        lambda W: T.embedding(torch.tensor(ids), W),
        [rng.normal(size=(n, d_model))],
        rng,
        dtype,
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_norms(dtype, rng, sizes):
    """At least 8 features: among fewer, float32 may meet a row of almost no variance."""
    batch, seq_len, d_model, *_ = sizes
    d_model += 7
    x = rng.normal(1, 2, (batch, seq_len, d_model))
    gamma, beta = rng.normal(size=(2, d_model))
    assert_same_function(
        F.layer_norm,
        lambda x, gamma, beta: T.layer_norm(x, (d_model,), gamma, beta, 1e-5),
        [x, gamma, beta],
        rng,
        dtype,
    )
    assert_same_function(
        F.rms_norm,
        lambda x, gamma: T.rms_norm(x, (d_model,), gamma, 1e-6),
        [x, gamma],
        rng,
        dtype,
    )


def draw_attention(rng, sizes):
    """q, k, v, a bias for each head, and a mask whose first query sees nothing."""
    batch, n_heads, n_queries, n_keys, d_head, d_v = sizes
    widths = [(n_queries, d_head), (n_keys, d_head), (n_keys, d_v)]
    q, k, v = (rng.normal(size=(batch, n_heads, *w)) for w in widths)
    mask = rng.random((batch, 1, n_queries, n_keys)) < 0.6
    mask[:, :, 0] = False
    return [q, k, v], rng.normal(size=(n_heads, n_queries, n_keys)), mask


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_attention_plain_masked_biased_and_blind(dtype, rng, sizes):
    inputs, bias, mask = draw_attention(rng, sizes)
    allowed = torch.tensor(mask)
    attend = T.scaled_dot_product_attention
    assert_same_function(F.attention, attend, inputs, rng, dtype)
    assert_same_function(
        lambda q, k, v: F.attention(q, k, v, mask),
        lambda q, k, v: attend(q, k, v, attn_mask=allowed),
        inputs,
        rng,
        dtype,
    )
    assert_same_function(
        lambda q, k, v, bias: F.attention(q, k, v, mask, bias),
        lambda q, k, v, bias: attend(
            q, k, v, attn_mask=bias.expand(sizes[:4]).masked_fill(~allowed, -torch.inf)
        ),
        [*inputs, bias],
        rng,
        dtype,
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_attention_causal(dtype, rng, sizes):
    inputs, _, _ = draw_attention(rng, (*sizes[:3], sizes[2], *sizes[4:]))
    mask = F.causal_mask(sizes[2], sizes[2])
    assert_same_function(
        lambda q, k, v: F.attention(q, k, v, mask),
        lambda q, k, v: T.scaled_dot_product_attention(q, k, v, is_causal=True),
        inputs,
        rng,
        dtype,
    )


@dtypes
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@fewer
@given(rng=rngs, sizes=sizes)
def test_cross_entropy(label_smoothing, weighted, dtype, rng, sizes):
    """Ignored positions as torch ignores them; weights are a weighted mean by hand."""
    batch, seq_len, vocab_size, *_ = sizes
    logits = rng.normal(0, 2, (batch, seq_len, vocab_size + 1))
    targets = rng.integers(0, vocab_size + 1, (batch, seq_len))
    targets[rng.random(targets.shape) < 0.3] = F.IGNORED
    targets[0, 0] = 0
    weights = rng.uniform(0.5, 2, targets.shape).astype(dtype)
    ids = torch.tensor(targets.reshape(-1))

    def theirs(logits):
        options = {"ignore_index": F.IGNORED, "label_smoothing": label_smoothing}
        logits = logits.reshape(-1, vocab_size + 1)
        if not weighted:
            return T.cross_entropy(logits, ids, **options)
        losses = T.cross_entropy(logits, ids, reduction="none", **options)
        w = torch.tensor(weights.astype(np.float64).reshape(-1)) * (ids != F.IGNORED)
        return (w * losses).sum() / w.sum()

    assert_same_function(
        lambda x: F.cross_entropy(
            x, targets, weights if weighted else None, label_smoothing
        ),
        theirs,
        [logits],
        rng,
        dtype,
    )


def test_erf():
    x = np.linspace(-7, 7, 10001)
    assert_close(F.erf(x), torch.erf(torch.tensor(x)), np.float64)
