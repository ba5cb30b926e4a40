"""A saved run is believed only where what it says fits together."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.training.kept import history_of, whole_number

losses = st.floats(allow_nan=False, allow_infinity=False)
WRONG = r"^trainer\.json: history or losses is wrong: "


@st.composite
def runs(draw):
    """(state, step): entries with rising steps, and losses since the last of them."""
    steps = sorted(draw(st.sets(st.integers(1, 30), max_size=4)))
    evaluated = draw(st.booleans())
    history = [
        {"step": n, "loss": draw(losses)} | ({"valid": draw(losses)} if evaluated else {})
        for n in steps
    ]
    since = draw(st.lists(losses, max_size=4))
    last = steps[-1] if steps else 0
    step = last + len(since) + draw(st.integers(0, 3))
    return {"history": history, "losses": since}, step


@given(runs())
def test_what_a_run_saved_is_handed_back(run):
    state, step = run
    assert history_of(state, step) == (state["history"], state["losses"])


def test_a_state_that_says_nothing_is_that_of_a_run_at_its_beginning():
    assert history_of({}, 0) == ([], [])


@given(runs(), st.data())
def test_an_entry_is_a_step_and_floats_by_the_names_that_a_run_gives_them(run, data):
    state, step = run
    loss = {"loss": 1.0}
    wrong = data.draw(
        st.sampled_from(
            [
                [{"step": step}, loss],
                None,
                loss,
                loss | {"step": float(step)},
                loss | {"step": True},
                {"step": step},
                {"step": step, "valid": 1.0},
                loss | {"step": step, "other": 1.0},
                {"step": step, "loss": 1},
                {"step": step, "loss": None, "valid": 1.0},
                {"step": step, "loss": 1.0, "valid": None},
            ]
        )
    )
    place = data.draw(st.integers(0, len(state["history"])))
    state["history"].insert(place, wrong)
    with pytest.raises(ValueError, match=WRONG + "an entry is a step and its loss"):
        history_of(state, step)


@given(st.lists(st.integers(-2, 12), min_size=1, max_size=4), st.integers(0, 12))
def test_steps_rise_from_1_up_to_that_of_the_run(steps, step):
    history = [{"step": n, "loss": 1.0} for n in steps]
    rising = all(a < b for a, b in zip([0, *steps], steps, strict=False))
    if rising and steps[-1] <= step:
        assert history_of({"history": history}, step) == (history, [])
    else:
        with pytest.raises(ValueError, match=WRONG + f"steps rise up to {step}$"):
            history_of({"history": history}, step)


@pytest.mark.parametrize(
    ("steps", "step"), [([0], 5), ([4, 4], 5), ([4, 3], 5), ([4, 6], 5), ([7, 5], 5)]
)
def test_steps_that_do_not_rise_up_to_that_of_the_run_are_refused(steps, step):
    history = [{"step": n, "loss": 1.0} for n in steps]
    with pytest.raises(ValueError, match=WRONG + "steps rise up to 5$"):
        history_of({"history": history}, step)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 1, True, None, "1.0"])
@given(run=runs(), data=st.data())
def test_losses_are_finite_floats(wrong, run, data):
    state, step = run
    state["losses"].insert(data.draw(st.integers(0, len(state["losses"]))), wrong)
    with pytest.raises(ValueError, match=WRONG + "losses are finite numbers"):
        history_of(state, step + 1)


@given(runs())
def test_there_are_no_more_losses_than_steps_since_the_last_entry(run):
    state, step = run
    last = state["history"][-1]["step"] if state["history"] else 0
    state["losses"] = [1.0] * (step - last)
    assert history_of(state, step)[1] == state["losses"]
    state["losses"].append(1.0)
    with pytest.raises(ValueError, match=WRONG + "more losses than steps"):
        history_of(state, step)


@given(st.integers(0, (1 << 63) - 1))
def test_a_number_comes_back_from_its_array(n):
    assert whole_number("rng.step", np.array(n)) == n


@pytest.mark.parametrize(
    "array",
    [None, np.array([3]), np.array([], int), np.array(3.0), np.array(True), np.array(-1)],
)
def test_what_is_no_whole_number_is_refused_by_name(array):
    with pytest.raises(ValueError, match=r"random state: rng\.step is no number$"):
        whole_number("rng.step", array)
