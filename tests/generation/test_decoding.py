"""Generation reads through the cache, and says exactly what full passes would say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.generation import SamplingSettings, generate
from minillm.models import DecoderConfig, DecoderOnly
from tests.strategies import rngs, scatter

CLOSE = {"rtol": 1e-10, "atol": 1e-10}
VOCAB_SIZE, MAX_SEQ_LEN = 11, 6
configs = st.builds(
    DecoderConfig,
    vocab_size=st.just(VOCAB_SIZE),
    max_seq_len=st.just(MAX_SEQ_LEN),
    d_model=st.just(8),
    n_layers=st.integers(1, 2),
    n_heads=st.just(2),
    n_kv_heads=st.sampled_from([None, 1]),
    positions=st.sampled_from(["learned", "sinusoidal"]),
    block=st.sampled_from(["pre_norm", "post_norm"]),
)
some_settings = st.builds(
    SamplingSettings,
    temperature=st.sampled_from([0.0, 0.7, 1.0, 1.5]),
    top_k=st.sampled_from([None, 1, 4]),
    top_p=st.sampled_from([None, 0.5, 1.0]),
    min_p=st.sampled_from([None, 0.1]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
)
prompts = st.lists(st.integers(0, VOCAB_SIZE - 1), min_size=1, max_size=MAX_SEQ_LEN)
long_prompts = st.lists(st.integers(0, VOCAB_SIZE - 1), min_size=1, max_size=10)
seeds = st.integers(0, 2**32)


def draw_model(rng, config):
    return scatter(DecoderOnly(config, rng=rng), rng).astype(np.float64)


MODEL = draw_model(
    np.random.default_rng(0), DecoderConfig(VOCAB_SIZE, MAX_SEQ_LEN, 8, 1, 2)
)


def last_logits(model, ids):
    return model(np.array([ids]))[0][0, -1]


def ids_of(tokens):
    return [token.id for token in tokens]


@given(rngs, configs, some_settings, prompts, st.data())
def test_every_token_comes_with_the_distribution_of_a_full_pass(
    rng, config, settings, prompt, data
):
    model = draw_model(rng, config)
    n_new = data.draw(st.integers(0, MAX_SEQ_LEN - len(prompt) + 1))
    context, n_seen = list(prompt), 0
    for token in generate(model, np.array(prompt), n_new, settings=settings, rng=rng):
        logits = last_logits(model, context)
        expected = settings.distribution(logits, np.array(context))
        assert token.probabilities.dtype == np.float64
        assert_allclose(token.probabilities, expected, **CLOSE)
        assert token.probabilities[token.id] > 0
        context.append(token.id)
        n_seen += 1
    assert n_seen == n_new


@given(rngs, configs, prompts)
def test_greedy_is_the_argmax_of_full_passes(rng, config, prompt):
    model = draw_model(rng, config)
    n_new = MAX_SEQ_LEN - len(prompt) + 1  # the last token is never read
    context = list(prompt)
    for _ in range(n_new):
        context.append(int(last_logits(model, context).argmax()))
    greedy = SamplingSettings(temperature=0)
    tokens = generate(model, np.array(prompt), n_new, settings=greedy, rng=rng)
    assert [*prompt, *ids_of(tokens)] == context


def what_is_read(prompt, new, window):
    """The ids that the next token is chosen by, as the documentation has it.

    Whenever the context is full, the last `window` ids are read again, from position 0
    on, and what came before is forgotten.
    """
    read = prompt if len(prompt) <= MAX_SEQ_LEN else prompt[-window:]
    for token in new:
        read = [*read, token]
        if len(read) > MAX_SEQ_LEN:
            read = read[-window:]
    return read


@given(rngs, configs, long_prompts, st.integers(1, MAX_SEQ_LEN - 1))
def test_a_window_slides_exactly_as_it_is_documented(rng, config, prompt, window):
    model, new, lengths = draw_model(rng, config), [], []
    for token in generate(model, np.array(prompt), 15, window=window, rng=rng):
        read = what_is_read(prompt, new, window)
        lengths.append(len(read))
        expected = SamplingSettings().distribution(last_logits(model, read), np.array(read))
        assert_allclose(token.probabilities, expected, **CLOSE)
        new.append(token.id)
    assert len(new) == 15
    assert max(lengths) <= MAX_SEQ_LEN and window in lengths


@given(prompts, st.integers(1, MAX_SEQ_LEN - 1), seeds)
def test_a_window_that_is_not_needed_changes_nothing(prompt, window, seed):
    n_new = MAX_SEQ_LEN - len(prompt) + 1
    texts = [
        ids_of(
            generate(
                MODEL, np.array(prompt), n_new, window=w, rng=np.random.default_rng(seed)
            )
        )
        for w in (None, window)
    ]
    assert texts[0] == texts[1]


@given(prompts, seeds)
def test_a_seed_repeats_and_a_shorter_text_is_the_beginning_of_a_longer(prompt, seed):
    def write(n_new):
        rng = np.random.default_rng(seed)
        return ids_of(generate(MODEL, np.array(prompt), n_new, window=3, rng=rng))

    assert write(12) == write(12)
    assert write(12)[:7] == write(7)


@given(prompts, seeds, st.integers(0, VOCAB_SIZE - 1))
def test_a_text_ends_after_the_token_at_which_stop_is_true(prompt, seed, last):
    def write(stop):
        rng = np.random.default_rng(seed)
        return ids_of(generate(MODEL, np.array(prompt), 12, stop=stop, window=3, rng=rng))

    seen = []

    def stop(new_ids):
        seen.append(list(new_ids))
        new_ids.append(99)  # a list of its own: nothing that is done to it is felt
        return new_ids[-2] == last

    whole, stopped = write(None), write(stop)
    n = whole.index(last) + 1 if last in whole else 12
    assert stopped == whole[:n]
    assert seen == [whole[: i + 1] for i in range(n)]


class Counted:
    """A model that notes what it was asked to read."""

    def __init__(self, model):
        self.model, self.config, self.read = model, model.config, []

    def caches(self):
        return self.model.caches()

    def step(self, ids, caches):
        self.read.append(ids.shape)
        return self.model.step(ids, caches)

    def single_step(self, caches):
        inner = self.model.single_step(caches)

        def step(token_id):
            self.read.append("one token")
            return inner(token_id)

        return step


def test_tokens_stream_and_each_is_read_once():
    counted = Counted(MODEL)
    stream = generate(counted, np.array([1, 2, 3]), 3, rng=np.random.default_rng(0))
    assert counted.read == []
    next(stream)
    assert counted.read == [(1, 3)]
    list(stream)
    assert counted.read == [(1, 3), "one token", "one token"]


def test_whenever_the_context_is_full_the_window_is_read_again_at_once():
    counted = Counted(MODEL)
    prompt, rng = np.arange(MAX_SEQ_LEN), np.random.default_rng(0)
    list(generate(counted, prompt, 5, window=4, rng=rng))
    assert counted.read == [(1, 6), (1, 4), "one token", "one token", (1, 4)]
    counted.read.clear()
    list(generate(counted, prompt, 3, window=1, rng=rng))
    assert counted.read == [(1, 6), (1, 1), "one token"]


def test_no_new_tokens_are_no_work():
    counted = Counted(MODEL)
    assert list(generate(counted, np.array([1]), 0, rng=np.random.default_rng(0))) == []
    assert counted.read == []


def test_a_context_may_be_filled_to_the_last_place():
    prompt = np.arange(MAX_SEQ_LEN)
    tokens = generate(MODEL, prompt, 1, rng=np.random.default_rng(0))
    assert len(list(tokens)) == 1


@pytest.mark.parametrize(
    ("ids", "more", "message"),
    [
        ([], {}, "the prompt is empty"),
        (np.zeros((1, 0), int), {}, "the prompt is empty"),
        ([0, VOCAB_SIZE], {}, "token id 11 is out of range: 0 to 10"),
        ([-1], {}, "token id -1 is out of range: 0 to 10"),
        ([1.5], {}, r"ids float64 \(1,\): give integers"),
        ([True], {}, r"ids bool \(1,\): give integers"),
        (["a"], {}, "give integers"),
        ([[1, 2]], {}, r"ids int64 \(1, 2\): give integers \(n,\)"),
        (3, {}, r"ids int64 \(\): give integers"),
        ([1], {"max_new_tokens": -1}, "max_new_tokens -1 must be at least 0"),
        ([1], {"window": 0}, "window 0: give 1 to 5"),
        ([1], {"window": MAX_SEQ_LEN}, "window 6: give 1 to 5"),
        ([1] * 7, {"max_new_tokens": 0}, "a prompt of 7 tokens .* max_seq_len 6"),
        ([1] * 6, {"max_new_tokens": 2}, "6 tokens and 2 new ones exceed max_seq_len 6"),
        ([1], {"max_new_tokens": 7}, "give a sliding window"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(ids, more, message):
    counted = Counted(MODEL)
    arguments = {"max_new_tokens": 2} | more
    with pytest.raises(ValueError, match=message):
        generate(counted, ids, rng=np.random.default_rng(0), **arguments)
    assert counted.read == []


def test_the_prompt_is_not_touched():
    prompt = np.array([1, 2])
    prompt.flags.writeable = False
    stream = generate(MODEL, prompt, 3, window=2, rng=np.random.default_rng(0))
    assert len(list(stream)) == 3
    assert_array_equal(prompt, [1, 2])
