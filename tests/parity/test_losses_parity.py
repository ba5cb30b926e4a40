"""Cross-entropy beside PyTorch's: what is ignored, smoothed and weighted."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm import functional as F
from tests.parity.torch_peer import assert_same_function, dtypes, torch
from tests.strategies import examples, rngs, unequal_sizes

T = torch.nn.functional

sizes = unequal_sizes(3)  # batch, seq_len, vocab_size - 1
fewer = examples(15)


def draw_targets(rng, shape, n):
    """Ids, some of them ignored, the first not."""
    targets = rng.integers(0, n, shape)
    targets[rng.random(shape) < 0.3] = F.IGNORED
    targets[0, 0] = 0
    return targets


@dtypes
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@fewer
@given(rng=rngs, sizes=sizes, scale=st.sampled_from([0.01, 2.0, 20.0]))
def test_cross_entropy(label_smoothing, weighted, dtype, rng, sizes, scale):
    """Ignored positions as torch ignores them; weights are a weighted mean by hand."""
    batch, seq_len, vocab_size = sizes
    vocab_size += 1
    targets = draw_targets(rng, (batch, seq_len), vocab_size)
    weights = rng.uniform(0.5, 2, targets.shape).astype(dtype) if weighted else None
    ids = torch.tensor(targets.reshape(-1))

    def theirs(logits):
        options = {"label_smoothing": label_smoothing}
        logits = logits.reshape(-1, vocab_size)
        if weights is None:
            return T.cross_entropy(logits, ids, **options)
        losses = T.cross_entropy(logits, ids, reduction="none", **options)
        w = torch.tensor(weights.reshape(-1), dtype=logits.dtype) * (ids != F.IGNORED)
        return (w * losses).sum() / w.sum()

    assert_same_function(
        lambda x: F.cross_entropy(x, targets, weights, label_smoothing),
        theirs,
        [rng.normal(0, scale, (batch, seq_len, vocab_size))],
        rng,
        dtype,
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_pytorchs_weights_of_classes_are_weights_of_their_positions(dtype, rng, sizes):
    """Without smoothing, which PyTorch weights by all classes."""
    batch, seq_len, vocab_size = sizes
    by_class = rng.uniform(0.5, 2, vocab_size + 1).astype(dtype)
    targets = draw_targets(rng, (batch, seq_len), vocab_size + 1)
    assert_same_function(
        lambda x: F.cross_entropy(x, targets, by_class[targets.clip(0)]),
        lambda x: T.cross_entropy(
            x.mT, torch.tensor(targets), torch.tensor(by_class, dtype=x.dtype)
        ),
        [rng.normal(0, 2, (batch, seq_len, vocab_size + 1))],
        rng,
        dtype,
    )


def test_ignored_is_pytorchs_number():
    assert inspect.signature(T.cross_entropy).parameters["ignore_index"].default == -100
    assert F.IGNORED == -100


def test_where_pytorch_has_nan_and_we_have_zero():
    """A softmax without a finite score; a loss in which every target is ignored."""
    nothing, ignored = np.full((2, 3), -np.inf), np.full(2, F.IGNORED)
    assert T.softmax(torch.tensor(nothing), -1).isnan().all()
    assert not F.softmax(nothing)[0].any()
    logits = np.ones((2, 3))
    assert T.cross_entropy(torch.tensor(logits), torch.tensor(ignored)).isnan()
    loss, backward = F.cross_entropy(logits, ignored)
    assert loss == 0 and not backward().any()
