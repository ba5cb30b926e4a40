"""Recurrent and convolutional language models: no limit, no future, the same steps."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.generation import SamplingSettings, generate
from minillm.models import (
    ConvolutionalConfig,
    ConvolutionalLM,
    RecurrentConfig,
    RecurrentLM,
)
from minillm.training import AdamW, Constant, Flat, NextToken, Trainer, TrainerSettings
from tests.strategies import examples, rngs, scatter

CLOSE = {"rtol": 1e-10, "atol": 1e-10}
MODELS = {RecurrentConfig: RecurrentLM, ConvolutionalConfig: ConvolutionalLM}
vocabularies = st.sampled_from(["tied", "untied"])
recurrent = st.builds(
    RecurrentConfig,
    vocab_size=st.integers(2, 11),
    d_model=st.integers(3, 8),
    n_layers=st.integers(1, 3),
    cell=st.sampled_from(["rnn", "lstm", "gru"]),
    vocabulary=vocabularies,
    dropout=st.just(0.3),
)
convolutional = st.builds(
    ConvolutionalConfig,
    vocab_size=st.integers(2, 11),
    d_model=st.integers(3, 8),
    n_layers=st.integers(1, 3),
    width=st.integers(1, 3),
    dilation=st.integers(1, 2),
    vocabulary=vocabularies,
    dropout=st.just(0.3),
)
configs = recurrent | convolutional
lengths = st.integers(1, 9)
few = examples(25)


def draw_model(rng, config):
    model = MODELS[type(config)](config, rng=rng)
    return scatter(model.astype(np.float64), rng)


def draw_ids(rng, config, seq_len, batch=3):
    return rng.integers(0, config.vocab_size, (batch, seq_len))


@few
@given(rngs, configs, st.integers(2, 9), st.data())
def test_the_future_cannot_be_seen_to_the_last_bit(rng, config, seq_len, data):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    t = data.draw(st.integers(1, seq_len - 1))
    other = ids.copy()
    other[:, t] = (ids[:, t] + 1) % config.vocab_size
    logits, changed = model(ids)[0], model(other)[0]
    assert_array_equal(changed[:, :t], logits[:, :t])
    assert (np.abs(changed[:, t] - logits[:, t]).max(-1) > 0).all()


@few
@given(rngs, configs, lengths)
def test_steps_in_any_chunks_equal_one_full_pass(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    cuts = np.flatnonzero(rng.random(seq_len - 1) < 0.4) + 1
    caches = model.caches()
    stepped = [model.step(chunk, caches) for chunk in np.split(ids, cuts, 1)]
    assert_allclose(np.concatenate(stepped, 1), model(ids)[0], **CLOSE)
    assert all(len(cache) == seq_len for cache in caches)


@few
@given(rngs, configs, lengths)
def test_single_steps_equal_steps(rng, config, n):
    model, ids = draw_model(rng, config), draw_ids(rng, config, n, batch=1)
    single_step = model.single_step(model.caches())
    found = [single_step(int(token_id)) for token_id in ids[0]]
    assert_allclose(found, model(ids)[0][0], **CLOSE)


@few
@given(rngs, configs, st.integers(1, 4), st.integers(0, 20))
def test_generate_writes_what_full_passes_say_without_any_limit(
    rng, config, n_prompt, n_new
):
    model, greedy = draw_model(rng, config), SamplingSettings(temperature=0)
    context = draw_ids(rng, config, n_prompt, batch=1)[0]
    assert model.config.max_seq_len is None
    for token in generate(model, context, n_new, settings=greedy, rng=rng):
        assert token.id == model(context[None])[0][0, -1].argmax()
        context = np.append(context, token.id)
    assert len(context) == n_prompt + n_new


@few
@given(rngs, convolutional)
def test_a_convolutional_model_sees_its_receptive_field_and_no_farther(rng, config):
    model, field = draw_model(rng, config), config.receptive_field
    ids = draw_ids(rng, config, field + 2, batch=1)
    other = ids.copy()
    other[0, 1] = (other[0, 1] + 1) % config.vocab_size
    logits, changed = model(ids)[0][0], model(other)[0][0]
    assert_array_equal(logits[field + 1 :], changed[field + 1 :])


@few
@given(rngs, st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 3))
def test_the_receptive_field_is_reached_and_ends_there(rng, L, width, dilation, place):
    """1 + (width - 1)(1 + dilation + ... + dilation^(L-1)): 2^L for width 2, dilation 2.

    Every relu is held open, as a closed one would hide what lies behind it.
    """
    config = ConvolutionalConfig(5, 8, L, width=width, dilation=dilation)
    field = 1 + (width - 1) * sum(dilation**i for i in range(L))
    assert config.receptive_field == field
    model = draw_model(rng, config)
    for block in model.blocks:
        block.conv.bias.data += 100
    ids = draw_ids(rng, config, place + field + 3, batch=1)
    other = ids.copy()
    other[0, place] = (other[0, place] + 1) % 5
    differ = (model(ids)[0] != model(other)[0]).any(-1)[0]
    assert np.flatnonzero(differ).max() == place + field - 1


@few
@given(rngs, recurrent, st.integers(2, 9), st.data())
def test_chunks_that_carry_their_states_are_one_pass(rng, config, seq_len, data):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    cut = data.draw(st.integers(1, seq_len - 1))
    first, states, _ = model.chunk(ids[:, :cut], None)
    second, _, _ = model.chunk(ids[:, cut:], states)
    assert_allclose(np.concatenate((first, second), 1), model(ids)[0], **CLOSE)


@few
@given(rngs, configs)
def test_dropout_needs_draws_and_repeats_with_them(rng, config):
    model, ids = draw_model(rng, config), draw_ids(rng, config, 6)
    draws = F.Draws(seed=1, step=2, examples=range(3))
    assert_array_equal(model(ids)[0], model(ids)[0])
    assert_array_equal(model(ids, draws)[0], model(ids, draws)[0])
    assert (model(ids, draws)[0] != model(ids)[0]).any()


@few
@given(rngs, configs)
def test_no_two_places_drop_by_the_same_numbers(rng, config):
    """One after the embedding, and one in each layer."""
    sites = []

    class Watched(F.Draws):
        def random(self, size, dtype=np.float32):
            sites.append(self.site)
            return super().random(size, dtype)

    model, ids = draw_model(rng, config), draw_ids(rng, config, 4)
    model(ids, Watched(seed=1, step=2, examples=range(3)))
    assert len(sites) == len(set(sites)) == 1 + config.n_layers


@pytest.mark.parametrize(
    "config",
    [
        RecurrentConfig(6, 24, 1, cell="rnn"),
        RecurrentConfig(6, 24, 1, cell="lstm"),
        RecurrentConfig(6, 24, 1, cell="gru"),
        ConvolutionalConfig(6, 24, 2),
    ],
    ids=["rnn", "lstm", "gru", "convolution"],
)
def test_the_trainer_teaches_it_to_count_to_six(config):
    """0 1 2 3 4 5 0 1 ...: from the loss of a guess, ln 6 = 1.79, to certainty."""
    model = MODELS[type(config)](config, rng=np.random.default_rng(0))
    ids = (np.arange(9) + np.arange(8)[:, None]) % 6
    trainer = Trainer(
        model,
        NextToken(),
        lambda step: (ids[:, :-1], ids[:, 1:]),
        AdamW(Flat(model)),
        Constant(1e-2),
        TrainerSettings(steps=60, threads=2),
    )
    trainer.run()
    assert trainer.train_step() < 0.1


GOOD = {
    RecurrentConfig: {"vocab_size": 7, "d_model": 4, "n_layers": 2},
    ConvolutionalConfig: {"vocab_size": 7, "d_model": 4, "n_layers": 2},
}
kinds = pytest.mark.parametrize("kind", GOOD)


def refused(kind, match, **fields):
    with pytest.raises(ValueError, match=match):
        kind(**{**GOOD[kind], **fields})


@kinds
@pytest.mark.parametrize("value", [0, -1, 1.0, True, "2", None])
def test_a_size_that_is_no_whole_number_above_zero_is_refused(kind, value):
    names = [*GOOD[kind]] + (["width", "dilation"] if kind is ConvolutionalConfig else [])
    for name in names:
        refused(kind, f"^{name} .*: give a whole number of at least 1", **{name: value})


@kinds
@pytest.mark.parametrize("dropout", [-0.1, 1, 7, math.nan, "0.1", None])
def test_a_dropout_outside_its_range_is_refused(kind, dropout):
    refused(kind, "^dropout .*: give 0 <= dropout < 1", dropout=dropout)


@kinds
def test_an_unknown_vocabulary_is_refused(kind):
    refused(kind, "^vocabulary 'shared' is unknown: give one of", vocabulary="shared")


@pytest.mark.parametrize("cell", ["", "LSTM", "elman", None, 3, ["gru"]])
def test_an_unknown_cell_is_refused_with_the_cells_that_are_known(cell):
    refused(RecurrentConfig, "^cell .* is unknown: give one of rnn, lstm, gru", cell=cell)


@kinds
def test_a_config_cannot_be_changed_and_survives_json(kind):
    config = kind(**GOOD[kind], dropout=0.1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.d_model = 3
    assert kind(**json.loads(json.dumps(dataclasses.asdict(config)))) == config


@kinds
def test_ids_out_of_range_or_of_the_wrong_form_are_refused(kind):
    model = MODELS[kind](kind(**GOOD[kind]), rng=np.random.default_rng(0))
    for wrong in (7, -1):
        with pytest.raises(ValueError, match=f"token id {wrong} is out of range"):
            model(np.array([[0, wrong]]))
        with pytest.raises(ValueError, match=f"token id {wrong} is out of range"):
            model.step(np.array([[wrong]]), model.caches())
    for shape in ((3,), (2, 0)):
        with pytest.raises(ValueError, match=r"give \(batch, seq_len\), at least one"):
            model(np.zeros(shape, np.int64))
        with pytest.raises(ValueError, match=r"give \(batch, seq_len\), at least one"):
            model.step(np.zeros(shape, np.int64), model.caches())


@pytest.mark.parametrize("n_states", [0, 1, 3])
def test_each_layer_wants_its_state(n_states):
    model = RecurrentLM(RecurrentConfig(7, 4, 2, "rnn"), rng=np.random.default_rng(0))
    states = [np.zeros((2, 4), np.float32)] * n_states
    with pytest.raises(ValueError, match=f"{n_states} states: give 2, one for each layer"):
        model.chunk(np.zeros((2, 3), int), states)
