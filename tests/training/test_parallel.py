"""However a batch is cut and shared out, its gradient is that of one pass over it."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.models import DecoderConfig, DecoderOnly
from minillm.training import BatchGradient, Flat, NextToken
from minillm.training.threads import _openblas, blas_threads
from tests.strategies import rngs, scatter
from tests.training.regression import LeastSquares, Line, Points

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
VOCAB_SIZE = 7
configs = st.builds(
    DecoderConfig,
    vocab_size=st.just(VOCAB_SIZE),
    max_seq_len=st.just(5),
    d_model=st.just(4),
    n_layers=st.just(2),
    n_heads=st.just(2),
    d_ff=st.just(3),
    vocabulary=st.sampled_from(["tied", "untied"]),
    dropout=st.sampled_from([0.0, 0.4]),
)
# How many of the five targets of each example count: unequal, and often none.
counted = st.lists(st.integers(0, 5), min_size=1, max_size=7)
one_target = st.sampled_from([[1], [0, 1], [1, 0, 0]])


def draw_model(rng, config, dtype=np.float64):
    return scatter(DecoderOnly(config, rng=rng), rng).astype(dtype)


def draw_batch(rng, counted):
    inputs, targets = rng.integers(0, VOCAB_SIZE, (2, len(counted), 5))
    for row, n in zip(targets, counted, strict=True):
        row[n:] = F.IGNORED
    return inputs, targets


def one_pass(model, batch, rng):
    """Loss and gradients by name, from a replica, by nothing but forward and backward."""
    twin = model.replica()
    loss, backward = NextToken()(twin, batch, rng)
    backward()
    return loss, {name: p.grad for name, p in twin.named_parameters()}


@given(rngs, configs, counted | one_target, st.integers(1, 4), st.integers(1, 3))
def test_any_cut_gives_the_gradient_of_one_pass_with_the_same_dropout(
    rng, config, counted, threads, accumulate
):
    model, batch = draw_model(rng, config), draw_batch(rng, counted)
    draws = F.Draws(3, 11, range(len(counted)))
    loss, grads = one_pass(model, batch, draws)
    theta = Flat(model)
    theta.grad[...] = rng.normal(size=theta.grad.shape)  # of the step before
    gradient = BatchGradient(model, theta, threads=threads, accumulate=accumulate)
    assert_allclose(gradient(NextToken(), batch, draws), loss, **CLOSE)
    theta.check_home()
    for name, p in model.named_parameters():
        assert_allclose(p.grad, grads[name], err_msg=name, **CLOSE)


@given(rngs, configs, counted, st.integers(2, 7))
def test_shards_weigh_what_their_share_of_the_targets_is(rng, config, counted, n_shards):
    """g = sum of (n_shard / n_batch) g_shard: no mean of means, where numbers differ."""
    model, batch = draw_model(rng, config), draw_batch(rng, counted)
    theta, total = Flat(model), np.zeros(model.n_parameters())
    for rows in np.array_split(np.arange(len(counted)), n_shards):
        if n_rows := len(rows):
            theta.grad[...] = 0
            draws = F.Draws(3, 11, range(rows[0], rows[0] + n_rows))
            _, backward = NextToken()(model, (batch[0][rows], batch[1][rows]), draws)
            backward()
            n_targets = sum(counted[i] for i in rows)
            total += n_targets / max(1, sum(counted)) * theta.grad
    BatchGradient(model, theta)(NextToken(), batch, F.Draws(3, 11, range(len(counted))))
    assert_allclose(theta.grad, total, **CLOSE)


@given(rngs, configs, counted, st.integers(1, 4), st.integers(1, 3))
def test_the_same_call_gives_the_same_bits(rng, config, counted, threads, accumulate):
    model, batch = draw_model(rng, config, np.float32), draw_batch(rng, counted)
    draws = F.Draws(0, 0, range(len(counted)))
    theta = Flat(model)
    seen = []
    for _ in range(2):  # of two that are built alike, each called twice
        gradient = BatchGradient(model, theta, threads=threads, accumulate=accumulate)
        for _ in range(2):
            loss = gradient(NextToken(), batch, draws)
            seen.append((loss.tobytes(), theta.grad.tobytes()))
            assert loss.dtype == theta.grad.dtype == np.float32
    assert len(set(seen)) == 1


def test_a_batch_without_any_target_teaches_nothing():
    rng = np.random.default_rng(0)
    model = draw_model(rng, DecoderConfig(VOCAB_SIZE, 5, 4, 1, 2))
    theta = Flat(model)
    gradient = BatchGradient(model, theta, threads=2)
    assert gradient(NextToken(), draw_batch(rng, [0, 0, 0]), None) == 0
    assert_array_equal(theta.grad, 0)


def test_the_shards_see_the_weights_as_they_are_now():
    """A replica that copied the weights would go on with old ones."""
    model = Line(np.random.default_rng(0))
    theta, batch = Flat(model), Points(1).batch(0)
    gradient = BatchGradient(model, theta, threads=3)
    theta.data *= -2
    loss = gradient(LeastSquares(), batch, None)
    assert_allclose(loss, LeastSquares()(model, batch, None)[0], rtol=1e-6)


class Recorded(LeastSquares):
    """Notes how many examples each shard has, and how many are in memory at a time."""

    def __init__(self):
        self.rows, self.n_live, self.most_live = [], 0, 0
        self.lock = threading.Lock()

    def __call__(self, model, batch, rng):
        with self.lock:
            self.rows.append(len(batch[1]))
            self.n_live += 1
            self.most_live = max(self.n_live, self.most_live)
        loss, backward = super().__call__(model, batch, rng)

        def recorded_backward(dloss):
            backward(dloss)
            with self.lock:
                self.n_live -= 1

        return loss, recorded_backward


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 20))
def test_micro_batches_are_as_equal_as_can_be_and_one_at_a_time(threads, accumulate, n):
    model, objective = Line(np.random.default_rng(0)), Recorded()
    gradient = BatchGradient(model, Flat(model), threads=threads, accumulate=accumulate)
    gradient(objective, Points(0, batch_size=n).batch(0), None)
    assert sum(objective.rows) == n
    assert len(objective.rows) == min(n, threads * accumulate)
    assert max(objective.rows) - min(objective.rows) <= 1
    assert objective.most_live <= threads


def test_unless_told_otherwise_a_batch_is_one_shard():
    model, objective = Line(np.random.default_rng(0)), Recorded()
    BatchGradient(model, Flat(model))(objective, Points(0, 6).batch(0), None)
    assert objective.rows == [6]


class Centre:
    """loss = mean((model(x) - 1)^2): a batch is one array, and each row a target."""

    def __call__(self, model, batch, rng):
        (x,) = batch
        return LeastSquares()(model, (x, np.ones(len(x), np.float32)), rng)

    def n_targets(self, batch):
        return len(batch[0])


@given(st.integers(1, 3), st.integers(1, 3))
def test_a_batch_may_be_one_array(threads, accumulate):
    model, (x, _) = Line(np.random.default_rng(0)), Points(0).batch(0)
    gradient = BatchGradient(model, Flat(model), threads=threads, accumulate=accumulate)
    loss = Centre()(model, (x,), None)[0]
    assert_allclose(gradient(Centre(), (x,), None), loss, rtol=1e-6)


def test_a_single_target_weighs_all():
    model, batch = Line(np.random.default_rng(0)), Points(0, 1).batch(0)
    loss = BatchGradient(model, Flat(model), threads=2)(LeastSquares(), batch, None)
    assert loss == LeastSquares()(model, batch, None)[0]


class Troubled(LeastSquares):
    """The first example brings trouble; the other shards take their time."""

    def __init__(self):
        self.begun, self.ended = [], []

    def __call__(self, model, batch, rng):
        if batch[1][0] == 0:
            raise ValueError("token id 9 is out of range")
        self.begun.append(len(batch[1]))
        time.sleep(0.05)
        self.ended.append(len(batch[1]))
        return super().__call__(model, batch, rng)


def test_when_a_shard_fails_the_others_are_over_before_the_caller_hears_of_it():
    """Else they would go on to write gradients into the caller's next step."""
    model, objective = Line(np.random.default_rng(0)), Troubled()
    gradient = BatchGradient(model, Flat(model), threads=3)
    x, y = Points(0).batch(0)
    y[0] = 0
    with pytest.raises(ValueError, match="token id 9"):
        gradient(objective, (x, y), None)
    assert len(objective.begun) == len(objective.ended)


def blas_threads_now():
    return [lib.scipy_openblas_get_num_threads64_() for lib in _openblas()]


def test_matrix_products_get_their_cores_back_whatever_happens():
    model, objective = Line(np.random.default_rng(0)), Troubled()
    gradient = BatchGradient(model, Flat(model))
    x, y = Points(0).batch(0)
    with blas_threads(2):
        before = blas_threads_now()
        gradient(LeastSquares(), (x, y), None)
        assert blas_threads_now() == before
        with pytest.raises(ValueError):
            gradient(objective, (x, np.zeros_like(y)), None)
        assert blas_threads_now() == before


def test_each_shard_has_one_core_for_its_matrix_products():
    class Observed(LeastSquares):
        def __call__(self, model, batch, rng):
            seen.extend(blas_threads_now())
            return super().__call__(model, batch, rng)

    seen, model = [], Line(np.random.default_rng(0))
    with blas_threads(2):
        BatchGradient(model, Flat(model), threads=2)(Observed(), Points(0).batch(0), None)
    assert set(seen) <= {1}


@pytest.mark.parametrize("name", ["threads", "accumulate"])
def test_less_than_one_is_refused(name):
    model = Line(np.random.default_rng(0))
    with pytest.raises(ValueError, match=f"{name} 0 must be at least 1"):
        BatchGradient(model, Flat(model), **{name: 0})


def test_an_empty_batch_is_refused():
    model = Line(np.random.default_rng(0))
    with pytest.raises(ValueError, match="the batch is empty"):
        BatchGradient(model, Flat(model))(LeastSquares(), Points(0, 0).batch(0), None)
