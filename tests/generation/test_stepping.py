"""Whatever writes: steps through its caches say what full passes say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minillm import functional as F
from minillm.device import to_device
from minillm.generation import SamplingSettings, beam_search, generate, greedy_batch
from tests.device.strict_backend import DeviceArray
from tests.generation.steppers import FAMILIES, MAX_SEQ_LEN, VOCAB_SIZE
from tests.strategies import examples, rngs

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
END = 2
every_family = pytest.mark.parametrize("make", FAMILIES.values(), ids=FAMILIES)
a_few = examples(8)
first_steps = st.integers(1, 4)


def draw_ids(rng, batch, n):
    return rng.integers(0, VOCAB_SIZE, (batch, n))


@every_family
@a_few
@given(rng=rngs, batch=st.integers(1, 4), n_first=first_steps, data=st.data())
def test_steps_in_any_pieces_are_one_full_pass(make, rng, batch, n_first, data):
    family = make(rng, batch)
    ids = draw_ids(rng, batch, MAX_SEQ_LEN)
    cuts = data.draw(st.sets(st.integers(n_first + 1, MAX_SEQ_LEN - 1)))
    caches = family.stepper.caches()
    pieces = np.split(ids, [n_first, *sorted(cuts)], axis=1)
    logits = [family.stepper.step(piece, caches) for piece in pieces]
    expected = family.full(range(batch), ids, n_first)
    assert_allclose(np.concatenate(logits, axis=1), expected, **CLOSE)
    assert len(caches[0]) == MAX_SEQ_LEN


@every_family
@a_few
@given(rng=rngs, batch=st.integers(1, 4), n_first=first_steps, data=st.data())
def test_texts_go_on_after_rows_were_dropped_doubled_and_moved(
    make, rng, batch, n_first, data
):
    """Twice, as beam search does after every token; each row keeps its own source."""
    family = make(rng, batch)
    ids, caches = draw_ids(rng, batch, n_first), family.stepper.caches()
    kept, unread = np.arange(batch), ids
    for _ in range(2):
        family.stepper.step(unread, caches)
        chosen = st.lists(st.integers(0, len(kept) - 1), min_size=1, max_size=4)
        rows = np.array(data.draw(chosen))
        for cache in caches:
            cache.select(rows)
        kept, unread = kept[rows], draw_ids(rng, len(rows), 1)
        ids = np.column_stack([ids[rows], unread])
    logits = family.stepper.step(unread, caches)
    expected = family.full(kept, ids, n_first)
    assert_allclose(logits, expected[:, -1:], **CLOSE)


@every_family
@a_few
@given(rng=rngs, n_first=first_steps, t=st.sampled_from([0.0, 0.8]))
def test_generate_draws_each_token_from_a_full_pass(make, rng, n_first, t):
    family = make(rng, 1)
    text = draw_ids(rng, 1, n_first)[0].tolist()
    chosen = SamplingSettings(temperature=t)
    for token in generate(family.alone(0), np.array(text), 4, settings=chosen, rng=rng):
        logits = family.full([0], np.array([text]), n_first)[0, -1]
        expected = chosen.distribution(logits, np.array(text))
        assert_allclose(token.probabilities, expected, **CLOSE)
        text.append(token.id)
    assert len(text) == n_first + 4


@every_family
@a_few
@given(rng=rngs, batch=st.integers(1, 5), n_first=first_steps)
def test_a_batch_writes_what_each_text_alone_would_be(make, rng, batch, n_first):
    """Texts end one after the other; those that go on are not disturbed."""
    family = make(rng, batch)
    ids, n_new = draw_ids(rng, batch, n_first), MAX_SEQ_LEN - n_first + 1
    together = greedy_batch(family.stepper, ids, end_id=END, max_new_tokens=n_new)
    for row, written in enumerate(together):
        tokens = generate(
            family.alone(row),
            ids[row],
            n_new,
            settings=SamplingSettings(temperature=0),
            stop=lambda new_ids: new_ids[-1] == END,
            rng=rng,
        )
        assert written == [token.id for token in tokens]


@every_family
@a_few
@given(rng=rngs, n_first=first_steps, width=st.integers(1, 5))
def test_beam_search_weighs_its_texts_by_full_passes(make, rng, n_first, width):
    family = make(rng, 1)
    (prompt,) = draw_ids(rng, 1, n_first)
    found = beam_search(family.alone(0), prompt, width=width, max_new_tokens=4, end_id=END)
    assert len(found) == width
    for y in found:
        ids = np.array([[*prompt, *y.ids]])
        log_p, _ = F.log_softmax(family.full([0], ids[:, :-1], n_first)[0, n_first - 1 :])
        assert_allclose(y.log_probability, sum(log_p[range(len(y.ids)), y.ids]), **CLOSE)


@every_family
def test_a_device_writes_the_same(make):
    """On the strict stand-in for CuPy; ids come and go on the host."""
    family, ids = make(np.random.default_rng(0), 1), np.array([[1, 3]])

    def write():
        model, limits = family.alone(0), {"end_id": END, "max_new_tokens": 5}
        beta = 0.2 if hasattr(model, "step_with_attention") else 0.0
        tokens = generate(model, ids[0], 5, rng=np.random.default_rng(1))
        return (
            beam_search(model, ids[0], width=3, coverage_penalty=beta, **limits),
            greedy_batch(model, ids, **limits),
            [token.id for token in tokens],
        )

    on_host = write()
    to_device(family.model, DeviceArray)
    assert write() == on_host


@pytest.mark.parametrize("name", ["lstm", "convolution"])
def test_what_knows_no_limit_writes_on_and_needs_no_window(name):
    rng = np.random.default_rng(0)
    model = FAMILIES[name](rng, 1).stepper
    for window in None, 3:
        tokens = generate(model, np.array([1]), 40, window=window, rng=rng)
        assert len(list(tokens)) == 40
    assert len(greedy_batch(model, np.array([[1]]), end_id=END, max_new_tokens=40)) == 1
