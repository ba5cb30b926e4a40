"""Optimizers and clipping beside PyTorch's, over 200 steps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minillm.layers import Module, Parameter
from minillm.training import SGD, AdamW, Flat, WarmupCosine, clip_by_global_norm
from minillm.training.optimizers import PART
from tests.parity.torch_peer import assert_close, dtypes, largest, torch
from tests.strategies import examples, rngs

STEPS, LIMIT = 200, 3.0
SMALL = {"bias": (4,), "weight": (3, 5), "gain": (2, 2), "other": (6,)}
LARGE = {"bias": (PART // 2 + 3,), "weight": (PART + 5,), "gain": (7,), "other": (PART,)}
DECAYED = "weight", "other"


class Parts(Module):
    """Parameters that decay and others, in turn, so that the vector must sort them."""

    def __init__(self, rng, sizes):
        for name, shape in sizes.items():
            data = rng.normal(size=shape)
            setattr(self, name, Parameter(data, decay=name in DECAYED))


def draw_gradients(rng, sizes, n_steps):
    """Large and small ones; here and there none, as of a word that is absent."""
    for _ in range(n_steps):
        scale = 10.0 ** rng.integers(-5, 3)
        drawn = {name: scale * rng.normal(size=shape) for name, shape in sizes.items()}
        present = {name: rng.random(g.shape) < 0.9 for name, g in drawn.items()}
        yield {name: (g * present[name]).astype(np.float32) for name, g in drawn.items()}


def our_walk(make, parts, gradients, rate, dtype):
    """Clip and step; the schedule moves the rate. -> (parameters, the norms before)"""
    parts.astype(dtype)
    theta = Flat(parts)
    optimizer, norms = make(theta), []
    for step, grads in enumerate(gradients, start=1):
        for name, p in parts.named_parameters():
            p.grad[...] = grads[name]
        norms.append(clip_by_global_norm(theta.grad, LIMIT))
        optimizer.step(rate(step))
    return {name: p.data.copy() for name, p in parts.named_parameters()}, np.array(norms)


def their_walk(make, start, gradients, rate, dtype):
    """Groups say what decays. PyTorch adds 1e-6 to the norm, which the limit undoes."""
    leaves = {name: torch.tensor(x, dtype=dtype) for name, x in start.items()}
    groups = [{"params": [leaves[n] for n in leaves if n in DECAYED]}]
    groups.append({"params": [leaves[n] for n in leaves if n not in DECAYED]})
    optimizer, norms = make(*groups), []
    for step, grads in enumerate(gradients, start=1):
        for name, x in leaves.items():
            x.grad = torch.tensor(grads[name], dtype=dtype)
        norm = torch.nn.utils.get_total_norm([x.grad for x in leaves.values()])
        limit = LIMIT * (norm + 1e-6) / norm
        torch.nn.utils.clip_grads_with_norm_(leaves.values(), limit, norm)
        norms.append(float(norm))
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
    return {n: x.double().numpy() for n, x in leaves.items()}, np.array(norms)


def assert_same_walk(ours, theirs, rng, dtype, sizes=SMALL, n_steps=STEPS):
    parts = Parts(rng, sizes)
    start = {name: p.data.copy() for name, p in parts.named_parameters()}
    gradients = list(draw_gradients(rng, sizes, n_steps))
    rate = WarmupCosine(0.01, n_steps // 10, n_steps)
    got, got_norms = our_walk(ours, parts, gradients, rate, dtype)
    truth, norms = their_walk(theirs, start, gradients, rate, torch.float64)
    single, single_norms = their_walk(theirs, start, gradients, rate, torch.float32)
    for name, x in truth.items():
        assert_close(got[name], x, dtype, name, [largest(single[name] - x)])
    assert_close(got_norms, norms, dtype, "norms", [largest(single_norms - norms)])
    assert norms.min() < LIMIT < norms.max()


BETAS = st.sampled_from([(0.9, 0.999), (0.9, 0.95), (0.0, 0.5)])


@dtypes
@examples(5)
@given(rngs, BETAS, st.sampled_from([1e-8, 1e-3]), st.sampled_from([0.0, 0.01, 0.3]))
def test_adamw_walks_with_pytorchs(dtype, rng, betas, eps, weight_decay):
    def theirs(decayed, others):
        groups = [decayed | {"weight_decay": weight_decay}, others | {"weight_decay": 0.0}]
        return torch.optim.AdamW(groups, betas=betas, eps=eps)

    assert_same_walk(
        lambda theta: AdamW(theta, betas, eps, weight_decay), theirs, rng, dtype
    )


@dtypes
@examples(5)
@given(rngs, st.sampled_from([0.0, 0.5, 0.9]))
def test_sgd_walks_with_pytorchs(dtype, rng, momentum):
    assert_same_walk(
        lambda theta: SGD(theta, momentum),
        lambda *groups: torch.optim.SGD(groups, lr=1.0, momentum=momentum),
        rng,
        dtype,
    )


@dtypes
def test_adamw_walks_with_pytorchs_where_the_vector_is_updated_in_parts(dtype):
    """More numbers decay than are updated together, and so do more that do not."""

    def theirs(decayed, others):
        groups = [decayed | {"weight_decay": 0.3}, others | {"weight_decay": 0.0}]
        return torch.optim.AdamW(groups)

    rng = np.random.default_rng(3)
    ours = lambda theta: AdamW(theta, weight_decay=0.3)  # noqa: E731
    assert_same_walk(ours, theirs, rng, dtype, LARGE, n_steps=10)


@dtypes
@given(rngs, st.floats(1e-3, 1e3))
def test_clipping_is_pytorchs_up_to_the_1e_6_that_it_adds_to_the_norm(dtype, rng, limit):
    """torch scales by limit / (norm + 1e-6), which is undone here before comparing."""
    g = (10.0 ** rng.integers(-3, 3) * rng.normal(size=30)).astype(np.float32)
    ours, (truth, single) = g.astype(dtype), (torch.tensor(g).double(), torch.tensor(g))
    norm = clip_by_global_norm(ours, limit)
    theirs = []
    for x in truth, single:
        p = torch.zeros_like(x, requires_grad=True)
        p.grad = x
        norm_theirs = float(torch.nn.utils.clip_grad_norm_([p], limit))
        theirs.append(norm_theirs)
        x *= min(1.0, limit / norm_theirs) / min(1.0, limit / (norm_theirs + 1e-6))
    norms = np.array(theirs)
    assert_close(norm, norms[0], dtype, "norm", [abs(norms[1] - norms[0])])
    assert_close(ours, truth, dtype, "gradient", [largest((single - truth).numpy())])
