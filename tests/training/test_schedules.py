"""Schedules at their corners, and in between."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.training import Constant, Noam, WarmupCosine

rates = st.floats(1e-6, 10)
spans = st.tuples(st.integers(0, 50), st.integers(1, 50))  # warmup, and what follows
close = pytest.approx


@given(rates, st.integers(1, 10**9))
def test_constant_is_constant(lr, step):
    assert Constant(lr)(step) == lr


@given(rates, spans, st.floats(0, 1))
def test_the_peak_is_at_the_end_of_the_warmup_and_nowhere_higher(lr, spans, final):
    warmup, after = spans
    schedule = WarmupCosine(lr, warmup, warmup + after, final)
    rates = [schedule(step) for step in range(1, warmup + after + 5)]
    assert max(rates) <= lr * (1 + 1e-15)
    assert schedule(warmup) == close(lr, rel=1e-15)
    assert rates[:warmup] == sorted(rates[:warmup])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)


@given(rates, spans)
def test_the_warmup_is_a_straight_line_from_zero(lr, spans):
    warmup, after = spans
    schedule = WarmupCosine(lr, warmup, warmup + after)
    for step in range(1, warmup + 1):
        assert schedule(step) == close(lr * step / warmup)


@given(rates, spans, st.floats(0, 1))
def test_the_last_step_leaves_the_final_share_which_stays(lr, spans, final):
    warmup, after = spans
    schedule = WarmupCosine(lr, warmup, warmup + after, final)
    for step in (warmup + after, warmup + after + 1, 10**9):
        assert schedule(step) == close(lr * final, rel=1e-14)


@given(rates, spans, st.floats(0, 1))
def test_the_fall_is_half_a_cosine_between_the_two_rates(lr, spans, final):
    """Loshchilov & Hutter 2017, eq. 5, with eta_max lr, eta_min lr final, T_i after."""
    warmup, after = spans
    schedule = WarmupCosine(lr, warmup, warmup + after, final)
    eta_min, eta_max = lr * final, lr
    for t_cur in range(after + 1):
        cosine = math.cos(t_cur / after * math.pi)
        expected = eta_min + (eta_max - eta_min) * (1 + cosine) / 2
        assert schedule(warmup + t_cur) == close(expected, rel=1e-12)
        mirrored = schedule(warmup + after - t_cur)
        assert schedule(warmup + t_cur) + mirrored == close(eta_min + eta_max)


@given(rates, spans, st.floats(0, 1))
def test_no_step_jumps(lr, spans, final):
    """Up by lr / warmup, down by no more than a cosine's steepest: pi / 2 of its way."""
    warmup, after = spans
    schedule = WarmupCosine(lr, warmup, warmup + after, final)
    steepest = lr * max(1 / max(1, warmup), math.pi / 2 * (1 - final) / after)
    for step in range(1, warmup + after + 3):
        assert abs(schedule(step + 1) - schedule(step)) <= steepest * (1 + 1e-9)


@given(rates, st.integers(0, 40), st.integers(1, 40), st.floats(0, 1))
def test_half_way_down_the_cosine_is_at_the_middle(lr, warmup, half, final):
    schedule = WarmupCosine(lr, warmup, warmup + 2 * half, final)
    assert schedule(warmup + half) == close(lr * (1 + final) / 2)


def test_all_or_nothing_of_lr_may_be_left_at_the_end():
    for final in (0, 1):
        schedule = WarmupCosine(0.1, 0, 10, final)
        assert schedule(0) == close(0.1) and schedule(10) == close(0.1 * final)


def test_a_warmup_of_all_steps_ends_at_the_peak():
    schedule = WarmupCosine(0.1, 10, 10)
    assert schedule(10) == close(0.1) and schedule(11) == close(0.1 * 0.05)


@given(st.integers(1, 4096), st.integers(1, 10_000), st.floats(0.1, 10))
def test_noam_peaks_where_its_two_branches_meet(d_model, warmup, factor):
    schedule = Noam(d_model, warmup, factor)
    peak = factor / math.sqrt(d_model * warmup)
    assert schedule(warmup) == close(peak)
    assert schedule(warmup + 1) < peak and (warmup == 1 or schedule(warmup - 1) < peak)
    assert schedule(4 * warmup) == close(peak / 2)  # the root of the step
    assert schedule(2 * warmup) * math.sqrt(2) == close(peak)
    for step in {1, (warmup + 1) // 2}:
        assert schedule(step) == close(peak * step / warmup)


@given(st.integers(1, 4096), st.integers(1, 1000), st.integers(1, 10_000))
def test_noam_is_the_lower_of_a_line_and_a_root(d_model, warmup, step):
    line, root = step / warmup**1.5, 1 / math.sqrt(step)
    scale = 1 / math.sqrt(d_model)
    assert Noam(d_model, warmup)(step) == close(scale * min(line, root), rel=1e-12)
    assert step == warmup or (line < root) == (step < warmup)


def test_the_papers_rate():
    """Vaswani et al. 2017, sec. 5.3: d_model 512 and 4000 steps of warmup."""
    assert Noam(512, 4000)(4000) == close(6.9877e-4, rel=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(0), "lr 0 must be above 0"),
        (lambda: Constant(math.nan), "lr nan must be above 0"),
        (lambda: WarmupCosine(-1.0, 1, 2), "lr -1.0 must be above 0"),
        (lambda: WarmupCosine(0.0, 1, 2), "lr 0.0 must be above 0"),
        (lambda: WarmupCosine(1.0, 3, 2), "warmup_steps 3: give 0 to total_steps 2"),
        (lambda: WarmupCosine(1.0, -1, 2), "warmup_steps -1: give 0 to total_steps 2"),
        (lambda: WarmupCosine(1.0, 1, 2, 1.5), "final 1.5: give 0 <= final <= 1"),
        (lambda: WarmupCosine(1.0, 1, 2, -0.1), "final -0.1"),
        (lambda: Noam(0, 1), "d_model 0 must be at least 1"),
        (lambda: Noam(8, 0), "warmup_steps 0: at least 1"),
        (lambda: Noam(8, 1, 0.0), "factor 0.0 must be above 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
