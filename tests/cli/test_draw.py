import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.cli.draw import (
    LEGEND,
    attention_map,
    bars,
    columns,
    curve,
    fit,
    shade,
    visible,
)

labels = st.text(st.characters(), max_size=40)
plain = st.text(st.characters(exclude_characters="␣◌"), max_size=3)  # what we add ourselves


@given(labels)
def test_nothing_in_a_label_can_command_a_terminal(label):
    shown = visible(label)
    assert not [c for c in shown if c != " " and unicodedata.category(c)[0] in "CZ"]
    assert shown == shown.strip()
    shown.encode()  # not even a lone surrogate is left


@given(plain, plain)
def test_labels_that_differ_look_different(label, other):
    assert label == other or visible(label) != visible(other)


@given(labels, st.integers(1, 20))
def test_a_fitted_label_takes_exactly_its_columns(label, width):
    assert columns(fit(visible(label), width)) == width


def test_a_label_is_shown_as_a_reader_would_name_it():
    assert visible(" teacher") == "␣teacher"
    assert visible("a b  ") == "a b␣␣"
    assert visible("  ") == "␣␣"
    assert visible("a\n\t\x1b[31m") == r"a\n\t\x1b[31m"
    assert visible("\u200b") == r"\u200b"
    assert visible(r"\n") == r"\\n"
    assert visible("\u0301") == "◌\u0301"
    assert visible("") == ""


def test_a_wide_character_takes_two_columns_and_an_accent_none():
    assert columns("ab") == 2
    assert columns("你好") == 4
    assert columns("Ａ") == 2  # a full-width Latin letter
    assert columns("e\u0301") == 1
    assert fit("你好", 3) == "你…"
    assert fit("你好", 4) == "你好"
    assert fit("你好", 2) == "… "


def test_darker_is_more_and_only_an_exact_zero_is_blank():
    shades = [shade(w) for w in (0.0, 1e-30, 0.04, 0.05, 0.25, 0.5, 0.75, 1.0)]
    assert shades == [" ", "·", "·", "░", "▒", "▓", "█", "█"]
    assert shade(float("nan")) == "?"


def test_a_map_has_a_row_for_each_query_and_a_column_for_each_key():
    weights = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.25, 0.03, 0.72]])
    assert attention_map(weights, ["the", "old", " 你"]).split("\n") == [
        "        0  1  2",
        "the   0 ██",
        "old   1 ▓▓ ▓▓",
        "␣你   2 ▒▒ ·· ▓▓",
        LEGEND,
    ]


def test_fewer_queries_than_keys_are_the_last_ones():
    weights = np.full((1, 3), 1 / 3)
    lines = attention_map(weights, ["a", "b", "c"]).split("\n")
    assert lines[1] == "c   2 ▒▒ ▒▒ ▒▒"
    assert len(lines) == 3


@given(
    st.lists(st.text(st.characters(), max_size=8), min_size=1, max_size=120),
    st.integers(1, 3),
    st.integers(40, 100),
)
def test_a_map_never_exceeds_its_width(names, n_queries, width):
    weights = np.full((min(n_queries, len(names)), len(names)), 1 / len(names))
    assert max(map(columns, attention_map(weights, names, width).split("\n"))) <= width


def test_keys_that_do_not_fit_are_left_out_from_the_front_and_named():
    weights = np.zeros((1, 100))
    weights[0, -1] = 1
    drawn = attention_map(weights, ["x"] * 100, width=46)
    lines = drawn.split("\n")
    assert lines[0] == " " * 6 + "60        70        80        90"
    assert lines[1] == "x  99 " + " " * 39 + "█"
    assert lines[2] == "keys 0 to 59 are left out: 46 columns are too few"


@pytest.mark.parametrize("shape, n_labels", [((2, 3), 2), ((3, 2), 2), ((0, 0), 0)])
def test_a_map_refuses_labels_that_do_not_fit(shape, n_labels):
    with pytest.raises(ValueError, match="one label for each key"):
        attention_map(np.zeros(shape), ["a"] * n_labels)


def test_bars_are_as_long_as_their_values():
    drawn = bars(["a", "b", "c"], [0.5, 0.25, 0.0], width=30)
    assert drawn.split("\n") == [
        "a " + "█" * 23 + " 0.5",
        "b " + "█" * 11 + "▌" + " " * 11 + " 0.25",
        "c " + " " * 23 + " 0",
    ]


@given(
    st.lists(st.tuples(labels, st.floats(0, 1e300)), max_size=8),
    st.integers(30, 90),
)
def test_bars_never_exceed_their_width(rows, width):
    drawn = bars([label for label, _ in rows], [value for _, value in rows], width)
    assert max(map(columns, drawn.split("\n"))) <= width
    assert len(drawn.split("\n")) == max(1, len(rows))


def test_bars_of_nothing_but_zeros_are_empty():
    assert "█" not in bars(["a", "b"], [0.0, 0.0])


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_a_bar_that_cannot_be_drawn_is_refused(value):
    with pytest.raises(ValueError, match=f"value {value}"):
        bars(["a"], [value])


def test_bars_refuse_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="2 labels do not fit 1 values"):
        bars(["a", "b"], [0.5])


def test_a_curve_falls_from_left_to_right_as_its_ys_do():
    assert curve([3, 2, 1], height=3).split("\n") == [
        "        3 │•",
        "          │ •",
        "        1 │  •",
        "          └───",
    ]


@given(
    st.lists(st.floats(allow_nan=True, width=32), min_size=1, max_size=200),
    st.integers(30, 90),
    st.integers(2, 12),
)
def test_a_curve_never_exceeds_its_room(ys, width, height):
    if not np.isfinite(ys).any():
        with pytest.raises(ValueError, match="nothing to draw"):
            curve(ys, width, height)
        return
    lines = curve(ys, width, height).split("\n")
    assert len(lines) == height + 1
    assert max(map(columns, lines)) <= width


def test_many_ys_are_averaged_column_by_column():
    assert curve(np.repeat([2.0, 1.0], 1000), width=31) == curve([2.0] * 10 + [1.0] * 10)


def test_a_curve_that_is_not_finite_has_a_gap():
    lines = curve([1.0, float("nan"), 2.0], height=2).split("\n")
    assert lines[0].endswith("│  •") and lines[1].endswith("│•")


def test_a_level_curve_is_drawn_in_the_middle():
    assert curve([1.5, 1.5], height=3).split("\n")[1].endswith("│••")


@pytest.mark.parametrize(
    "draw", [lambda w: bars(["a"], [1.0], w), lambda w: curve([1.0], w)]
)
def test_too_little_room_is_refused(draw):
    with pytest.raises(ValueError, match="width 29: give at least 30 columns"):
        draw(29)


def test_a_map_and_a_curve_need_some_room():
    with pytest.raises(ValueError, match="width 39: give at least 40 columns"):
        attention_map(np.ones((1, 1)), ["a"], 39)
    with pytest.raises(ValueError, match="height 1: give at least 2 lines"):
        curve([1.0], height=1)
