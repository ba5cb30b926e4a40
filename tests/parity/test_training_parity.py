"""Optimizers, clipping and schedule beside PyTorch's, over many steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minillm.layers import Module, Parameter
from minillm.training import (
    SGD,
    AdamW,
    Flat,
    WarmupCosine,
    clip_by_global_norm,
)
from tests.strategies import rngs

torch = pytest.importorskip("torch")

STEPS = 200


class Parts(Module):
    """Parameters that decay and others, in turn, so that the vector must sort them."""

    def __init__(self, rng):
        self.bias = Parameter(rng.normal(size=4))
        self.weight = Parameter(rng.normal(size=(3, 5)), decay=True)
        self.gain = Parameter(rng.normal(size=(2, 2)))
        self.other = Parameter(rng.normal(size=6), decay=True)


class Pair:
    """The same parameters on both sides; each step, the same gradients."""

    def __init__(self, rng):
        self.rng, self.parts = rng, Parts(rng).astype(np.float64)
        self.theta = Flat(self.parts)
        self.ours = [p for _, p in self.parts.named_parameters()]
        self.theirs = [torch.tensor(p.data.copy(), requires_grad=True) for p in self.ours]

    def groups(self, weight_decay):
        """As PyTorch is told what decays: by groups."""
        pairs = list(zip(self.ours, self.theirs, strict=True))
        return [
            {"params": [q for p, q in pairs if p.decay], "weight_decay": weight_decay},
            {"params": [q for p, q in pairs if not p.decay], "weight_decay": 0.0},
        ]

    def new_gradients(self):
        """Large and small ones; now and then none, as of a word that is absent."""
        scale = 10.0 ** self.rng.integers(-5, 3)
        for p, q in zip(self.ours, self.theirs, strict=True):
            g = scale * self.rng.normal(size=p.data.shape)
            p.grad[...] = g * (self.rng.random(g.shape) < 0.9)
            q.grad = torch.tensor(p.grad.copy())

    def assert_equal(self, what):
        for p, q in zip(self.ours, self.theirs, strict=True):
            ours = p.data if what == "data" else p.grad
            theirs = q if what == "data" else q.grad
            assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9, atol=1e-9)


def walk(pair, ours, theirs, rate):
    for step in range(1, STEPS + 1):
        pair.new_gradients()
        for group in theirs.param_groups:
            group["lr"] = rate(step)
        ours.step(rate(step))
        theirs.step()
    pair.assert_equal("data")


@given(
    rngs,
    st.sampled_from([(0.9, 0.999), (0.9, 0.95), (0.0, 0.5)]),
    st.sampled_from([1e-8, 1e-3]),
    st.sampled_from([0.0, 0.01, 0.3]),
)
@settings(max_examples=4)
def test_adamw_walks_with_pytorchs_for_200_steps(rng, betas, eps, weight_decay):
    pair = Pair(rng)
    ours = AdamW(pair.theta, betas, eps, weight_decay)
    theirs = torch.optim.AdamW(pair.groups(weight_decay), betas=betas, eps=eps)
    walk(pair, ours, theirs, WarmupCosine(0.01, 20, STEPS))


@given(rngs, st.sampled_from([0.0, 0.5, 0.9]))
@settings(max_examples=6)
def test_sgd_walks_with_pytorchs_for_200_steps(rng, momentum):
    pair = Pair(rng)
    theirs = torch.optim.SGD(pair.groups(0.0), lr=1.0, momentum=momentum)
    walk(pair, SGD(pair.theta, momentum), theirs, WarmupCosine(0.01, 20, STEPS))


@given(rngs, st.floats(1e-3, 1e3))
def test_clipping_is_pytorchs_up_to_the_1e_6_that_it_adds_to_the_norm(rng, limit):
    """torch scales by limit / (norm + 1e-6), which is undone here before comparing."""
    pair = Pair(rng)
    pair.new_gradients()
    norm = clip_by_global_norm(pair.theta.grad, limit)
    theirs = float(torch.nn.utils.clip_grad_norm_(pair.theirs, limit))
    assert_allclose(norm, theirs, rtol=1e-12)
    scale = min(1.0, limit / theirs) / min(1.0, limit / (theirs + 1e-6))
    for q in pair.theirs:
        q.grad *= scale
    pair.assert_equal("grad")


@given(st.integers(1, 60), st.floats(0, 1))
def test_the_cosine_is_pytorchs_annealing(total_steps, final):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, total_steps, eta_min=0.3 * final
    )
    ours = WarmupCosine(0.3, 0, total_steps, final)
    for step in range(total_steps + 1):
        assert_allclose(ours(step), theirs.get_last_lr()[0], rtol=1e-9, atol=1e-9)
        optimizer.step()
        theirs.step()


@given(st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=10)
def test_the_warmup_is_pytorchs_linear_rise(warmup, after):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    theirs = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, n / warmup))
    ours = WarmupCosine(0.3, warmup, warmup + after, final=1.0)
    for step in range(warmup + after):
        assert_allclose(ours(step), theirs.get_last_lr()[0], rtol=1e-12)
        optimizer.step()
        theirs.step()
