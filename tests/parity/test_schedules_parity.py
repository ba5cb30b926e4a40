"""Schedules beside PyTorch's and transformers', over every step of a training.

Theirs count the steps from 0, so that the first rate of a warmup is 0; ours count them
from 1, as the papers do. What they give after n steps is what ours gives at n. After the
last step theirs would rise along the cosine again; ours stays.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.training import Constant, Noam, WarmupCosine
from tests.parity.libraries import library
from tests.parity.torch_peer import torch
from tests.strategies import examples

transformers = library("transformers")

LR = 0.3
counts = st.integers(0, 30)
fewer = examples(15)


def their_rates(make, n_steps, lr=LR):
    """What PyTorch's optimizer is given before each step, and after the last."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler, rates = make(optimizer), []
    for _ in range(n_steps + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def assert_same_rates(ours, make, n_steps, first=0, lr=LR, rel=1e-12):
    rates = their_rates(make, n_steps, lr)[first:]
    ours_too = [ours(step) for step in range(first, n_steps + 1)]
    assert ours_too == pytest.approx(rates, rel=rel, abs=1e-12)


@fewer
@given(warmup=counts, more=st.integers(1, 60))
def test_the_cosine_with_warmup_is_transformers(warmup, more):
    def make(optimizer):
        return transformers.get_cosine_schedule_with_warmup(
            optimizer, warmup, warmup + more
        )

    ours = WarmupCosine(LR, warmup, warmup + more, final=0.0)
    assert_same_rates(ours, make, warmup + more)


@fewer
@given(warmup=counts, more=st.integers(1, 60), final=st.floats(0, 1))
def test_the_cosine_that_ends_above_0_is_transformers(warmup, more, final):
    def make(optimizer):
        return transformers.get_cosine_with_min_lr_schedule_with_warmup(
            optimizer, warmup, total, min_lr_rate=final
        )

    total = warmup + more
    assert_same_rates(WarmupCosine(LR, warmup, total, final), make, total)


@fewer
@given(total_steps=st.integers(1, 60), final=st.floats(0, 1))
def test_the_cosine_is_pytorchs_annealing(total_steps, final):
    """Which multiplies its way from rate to rate, and so strays a little."""

    def make(optimizer):
        return torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, total_steps, eta_min=LR * final
        )

    ours = WarmupCosine(LR, 0, total_steps, final)
    assert_same_rates(ours, make, total_steps, rel=1e-9)


@fewer
@given(warmup=st.integers(1, 30), more=counts, d_model=st.integers(1, 1000))
def test_noam_is_transformers_inverse_square_root(warmup, more, d_model):
    """At the peak (d_model warmup_steps)^-0.5, which they are given as the rate."""

    def make(optimizer):
        return transformers.get_inverse_sqrt_schedule(optimizer, warmup)

    peak = (d_model * warmup) ** -0.5
    assert_same_rates(Noam(d_model, warmup), make, warmup + more, first=1, lr=peak)


def test_constant_is_transformers():
    assert_same_rates(Constant(LR), transformers.get_constant_schedule, 5)


def test_beyond_the_last_step_ours_stays_and_theirs_rises_again():
    def make(optimizer):
        return transformers.get_cosine_schedule_with_warmup(optimizer, 2, 10)

    rates = their_rates(make, 14)
    assert rates[10] == 0 and rates[14] > 0.1
    assert WarmupCosine(LR, 2, 10, final=0.0)(14) == 0
