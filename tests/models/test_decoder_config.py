"""Every config that cannot be built is refused by name, with what would do."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.models import DecoderConfig, DecoderOnly

GOOD = {"vocab_size": 7, "max_seq_len": 5, "d_model": 12, "n_layers": 2, "n_heads": 4}
SIZES = [*GOOD, "d_ff", "n_kv_heads", "d_head"]
PARTS = {
    "positions": "sinusoidal, learned, none, rotary, rotary_interleaved, alibi, relative",
    "vocabulary": "tied, untied",
    "embed_norm": "none, layer_norm",
    "block": "pre_norm, post_norm",
    "norm": "layer_norm, rms_norm",
    "feed_forward": "plain, gated",
    "activation": "relu, gelu, gelu_exact, silu",
}


def refused(match, **fields):
    with pytest.raises(ValueError, match=match):
        DecoderConfig(**{**GOOD, **fields})


@pytest.mark.parametrize("name", SIZES)
@given(value=st.integers(max_value=0) | st.floats() | st.booleans() | st.text(max_size=3))
def test_a_size_that_is_no_whole_number_above_zero_is_refused(name, value):
    refused(rf"^{name} .*: give a whole number of at least 1", **{name: value})


@pytest.mark.parametrize("name", SIZES)
def test_a_size_is_at_most_the_largest_integer_of_32_bits(name):
    refused(rf"^{name} 2147483648: give at most 2147483647$", **{name: 2**31})
    divisible = (
        {"d_head": 2, "n_heads": 2**31 - 1} if name == "n_kv_heads" else {"d_head": 2}
    )
    DecoderConfig(**GOOD | divisible | {name: 2**31 - 1})


@pytest.mark.parametrize("name", list(GOOD))
def test_a_size_without_a_default_cannot_be_left_open(name):
    refused(rf"^{name} None: give a whole number", **{name: None})


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("name", ["", "rotary2", None, 3, ["learned"], {}])
def test_a_part_of_no_known_name_is_refused_with_the_names_that_are_known(kind, name):
    refused(rf"^{kind} .* is unknown: give one of {PARTS[kind]}", **{kind: name})


@pytest.mark.parametrize(
    "dropout", [-0.1, 1, 1.0, 7, math.nan, math.inf, "0.1", None, True, False]
)
def test_a_dropout_outside_its_range_is_refused(dropout):
    refused("^dropout .*: give 0 <= dropout < 1", dropout=dropout)


@pytest.mark.parametrize("bias", [None, 0, 1, "true"])
def test_a_bias_that_is_neither_true_nor_false_is_refused(bias):
    refused("^bias .* neither true nor false", bias=bias)


@given(st.integers(1, 30), st.integers(1, 30))
def test_heads_must_divide_the_width_unless_theirs_is_given(d_model, n_heads):
    fields = {"d_model": d_model, "n_heads": n_heads}
    if d_model % n_heads:
        refused(f"n_heads {n_heads} does not divide d_model {d_model}", **fields)
    else:
        DecoderConfig(**{**GOOD, **fields})
    DecoderConfig(**{**GOOD, **fields, "d_head": 3})


@given(st.integers(1, 12), st.integers(1, 15))
def test_key_value_heads_must_divide_the_heads(n_heads, n_kv_heads):
    fields = {"d_head": 2, "n_heads": n_heads, "n_kv_heads": n_kv_heads}
    if n_heads % n_kv_heads:
        refused(f"n_kv_heads {n_kv_heads} does not divide n_heads {n_heads}", **fields)
    else:
        DecoderConfig(**{**GOOD, **fields})


@pytest.mark.parametrize("positions", ["rotary", "rotary_interleaved"])
def test_rotary_positions_need_pairs_of_features(positions):
    DecoderConfig(**{**GOOD, "n_heads": 3}, positions=positions)
    refused("d_head 3 is odd", positions=positions)  # 12 / 4
    refused("d_head 5 is odd", positions=positions, d_head=5)


def test_a_config_cannot_be_changed_and_survives_json():
    config = DecoderConfig(**GOOD, norm="rms_norm", dropout=0.1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.d_model = 3
    read = DecoderConfig(**json.loads(json.dumps(dataclasses.asdict(config))))
    assert read == config


def test_the_same_rng_builds_the_same_model():
    config = DecoderConfig(**GOOD)
    states = [
        DecoderOnly(config, rng=np.random.default_rng(5)).state_dict() for _ in range(2)
    ]
    assert all((states[0][name] == states[1][name]).all() for name in states[0])
