"""Beam search against every text that there is, scored one by one."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minillm import functional as F
from minillm.generation import (
    SamplingSettings,
    beam_search,
    coverage_penalty,
    generate,
    length_penalty,
)
from minillm.models import DecoderConfig, DecoderOnly
from tests.strategies import rngs, scatter

penalties = st.sampled_from([0.0, 0.2, 0.6, 1.0, 2.5])
seeds = st.integers(0, 2**32)
vocab_sizes = st.integers(2, 4)
lengths = st.integers(1, 4)
widths = st.integers(1, 6)


@dataclass
class Config:
    vocab_size: int
    max_seq_len: int | None = None


@dataclass
class ReadSoFar:
    """The cache of a table: for each row of the batch, the ids that it has read."""

    texts: list[tuple[int, ...]] | None = None

    def __len__(self):
        return len(self.texts[0]) if self.texts else 0

    def select(self, rows):
        self.texts = [self.texts[row] for row in rows]


@dataclass
class Table:
    """A model that is a table: logits for every prefix, which depend on all of it.

    Coarse logits make ties.
    """

    seed: int
    config: Config
    coarse: bool = False
    batches: list[int] = field(default_factory=list)

    def caches(self):
        return [ReadSoFar()]

    def logits(self, prefix):
        rng = np.random.default_rng([self.seed, *prefix])
        if self.coarse:
            others = self.config.vocab_size - 1
            drawn = rng.choice([0.0, 1.0, -np.inf], p=[0.5, 0.3, 0.2], size=others)
            return [*drawn.tolist(), 0.0]
        return (2 * rng.normal(size=self.config.vocab_size)).tolist()

    def step(self, ids, caches):
        return np.array([[self.logits(p) for p in row] for row in self.read(ids, caches)])

    def read(self, ids, caches):
        """For each row of the batch, the prefixes that end at its new positions."""
        (cache,) = caches
        cache.texts = cache.texts or [()] * len(ids)
        assert len(cache.texts) == len(ids)
        self.batches.append(len(ids))
        rows = [
            [(*text, *new[: i + 1]) for i in range(len(new))]
            for text, new in zip(cache.texts, ids.tolist(), strict=True)
        ]
        cache.texts = [prefixes[-1] for prefixes in rows]
        return rows


@dataclass
class Attentive(Table):
    """A table that also says how the word that comes next looks at the source."""

    n_source: int = 3
    source_mask: np.ndarray | None = None

    def weights(self, prefix):
        z = np.random.default_rng([self.seed, 99, *prefix]).normal(size=self.n_source)
        return F.softmax(np.where(self.real(), 2 * z, -np.inf))[0]

    def real(self):
        return (
            np.ones(self.n_source, bool)
            if self.source_mask is None
            else self.source_mask[0]
        )

    def step_with_attention(self, ids, caches):
        rows = self.read(ids, caches)
        logits = np.array([[self.logits(p) for p in row] for row in rows])
        return logits, np.array([[self.weights(p) for p in row] for row in rows])


def every_text(model, prompt, max_new_tokens, end_id, alpha=0.0, beta=0.0):
    """(score, log P, ids) of each complete text by the formula, the best first."""
    found = []

    def write(ids, log_p, covered):
        if (ids and ids[-1] == end_id) or len(ids) == max_new_tokens:
            lp = (5 + len(ids)) ** alpha / (5 + 1) ** alpha
            cp = beta * sum(math.log(min(c, 1)) for c in covered[model.real()])
            found.append((log_p / lp + cp, log_p, ids))
            return
        next_log_p, _ = F.log_softmax(np.array(model.logits((*prompt, *ids))))
        looks = model.weights((*prompt, *ids))
        for token in range(model.config.vocab_size):
            if next_log_p[token] > -np.inf:
                write((*ids, token), log_p + float(next_log_p[token]), covered + looks)

    write((), 0.0, np.zeros(model.n_source))
    return sorted(found, key=lambda text: (-text[0], text[2]))


def assert_the_best(hypotheses, texts, width):
    """The first `width` of all texts; those that tie to rounding in any order."""
    assert len(hypotheses) == min(width, len(texts))
    assert len({y.ids for y in hypotheses}) == len(hypotheses)
    by_ids = {ids: (score, log_p) for score, log_p, ids in texts}
    for y, (score, _, _) in zip(hypotheses, texts, strict=False):
        assert_allclose(y.score, score, rtol=1e-12)
        assert_allclose((y.score, y.log_probability), by_ids[y.ids], rtol=1e-12)


# --- nothing discarded: exhaustive search


@given(seeds, vocab_sizes, lengths, st.booleans(), penalties, penalties, st.data())
def test_a_width_that_covers_all_prefixes_is_exhaustive_search(
    seed, vocab_size, n_new, coarse, alpha, beta, data
):
    """Penalties and ties included; the source has padding in front, inside, behind."""
    end_id = data.draw(st.integers(0, vocab_size - 1))
    masks = st.sampled_from([np.array([[False, True, False, True, False]]), None])
    mask = data.draw(masks)
    model = Attentive(seed, Config(vocab_size), coarse, n_source=5, source_mask=mask)
    texts = every_text(model, (0, 1), n_new, end_id, alpha, beta)
    width = vocab_size * (vocab_size - 1) ** (n_new - 1)
    hypotheses = beam_search(
        model,
        np.array([0, 1]),
        width=width,
        max_new_tokens=n_new,
        end_id=end_id,
        length_penalty=alpha,
        coverage_penalty=beta,
    )
    assert_the_best(hypotheses, texts, width)
    if alpha == beta == 0:  # then texts tie exactly
        assert [y.ids for y in hypotheses] == [ids for _, _, ids in texts[:width]]
    assert max(model.batches) <= (vocab_size - 1) ** (n_new - 1)


@given(seeds, vocab_sizes, lengths)
def test_all_complete_texts_together_are_certain(seed, vocab_size, n_new):
    """Each text either ends or is cut off: a width for all of them finds probability 1."""
    hypotheses = beam_search(
        Table(seed, Config(vocab_size)),
        np.array([0]),
        width=vocab_size**n_new,
        max_new_tokens=n_new,
        end_id=1,
    )
    assert len({y.ids for y in hypotheses}) == len(hypotheses)
    assert_allclose(sum(math.exp(y.log_probability) for y in hypotheses), 1, rtol=1e-12)


# --- any width


def beam_by_its_definition(model, prompt, width, max_new_tokens, end_id, alpha, beta):
    """Sutskever's search on sets of texts, to the last token and without caches."""
    texts = {
        ids: (s, p)
        for s, p, ids in every_text(model, prompt, max_new_tokens, end_id, alpha, beta)
    }
    live, complete = {(): 0.0}, []
    for n in range(1, max_new_tokens + 1):
        candidates = {}
        for ids, log_p in live.items():
            next_log_p, _ = F.log_softmax(np.array(model.logits((*prompt, *ids))))
            for token, q in enumerate(next_log_p.tolist()):
                candidates[*ids, token] = log_p + q
        order = sorted(candidates, key=lambda ids: (-candidates[ids], ids))
        live = {ids: candidates[ids] for ids in order[:width] if candidates[ids] > -np.inf}
        complete += [ids for ids in live if ids[-1] == end_id or n == max_new_tokens]
        live = {ids: p for ids, p in live.items() if ids[-1] != end_id}
    found = [(*texts[ids], ids) for ids in complete]
    return sorted(found, key=lambda text: (-text[0], text[2]))


long_enough_to_end_early = st.integers(3, 6)


@given(
    seeds,
    st.integers(2, 3),
    long_enough_to_end_early,
    st.integers(1, 4),
    st.booleans(),
    penalties,
    penalties,
)
def test_ending_early_loses_nothing(seed, vocab_size, n_new, width, coarse, alpha, beta):
    model = Attentive(seed, Config(vocab_size), coarse)
    expected = beam_by_its_definition(model, (1,), width, n_new, 0, alpha, beta)
    hypotheses = beam_search(
        model,
        np.array([1]),
        width=width,
        max_new_tokens=n_new,
        end_id=0,
        length_penalty=alpha,
        coverage_penalty=beta,
    )
    assert_the_best(hypotheses, expected, width)
    assert max(model.batches) <= width


@given(seeds, widths, penalties, penalties)
def test_the_best_comes_first_and_no_more_than_width(seed, width, alpha, beta):
    hypotheses = beam_search(
        Attentive(seed, Config(4)),
        np.array([2]),
        width=width,
        max_new_tokens=4,
        end_id=3,
        length_penalty=alpha,
        coverage_penalty=beta,
    )
    scores = [y.score for y in hypotheses]
    assert 1 <= len(scores) <= width
    assert scores == sorted(scores, reverse=True)
    assert all(y.ids[-1] == 3 or len(y.ids) == 4 for y in hypotheses)
    assert all(3 not in y.ids[:-1] for y in hypotheses)


@given(seeds, st.integers(1, 4), lengths, st.booleans(), penalties, penalties)
def test_width_1_is_greedy_whatever_the_penalties(
    seed, vocab_size, n_new, coarse, alpha, beta
):
    """Texts compete while they are equally long, and the one that ends leaves none."""
    model = Attentive(seed, Config(vocab_size), coarse)
    expected = []
    while len(expected) < n_new and 0 not in expected:
        expected.append(int(np.argmax(model.logits((0, *expected)))))
    (found,) = beam_search(
        model,
        np.array([0]),
        width=1,
        max_new_tokens=n_new,
        end_id=0,
        length_penalty=alpha,
        coverage_penalty=beta,
    )
    assert found.ids == tuple(expected)


# --- a decoder


SIZES = DecoderConfig(vocab_size=7, max_seq_len=6, d_model=8, n_layers=2, n_heads=2)


def decoder(rng):
    return scatter(DecoderOnly(SIZES, rng=rng), rng).astype(np.float64)


@given(rngs, st.lists(st.integers(0, 6), min_size=1, max_size=3))
def test_width_1_is_what_generate_writes_at_temperature_0(rng, prompt):
    model = decoder(rng)
    tokens = generate(
        model,
        np.array(prompt),
        4,
        settings=SamplingSettings(temperature=0),
        stop=lambda new_ids: new_ids[-1] == 2,
        rng=rng,
    )
    (found,) = beam_search(model, np.array(prompt), width=1, max_new_tokens=4, end_id=2)
    assert found.ids == tuple(token.id for token in tokens)


@given(rngs, st.lists(st.integers(0, 6), min_size=1, max_size=3), widths)
def test_log_probability_is_that_of_a_full_pass(rng, prompt, width):
    model = decoder(rng)
    for y in beam_search(model, np.array(prompt), width=width, max_new_tokens=4, end_id=2):
        logits, _ = model(np.array([[*prompt, *y.ids[:-1]]]))
        log_p, _ = F.log_softmax(logits[0, len(prompt) - 1 :])
        expected = sum(log_p[i, token] for i, token in enumerate(y.ids))
        assert_allclose(y.log_probability, expected, rtol=1e-10)
        assert y.score == y.log_probability


def test_a_decoder_is_searched_exhaustively():
    model = decoder(np.random.default_rng(1))
    found = beam_search(model, np.array([3]), width=7**3, max_new_tokens=3, end_id=2)
    assert len(found) == 1 + 6 + 36 * 7  # that end after 1 and 2 tokens, and of 3
    assert_allclose(sum(math.exp(y.log_probability) for y in found), 1, rtol=1e-10)


# --- examples


@dataclass
class Probabilities(Table):
    """p(next | prefix), written down; the prompt is left out of the prefix."""

    table: dict[tuple[int, ...], list[float]] = field(default_factory=dict)

    def logits(self, prefix):
        with np.errstate(divide="ignore"):
            return np.log(self.table[prefix[1:]]).tolist()


END = 2
GARDEN_PATH = {
    (): [0.6, 0.4, 0.0],
    (0,): [0.35, 0.35, 0.3],
    (0, 0): [0.0, 0.0, 1.0],
    (0, 1): [0.0, 0.0, 1.0],
    (1,): [0.05, 0.05, 0.9],
    (1, 0): [0.0, 0.0, 1.0],
    (1, 1): [0.0, 0.0, 1.0],
}


def search(table, **more):
    model = Probabilities(0, Config(3), table=table)
    return beam_search(
        model, np.array([0]), **{"width": 2, "max_new_tokens": 3, "end_id": END} | more
    )


def test_two_texts_alive_find_what_greedy_walks_past():
    """0.6 x 0.35 x 1 = 0.21 against 0.4 x 0.9 = 0.36."""
    (greedy,) = search(GARDEN_PATH, width=1)
    best, second = search(GARDEN_PATH)
    assert greedy.ids == second.ids == (0, 0, END)
    assert best.ids == (1, END)
    assert_allclose([math.exp(y.log_probability) for y in (best, second)], [0.36, 0.21])


def test_a_wider_beam_can_find_less():
    """0.5 x 0.4 x 1 = 0.2 is found alone; 0.45 x 0.5 = 0.225, twice, pushes it out."""
    table = {
        (): [0.5, 0.45, 0.05],
        (0,): [0.4, 0.3, 0.3],
        (1,): [0.5, 0.5, 0.0],
        (0, 0): [0.0, 0.0, 1.0],
        (1, 0): [0.3, 0.3, 0.4],
        (1, 1): [0.3, 0.3, 0.4],
    }
    (alone,), (best, _) = search(table, width=1), search(table, width=2)
    assert alone.ids == (0, 0, END) and best.ids == (1, 0, END)
    assert_allclose(math.exp(alone.log_probability), 0.2)
    assert_allclose(math.exp(best.log_probability), 0.45 * 0.5 * 0.4)


def test_a_length_penalty_prefers_the_longer_of_two_texts():
    """log 0.3 = -1.204 against log 0.28 = -1.273, which 7 / 6 and 6 / 6 turn round."""
    table = {(): [0.7, 0.0, 0.3], (0,): [0.6, 0.0, 0.4]}
    table |= {(0, 0): [0.0, 0.0, 1.0]}
    sums = search(table, width=3, max_new_tokens=2)
    assert [y.ids for y in sums] == [(0, 0), (END,), (0, END)]
    means = search(table, width=3, max_new_tokens=2, length_penalty=1.0)
    assert [y.ids for y in means] == [(0, 0), (0, END), (END,)]
    expected = [math.log(0.42) * 6 / 7, math.log(0.28) * 6 / 7, math.log(0.3)]
    assert_allclose([y.score for y in means], expected)


def test_of_texts_that_tie_the_lower_ids_come_first():
    """Four equals after two tokens; and of the beginnings the lower two go on."""
    half = [0.5, 0.5, 0.0]
    table = {(): half, (0,): half, (1,): half}
    found = search(table, width=4, max_new_tokens=2)
    assert [y.ids for y in found] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [y.ids for y in search(table, max_new_tokens=2)] == [(0, 0), (0, 1)]


def test_ties_between_beginnings_of_unlike_rank_go_to_the_lower_ids():
    """(0, 0) and (1, 0) tie, though (1,) was more probable than (0,)."""
    table = {(): [0.25, 0.5, 0.25], (0,): [1.0, 0.0, 0.0], (1,): [0.5, 0.25, 0.25]}
    found = search(table, width=3, max_new_tokens=2)
    assert [y.ids for y in found] == [(0, 0), (1, 0), (END,)]


def test_the_search_ends_when_nothing_live_can_enter_the_answer():
    """(0, 0) lives at 0.06, below 0.6 and 0.18, and 9 more tokens could follow."""
    table = {(): [0.3, 0.1, 0.6], (0,): [0.2, 0.2, 0.6]}
    model = Probabilities(0, Config(3), table=table)
    found = beam_search(model, np.array([0]), width=2, max_new_tokens=11, end_id=END)
    assert [y.ids for y in found] == [(END,), (0, END)]
    assert model.batches == [1, 1]


def test_the_most_probable_of_those_alive_decides_whether_the_search_goes_on():
    """After three tokens 0.684 and 0.036 live beside 0.2 and 0.08, and 0.684 will enter."""
    table = {
        (): [0.8, 0.0, 0.2],
        (0,): [0.9, 0.0, 0.1],
        (0, 0): [0.95, 0.05, 0.0],
        (0, 0, 0): [0.0, 0.0, 1.0],
        (0, 0, 1): [0.0, 0.0, 1.0],
    }
    assert [y.ids for y in search(table, max_new_tokens=4)] == [(0, 0, 0, END), (END,)]


def test_the_search_goes_on_while_what_lives_may_still_tie():
    """(0, 0) lives at 0.25, where (0, END) was completed; (0, 0, 0) ties, of lower ids."""
    table = {(): [0.5, 0.0, 0.5], (0,): [0.5, 0.0, 0.5], (0, 0): [1.0, 0.0, 0.0]}
    assert [y.ids for y in search(table)] == [(END,), (0, 0, 0)]


def test_a_text_of_probability_0_is_none():
    assert len(search({(): [0.0, 0.0, 1.0]}, width=9)) == 1


# --- the two penalties, by the paper's formula


def test_length_penalty_at_its_corners():
    assert [length_penalty(n, 0.0) for n in (1, 2, 50)] == [1, 1, 1]
    assert length_penalty(1, 0.7) == 1
    assert_allclose(length_penalty(7, 1.0), 2)  # 12 / 6
    assert_allclose(length_penalty(19, 0.5), 2)  # (24 / 6)^(1/2)
    assert_allclose(length_penalty(10, 0.2), 15**0.2 / 6**0.2)
    with np.errstate(over="raise"):  # and no warning
        assert length_penalty(10, 1e9) == math.inf


def test_coverage_penalty_at_its_corners():
    assert coverage_penalty(np.array([1.0, 2.5]), 0.4) == 0  # more than once is once
    assert_allclose(
        coverage_penalty(np.array([0.5, 3.0, 0.25]), 0.2), 0.2 * math.log(0.125)
    )
    with np.errstate(divide="raise"):  # no warning
        assert coverage_penalty(np.array([0.0, 1.0]), 0.2) == -math.inf
    assert coverage_penalty(np.array([0.0, 1.0]), 0.0) == 0
    assert coverage_penalty(np.zeros(0), 0.2) == 0


# --- what is refused


class Blind(Table):
    """A model without a source, which must not be asked."""

    def step(self, ids, caches):
        raise AssertionError("work was done")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"width": 0}, "width must be a whole number >= 1, not 0"),
        ({"width": 1.5}, "width must be a whole number >= 1, not 1.5"),
        ({"width": True}, "width must be a whole number >= 1, not True"),
        ({"max_new_tokens": 0}, "max_new_tokens must be a whole number >= 1, not 0"),
        ({"end_id": 3}, "end_id must be a token id from 0 to 2, not 3"),
        ({"end_id": -1}, "end_id must be a token id from 0 to 2, not -1"),
        ({"end_id": None}, "end_id must be a token id from 0 to 2, not None"),
        ({"length_penalty": -0.1}, "length_penalty must be a finite number >= 0"),
        ({"length_penalty": math.nan}, "length_penalty must be a finite number >= 0"),
        ({"coverage_penalty": math.inf}, "coverage_penalty must be a finite number >= 0"),
        ({"coverage_penalty": -1}, "coverage_penalty must be a finite number >= 0"),
        ({"length_penalty": True}, "length_penalty must be .* >= 0, not True"),
        ({"coverage_penalty": "1"}, "coverage_penalty must be .* >= 0, not 1"),
        ({"coverage_penalty": 0.2}, "coverage_penalty needs a model .* Blind has not"),
        ({"ids": []}, "the prompt is empty"),
        ({"ids": [0, 3]}, "token id 3 is out of range: 0 to 2"),
        ({"ids": [[0]]}, r"ids int64 \(1, 1\): give integers \(n,\)"),
        ({"ids": [0] * 4, "max_new_tokens": 3}, "4 tokens and 3 new ones .* max_seq_len 5"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(more, message):
    arguments = {"ids": [0], "width": 2, "max_new_tokens": 2, "end_id": 0} | more
    with pytest.raises(ValueError, match=message):
        beam_search(Blind(0, Config(3, 5)), **arguments)


def test_a_context_may_be_filled_to_the_last_place():
    model = Table(0, Config(3, 5))
    assert beam_search(model, [0] * 4, width=2, max_new_tokens=2, end_id=0)
