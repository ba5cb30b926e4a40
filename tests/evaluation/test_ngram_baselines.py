"""N-gram models are distributions, and the ones that their equations name."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.evaluation import InterpolatedNgram, KneserNey, token_baselines
from minillm.evaluation.interpolated import fit_mixture
from minillm.evaluation.kneser_ney import discounts
from minillm.evaluation.ngrams import NgramCounts
from tests.strategies import rngs

VOCAB_SIZE = 7
MODELS = [InterpolatedNgram, KneserNey]
orders = st.integers(1, 5)


def ids_of(min_size, largest=VOCAB_SIZE - 1, max_size=60):
    """Ids up to a largest, so that some of the vocabulary may never occur."""
    ids = st.lists(st.integers(0, largest), min_size=min_size, max_size=max_size)
    return ids.map(lambda found: np.array(found, np.int64))


texts = st.one_of(ids_of(2), ids_of(2, largest=2), ids_of(20, largest=4))


def draw_text(rng, n):
    """Ids below a random one: in a small alphabet contexts come back."""
    return rng.integers(0, rng.integers(2, VOCAB_SIZE + 1), n)


# -- counts --------------------------------------------------------------------------


@given(texts, orders)
def test_every_n_gram_has_a_key_by_its_context_and_is_counted(train_ids, order):
    """Key number(context) vocab_size + token; what never came, and a last key, count 0."""
    found, ids = NgramCounts(train_ids, VOCAB_SIZE, order), train_ids.tolist()
    above_all_keys = np.iinfo(np.int64).max
    number = {(): 0}
    assert found.tables[0].tolist() == [0, above_all_keys]
    assert found.counts[0].tolist() == [len(ids), 0]
    for n in range(1, order + 1):
        grams = Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1))
        keys = {number[g[:-1]] * VOCAB_SIZE + g[-1]: g for g in grams}
        assert found.tables[n].tolist() == [*sorted(keys), above_all_keys]
        assert found.counts[n].tolist() == [*(grams[keys[k]] for k in sorted(keys)), 0]
        number |= {keys[key]: i for i, key in enumerate(sorted(keys))}


# -- laws of both --------------------------------------------------------------------


@pytest.mark.parametrize("model_class", MODELS)
@given(texts, orders, ids_of(0, max_size=8))
def test_every_context_has_a_positive_distribution_of_sum_one(
    model_class, train_ids, order, context
):
    p = model_class(train_ids, VOCAB_SIZE, order).distribution(context)
    assert p.shape == (VOCAB_SIZE,)
    assert abs(p.sum() - 1) < 1e-12
    assert (p > 0).all()


@pytest.mark.parametrize("model_class", MODELS)
@given(texts, orders, ids_of(1))
def test_a_text_is_scored_token_by_token(model_class, train_ids, order, ids):
    model = model_class(train_ids, VOCAB_SIZE, order)
    p = [model.distribution(ids[:t])[token] for t, token in enumerate(ids)]
    # p is a sum of order + 1 products: so many roundings, absolute ones in its logarithm
    rounding = (order + 2) * 2**-52
    assert_allclose(model.nats_per_token(ids), -np.log(p).mean(), 1e-12, rounding)


@pytest.mark.parametrize("model_class", MODELS)
@given(ids_of(20), ids_of(0, max_size=8), ids_of(4, max_size=4))
def test_only_the_last_tokens_of_a_context_count(model_class, train_ids, far, near):
    model = model_class(train_ids, VOCAB_SIZE, 5)
    with_far = model.distribution(np.concatenate([far, near]))
    assert_allclose(with_far, model.distribution(near), rtol=1e-12)


@pytest.mark.parametrize("model_class", MODELS)
def test_contexts_that_never_came_divide_by_nothing(model_class):
    with np.errstate(all="raise"):
        p = model_class(np.array([0, 1, 0]), VOCAB_SIZE, 3).distribution(np.array([5, 6]))
    assert_allclose(p.sum(), 1, rtol=1e-12)


@pytest.mark.parametrize("model_class", MODELS)
def test_a_model_finds_the_process_that_made_the_text(model_class):
    """4 contexts of 3 free probabilities: the expected excess over the truth is about
    12 / (2 n) = 0.0003 nats, and its standard deviation is smaller than that."""
    rng = np.random.default_rng(0)
    truth = rng.dirichlet(np.ones(4), size=4)
    ids = [0]
    for u in rng.random(40_000):
        ids.append(min(int(np.searchsorted(truth[ids[-1]].cumsum(), u)), 3))
    train, valid = np.array(ids[:20_000]), np.array(ids[20_000:])
    entropy = -np.log(truth[valid[:-1], valid[1:]]).mean()
    excess = model_class(train, 4, 2).nats_per_token(valid) - entropy
    assert -0.001 < excess < 0.003


# -- interpolation -------------------------------------------------------------------


@given(ids_of(3, largest=3), ids_of(0, max_size=2))
def test_the_bigram_is_its_equation(train_ids, context):
    model = InterpolatedNgram(train_ids, VOCAB_SIZE, 2)
    lambda0, lambda1, lambda2 = model.weights
    unigram = np.bincount(train_ids, minlength=VOCAB_SIZE) / len(train_ids)
    following = train_ids[1:][train_ids[:-1] == context[-1]] if len(context) else []
    bigram = unigram
    if len(following):
        bigram = np.bincount(following, minlength=VOCAB_SIZE) / len(following)
    expected = lambda2 * bigram + lambda1 * unigram + lambda0 / VOCAB_SIZE
    assert_allclose(model.distribution(context), expected, rtol=1e-12)


def relative_frequencies(counted, context, token, order):
    """From the uniform distribution up; a context that never occurred hands on the last."""
    found = [1 / VOCAB_SIZE]
    for n in range(order):
        if n > len(context):
            found.append(found[-1])
            continue
        near = tuple(context[len(context) - n :])
        after = [
            counted[i + n]
            for i in range(len(counted) - n)
            if tuple(counted[i : i + n]) == near
        ]
        found.append(after.count(token) / len(after) if after else found[-1])
    return found


@given(rngs, st.integers(2, 60), st.integers(1, 4), st.integers(0, 4))
def test_the_mixture_is_its_equation_at_every_order(rng, n, order, n_context):
    train_ids, context = draw_text(rng, n), draw_text(rng, n_context)
    model = InterpolatedNgram(train_ids, VOCAB_SIZE, order)
    ids, near = train_ids.tolist(), context.tolist()
    parts = [relative_frequencies(ids, near, token, order) for token in range(VOCAB_SIZE)]
    assert_allclose(model.distribution(context), parts @ model.weights, rtol=1e-12)


@given(rngs, st.integers(2, 60), st.integers(1, 3))
def test_the_weights_are_the_likeliest_for_the_tenth_that_was_not_counted(rng, n, order):
    """Karush, Kuhn, Tucker: no component would gain by a larger weight than it has.

    The search ends when weights move by 1e-7: a gain of 0.01 were a weight below 1e-5.
    """
    train_ids, n_held_out = draw_text(rng, n), math.ceil(n / 10)
    weights, ids = (
        InterpolatedNgram(train_ids, VOCAB_SIZE, order).weights,
        train_ids.tolist(),
    )
    counted, held_out = ids[:-n_held_out], ids[-n_held_out:]
    never_counted = [1 / VOCAB_SIZE, *[0] * order]
    parts = np.array(
        [
            *(
                relative_frequencies(counted, held_out[:t], token, order)
                for t, token in enumerate(held_out)
            ),
            never_counted,
        ]
    )
    gain = (parts.T / (parts @ weights)).mean(1)
    assert (weights * np.abs(gain - 1) < 2e-7).all()
    assert (gain < 1 + 1e-2).all()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_weights_are_fitted_without_a_division_by_0(order):
    with np.errstate(all="raise"):
        weights = InterpolatedNgram(np.array([0, 1]), VOCAB_SIZE, order).weights
    assert np.isfinite(weights).all()


def one_step(weights, p):
    """Every weight becomes its mean responsibility, token by token."""
    columns = [
        weights * column / sum(w * x for w, x in zip(weights, column, strict=True))
        for column in p.T
    ]
    return sum(columns) / len(columns)


class Patient(np.ndarray):
    """Components that count the steps that are taken by them, up to a limit."""

    n_steps, limit = 0, 10_000

    def __truediv__(self, mixture):
        self.n_steps += 1
        assert self.n_steps <= self.limit
        return np.asarray(self) / np.asarray(mixture)


@given(rngs, st.integers(2, 4))
def test_the_search_steps_by_its_equation_until_no_weight_moves_by_more_than_1e_minus_7(
    rng, n_components
):
    p = rng.dirichlet(np.ones(5), (n_components, 6))[..., 0] + 0.3  # alike: it is slow
    start = weights = np.full(n_components, 1 / n_components)
    n_steps, moved = 0, 1.0
    while moved > 1e-7:
        before, weights = weights, weights * (p / (weights @ p)).mean(1)
        n_steps, moved = n_steps + 1, np.abs(weights - before).max()
    found = fit_mixture(components := p.view(Patient))
    assert components.n_steps == n_steps
    assert_allclose(found, weights, rtol=1e-10, atol=1e-14)
    first = fit_mixture(p.view(Patient), math.inf)
    assert_allclose(first, one_step(start, p), rtol=1e-12)
    its_length = np.abs(first - start).max()  # is not more than the tolerance
    assert_array_equal(fit_mixture(p.view(Patient), its_length), first)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("value", [0.5, np.nan])
def test_a_search_ends_where_there_is_nothing_to_find(value):
    fit_mixture(components := np.full((2, 3), value).view(Patient))
    assert components.n_steps == 1


@given(st.integers(2, 4), st.integers(1, 30), st.integers(0, 2**32))
def test_no_other_weights_are_likelier(n_components, n, seed):
    """At the optimum of a concave likelihood no component gains by a larger weight:
    mean(p_k / mixture) <= 1, and = 1 where the weight is not 0 (Karush, Kuhn, Tucker)."""
    p = np.random.default_rng(seed).dirichlet(np.ones(5), (n_components, n))[..., 0] + 1e-3
    weights = fit_mixture(p)
    assert_allclose(weights.sum(), 1, rtol=1e-12)
    assert (weights >= 0).all()
    gain = (p / (weights @ p)).mean(1)
    assert (weights * np.abs(gain - 1) < 2e-7).all()
    log_likelihood = np.log(weights @ p).mean()
    for other in np.random.default_rng(seed).dirichlet(np.ones(n_components), 20):
        assert np.log(other @ p).mean() <= log_likelihood + 1e-3


@given(rngs, st.integers(2, 60), orders)
def test_a_token_that_never_came_keeps_its_share_of_the_least_weight(rng, n, order):
    """The uniform distribution alone explains one of the n_held_out + 1 tokens."""
    train_ids = rng.integers(0, rng.integers(1, VOCAB_SIZE), n)  # never the last id
    model = InterpolatedNgram(train_ids, VOCAB_SIZE, order)
    least = (1 - 1e-12) / (math.ceil(n / 10) + 1)
    assert model.weights[0] >= least
    assert model.distribution(draw_text(rng, 3))[-1] >= least / VOCAB_SIZE


def test_weights_are_fitted_on_text_that_was_not_counted():
    """In noise a bigram is no help; on its own counts it would seem the best of all."""
    noise = np.random.default_rng(0).integers(0, 50, 2000)
    uniform, unigram, bigram = InterpolatedNgram(noise, 50, 2).weights
    assert bigram < 0.1 < uniform + unigram


def test_all_of_the_training_text_is_counted_in_the_end():
    """Token 3 stands in the last tenth alone, which was held out for the weights."""
    train_ids = np.array([0, 1, 2] * 12 + [3])
    p = InterpolatedNgram(train_ids, 5, 1).distribution(np.array([], np.int64))
    assert p[3] > p[4]


# -- Kneser-Ney ----------------------------------------------------------------------


def kneser_ney_by_hand(ids, order, vocab_size):
    """The equations over tuples and dictionaries, one n-gram at a time."""
    grams = [
        Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1))
        for n in range(order + 1)
    ]
    counts = [
        Counter(gram[1:] for gram in grams[n + 1]) if n < order else grams[n]
        for n in range(order + 1)
    ]

    def pay(n, count):
        n1, n2, n3, n4 = (list(counts[n].values()).count(k) for k in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
        if 0 in (n1, n2, n3, n4):
            return y
        paid = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        return paid[min(count, 3) - 1] if all(d > 0 for d in paid) else y

    def p(context, token):
        n = len(context) + 1
        shorter = p(context[1:], token) if context else 1 / vocab_size
        after = {g[-1]: c for g, c in counts[n].items() if g[:-1] == context}
        total = sum(after.values())
        if not total:
            return shorter
        gamma = sum(pay(n, count) for count in after.values()) / total
        count = after.get(token, 0)
        return (count - pay(n, count) if count else 0) / total + gamma * shorter

    return p


@given(texts, st.integers(1, 4), ids_of(0, max_size=3))
def test_kneser_ney_is_its_equation(train_ids, order, context):
    p = kneser_ney_by_hand(train_ids.tolist(), order, VOCAB_SIZE)
    near = tuple(context[max(len(context) - order + 1, 0) :].tolist())
    expected = [p(near, token) for token in range(VOCAB_SIZE)]
    model = KneserNey(train_ids, VOCAB_SIZE, order)
    assert_allclose(model.distribution(context), expected, rtol=1e-12)


def test_kneser_ney_is_its_equation_when_all_three_discounts_differ():
    ids = np.random.default_rng(3).geometric(0.3, 3000).clip(0, 19)
    model = KneserNey(ids, 20, 3)
    assert len(set(discounts(model.ngrams.counts[3]))) == 4
    p = kneser_ney_by_hand(ids.tolist(), 3, 20)
    for context in [(1, 1), (2, 5), (9, 4), (19, 18), ()]:
        expected = [p(context, token) for token in range(20)]
        distribution = model.distribution(np.array(context, np.int64))
        assert_allclose(distribution, expected, rtol=1e-12)


def test_discounts_are_those_of_chen_and_goodman():
    counts = np.repeat([1, 2, 3, 4, 9], [10, 5, 3, 2, 7])
    y = 10 / 20
    expected = [0, 1 - 2 * y * 5 / 10, 2 - 3 * y * 3 / 5, 3 - 4 * y * 2 / 3]
    assert_allclose(discounts(counts), expected, rtol=1e-15)


@pytest.mark.parametrize(
    "counts, y",
    [([2, 3, 4], 0.5), ([1, 3, 4], 0.5), ([1, 1, 2, 4], 0.5), ([1, 1, 1, 2, 3], 0.6)],
)
def test_where_one_of_the_four_numbers_is_0_every_count_pays_the_same(counts, y):
    assert_allclose(discounts(np.array(counts)), [0, y, y, y], rtol=1e-15)


@given(rngs, st.integers(0, 200))
def test_every_count_pays_something_and_keeps_something(rng, n):
    """How common 1..4 are is drawn, too: then often a formula for D1..D3 is below 0."""
    counts = rng.choice(np.arange(1, 6), n, p=rng.dirichlet(np.ones(5)))
    paid = discounts(counts)
    assert paid[0] == 0
    assert (paid[1:] > 0).all() and (paid[1:] < [1, 2, 3]).all()


def test_an_uneven_text_leaves_something_for_what_never_came():
    """By the formula D3 is below 0; and 1 is followed by 1 four times, by 2 three times."""
    ids = np.array([1, 2, 0, 3, 3, 2, 1, 1, 1, 2, 2, 2, 3, 1, 1, 1, 2])
    model = KneserNey(ids, VOCAB_SIZE, 2)
    assert (model.distribution(np.array([1])) > 0).all()


def test_a_word_that_follows_one_word_alone_is_a_poor_guess_elsewhere():
    """Francisco follows San ten times; glass follows ten words once each."""
    san, francisco, glass, unseen = 0, 1, 2, 19
    text = [token for word in range(3, 13) for token in (san, francisco, word, glass)]
    p = KneserNey(np.array(text), 20, 2).distribution(np.array([unseen]))
    assert p[glass] > 3 * p[francisco]
    after_san = KneserNey(np.array(text), 20, 2).distribution(np.array([san]))
    assert after_san[francisco] > 0.9


def test_unless_told_otherwise_four_tokens_before_the_next_are_looked_at():
    assert KneserNey(np.arange(6), VOCAB_SIZE).ngrams.order == 5


# -- the table of baselines ----------------------------------------------------------


def test_baselines_are_named_and_in_nats_per_token():
    rng = np.random.default_rng(0)
    train, valid = np.arange(3000) % 3, rng.integers(0, 3, 999)
    scores = token_baselines(train, np.sort(valid), 3)
    assert list(scores) == ["unigram", "interpolated bigram", "Kneser-Ney 5-gram"]
    assert_allclose(scores["unigram"], math.log(3), rtol=1e-3)
    in_order = token_baselines(train, train[:999], 3, order=3)
    assert in_order["interpolated bigram"] < 0.01 and in_order["Kneser-Ney 3-gram"] < 0.01


@given(rngs, st.integers(2, 60), st.integers(1, 20), st.integers(1, 4))
def test_a_baseline_is_the_mean_surprise_at_tokens_that_were_held_out(
    rng, n_train, n_valid, order
):
    """-ln p of each token after those before it, and p by the equations."""
    train, valid = draw_text(rng, n_train), draw_text(rng, n_valid)
    unigram, bigram = (InterpolatedNgram(train, VOCAB_SIZE, n).weights for n in (1, 2))
    kneser_ney = kneser_ney_by_hand(train.tolist(), order, VOCAB_SIZE)
    surprise = np.zeros(3)
    for t, token in enumerate(valid.tolist()):
        before = valid[:t].tolist()
        parts = relative_frequencies(train.tolist(), before, token, 2)
        near = tuple(before[max(t - order + 1, 0) :])
        p = unigram @ parts[:2], bigram @ parts, kneser_ney(near, token)
        surprise -= np.log(p)
    scores = token_baselines(train, valid, VOCAB_SIZE, order)
    assert_allclose(list(scores.values()), surprise / len(valid), rtol=1e-10)


@pytest.mark.parametrize(
    "complaint, train_ids, valid_ids",
    [
        ("train_ids of 1 tokens", [1], [1]),
        (r"shape \(0,\)", [1, 2, 3], []),
        ("ids from 1 to 5 leave the vocabulary of 5", [1, 2, 5, 1, 2], [1]),
        ("ids from -1 to 1 leave the vocabulary of 5", [1, 2, 3], [-1, 1]),
        (r"shape \(1, 3\)", [1, 2, 3], [[1, 2, 3]]),
    ],
)
def test_ids_that_cannot_be_counted_are_refused(complaint, train_ids, valid_ids):
    with pytest.raises(ValueError, match=complaint):
        token_baselines(np.array(train_ids), np.array(valid_ids, np.int64), 5)


def test_an_order_below_one_is_refused():
    with pytest.raises(ValueError, match="order 0 must be at least 1"):
        KneserNey(np.array([1, 2]), 5, 0)
