"""Each architecture's loss: what counts, what does not, and shards that add up."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import Dropout, Module, Parameter
from minillm.models import (
    ClassifierConfig,
    DecoderConfig,
    DecoderOnly,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    MaskedLanguageModel,
    PrefixLM,
    SequenceClassifier,
    TokenClassifier,
)
from minillm.training import (
    BatchGradient,
    Flat,
    MaskedTokens,
    NextToken,
    PrefixNextToken,
    SequenceClass,
    SequenceToSequence,
    TokenClass,
)
from tests.strategies import examples, rngs, scatter

CLOSE = {"rtol": 1e-10, "atol": 1e-12}
VOCAB_SIZE, N_CLASSES, SEQ_LEN, N_SOURCE = 7, 3, 5, 4
SIZE = {
    "vocab_size": VOCAB_SIZE,
    "max_seq_len": SEQ_LEN,
    "d_model": 4,
    "n_layers": 1,
    "n_heads": 2,
    "d_ff": 6,
    "dropout": 0.0,
}
LABELS = ("red", "green", "blue")


def draw_ids(rng, batch, seq_len=SEQ_LEN, n=VOCAB_SIZE, ignored=0.3):
    ids = rng.integers(0, n, (batch, seq_len))
    return np.where(rng.random(ids.shape) < ignored, F.IGNORED, ids)


def draw_mask(rng, batch, seq_len=SEQ_LEN):
    """Padding at the end, and now and then of a whole row."""
    return np.arange(seq_len) < rng.integers(0, seq_len + 1, (batch, 1))


def draw_tokens(rng, batch):
    inputs = rng.integers(0, VOCAB_SIZE, (batch, SEQ_LEN))
    return inputs, draw_ids(rng, batch), draw_mask(rng, batch)


def draw_tags(rng, batch):
    inputs = rng.integers(0, VOCAB_SIZE, (batch, SEQ_LEN))
    return inputs, draw_ids(rng, batch, n=N_CLASSES), draw_mask(rng, batch)


def draw_labels(rng, batch):
    inputs, _, mask = draw_tags(rng, batch)
    return inputs, rng.integers(0, N_CLASSES, batch), mask


def draw_pairs(rng, batch):
    source = rng.integers(0, VOCAB_SIZE, (batch, N_SOURCE))
    inputs, targets, target_mask = draw_tokens(rng, batch)
    return source, inputs, targets, draw_mask(rng, batch, N_SOURCE), target_mask


def draw_prefixes(rng, batch):
    inputs, targets, _ = draw_tokens(rng, batch)
    return inputs, targets, rng.integers(0, SEQ_LEN + 1, batch)


def build(kind, config, more=None):
    def made(rng):
        model = kind(config(**SIZE, **more or {}), rng=rng)
        return scatter(model.astype(np.float64), rng)

    return made


CASES = {
    "MaskedTokens": (
        MaskedTokens(),
        build(MaskedLanguageModel, EncoderConfig),
        draw_tokens,
    ),
    "TokenClass": (
        TokenClass(),
        build(TokenClassifier, ClassifierConfig, {"labels": LABELS}),
        draw_tags,
    ),
    "SequenceClass": (
        SequenceClass(),
        build(SequenceClassifier, ClassifierConfig, {"labels": LABELS}),
        draw_labels,
    ),
    "SequenceToSequence": (
        SequenceToSequence(label_smoothing=0.1),
        build(EncoderDecoder, EncoderDecoderConfig),
        draw_pairs,
    ),
    "PrefixNextToken": (
        PrefixNextToken(label_smoothing=0.2),
        build(PrefixLM, DecoderConfig),
        draw_prefixes,
    ),
}
cases = pytest.mark.parametrize("objective, made, draw", CASES.values(), ids=CASES)
ALL = CASES | {
    "NextToken": (
        NextToken(),
        build(DecoderOnly, DecoderConfig),
        lambda rng, batch: draw_tokens(rng, batch)[:2],
    )
}


def asked(name, batch):
    """Where each batch asks for something, in words of its own: a boolean per target."""
    if name == "SequenceToSequence":
        _, _, targets, source_mask, target_mask = batch
        readable = np.array([row.any() for row in source_mask])
        return (targets != F.IGNORED) & target_mask & readable[:, None]
    if name == "PrefixNextToken":
        _, targets, lengths = batch
        first = np.maximum(lengths - 1, 0)
        return np.array(
            [
                [t >= begin and target != F.IGNORED for t, target in enumerate(row)]
                for row, begin in zip(targets, first, strict=True)
            ]
        )
    if name == "SequenceClass":
        return np.array([row.any() for row in batch[2]])
    if name == "NextToken":
        return batch[1] != F.IGNORED
    return (batch[1] != F.IGNORED) & batch[2]


def logits_of(name, model, batch):
    if name == "SequenceToSequence":
        source, inputs, _, source_mask, target_mask = batch
        return model(source, inputs, source_mask, target_mask)[0]
    return model(batch[0], *batch[2:])[0]


def targets_place(name):
    """Which array of a batch holds the targets."""
    return 2 if name == "SequenceToSequence" else 1


@pytest.mark.parametrize("name", ALL)
@given(rng=rngs, batch_size=st.integers(1, 4))
@examples(15)
def test_the_loss_is_the_mean_over_what_is_asked(name, rng, batch_size):
    objective, made, draw = ALL[name]
    model, batch = made(rng), draw(rng, batch_size)
    smoothing = getattr(objective, "label_smoothing", 0.0)
    counts = asked(name, batch)
    logits = logits_of(name, model, batch)[counts]
    targets = batch[targets_place(name)][counts]
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    on_target = np.take_along_axis(log_p, targets[:, None], -1)[:, 0]
    losses = -(1 - smoothing) * on_target - smoothing * log_p.mean(-1)
    loss, _ = objective(model, batch, None)
    assert objective.n_targets(batch) == counts.sum()
    assert_allclose(loss, losses.mean() if len(losses) else 0, **CLOSE)


def gradient(objective, model, batch):
    theta = Flat(model)
    theta.grad[...] = 0
    loss, backward = objective(model, batch, None)
    backward()
    return loss, theta.grad.copy()


@pytest.mark.parametrize("name", CASES)
@given(rng=rngs, batch_size=st.integers(1, 4))
@examples(15)
def test_a_target_that_is_not_asked_for_has_no_influence(name, rng, batch_size):
    """Of padding, of rows that are nothing else, and inside of a prefix."""
    objective, made, draw = CASES[name]
    model, batch = made(rng), draw(rng, batch_size)
    place, n = targets_place(name), N_CLASSES if "Class" in name else VOCAB_SIZE
    fixed = asked(name, batch) | (batch[place] == F.IGNORED)
    other = np.where(fixed, batch[place], rng.integers(0, n, batch[place].shape))
    loss, learned = gradient(objective, model, batch)
    other_loss, other_learned = gradient(objective, model, change(batch, place, other))
    assert other_loss == loss
    assert_array_equal(other_learned, learned)


@pytest.mark.parametrize("name", ["NextToken", "SequenceToSequence", "PrefixNextToken"])
@given(rng=rngs, batch_size=st.integers(1, 4), t=st.integers(0, SEQ_LEN - 1))
@examples(15)
def test_a_target_depends_on_no_input_after_its_own(name, rng, batch_size, t):
    """p(targets[t] | inputs[: t + 1]): and a prefix is given as a whole."""
    objective, made, draw = ALL[name]
    model, batch = made(rng), draw(rng, batch_size)
    place = targets_place(name)
    targets = batch[place].copy()
    targets[:, :t] = targets[:, t + 1 :] = F.IGNORED
    batch = change(batch, place, targets)
    inputs = batch[place - 1].copy()
    after = np.arange(SEQ_LEN) > t
    if name == "PrefixNextToken":
        after = after & (np.arange(SEQ_LEN) >= batch[2][:, None])
    other = np.where(after, rng.integers(0, VOCAB_SIZE, inputs.shape), inputs)
    loss, _ = objective(model, batch, None)
    other_loss, _ = objective(model, change(batch, place - 1, other), None)
    assert other_loss == loss


@pytest.mark.parametrize("name", ALL)
def test_what_dropout_drops_is_drawn_from_the_numbers_that_are_given(name):
    """The same numbers, the same loss; others, another; none, no dropout."""
    objective, made, draw = ALL[name]
    rng = np.random.default_rng(0)
    model, batch = made(rng), draw(rng, 3)
    for _, part in model.named_modules():
        if isinstance(part, Dropout):
            part.rate = 0.5
    draws = [F.Draws(1, step, range(3)) for step in (2, 2, 3)]
    losses = [float(objective(model, batch, given)[0]) for given in [*draws, None]]
    assert losses[0] == losses[1] and len(set(losses)) == 3


@cases
@given(rng=rngs, batch_size=st.integers(2, 4), cut=st.integers(1, 3))
@examples(15)
def test_two_shards_weighed_by_their_targets_are_the_whole_batch(
    objective, made, draw, rng, batch_size, cut
):
    model, batch = made(rng), draw(rng, batch_size)
    cut = min(cut, batch_size - 1)
    loss, whole = gradient(objective, model, batch)
    shards = [tuple(x[part] for x in batch) for part in (slice(cut), slice(cut, None))]
    numbers = [objective.n_targets(shard) for shard in shards]
    assert sum(numbers) == objective.n_targets(batch)
    parts = [gradient(objective, model, shard) for shard in shards]
    shares = [n / max(1, sum(numbers)) for n in numbers]
    expected = sum(share * grad for share, (_, grad) in zip(shares, parts, strict=True))
    assert_allclose(whole, expected, rtol=1e-9, atol=1e-11)
    assert_allclose(
        loss, sum(s * part for s, (part, _) in zip(shares, parts, strict=True)), **CLOSE
    )


@cases
def test_threads_add_up_to_one_pass(objective, made, draw):
    rng = np.random.default_rng(0)
    model, batch = made(rng), draw(rng, 5)
    loss, whole = gradient(objective, model, batch)
    theta = Flat(model)
    shared = BatchGradient(model, theta, threads=2, accumulate=2)
    assert_allclose(shared(objective, batch, None), loss, **CLOSE)
    assert_allclose(theta.grad, whole, rtol=1e-9, atol=1e-11)


PADDED = [name for name in CASES if name != "PrefixNextToken"]


@pytest.mark.parametrize("name", PADDED)
@given(rng=rngs)
@examples(10)
def test_a_row_of_padding_adds_no_loss_and_no_gradient(name, rng):
    objective, made, draw = CASES[name]
    model, batch = made(rng), draw(rng, 3)
    where = [3] if name == "SequenceToSequence" else [2]
    for i in where:
        batch[i][...] = True
        batch[i][1] = False
    others = tuple(x[[0, 2]] for x in batch)
    loss, grad = gradient(objective, model, batch)
    expected_loss, expected = gradient(objective, model, others)
    assert_allclose(loss, expected_loss, **CLOSE)
    assert_allclose(grad, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", PADDED)
def test_a_batch_of_padding_alone_has_a_loss_and_a_gradient_of_exactly_0(name):
    objective, made, draw = CASES[name]
    rng = np.random.default_rng(0)
    model, batch = made(rng), draw(rng, 3)
    for array in batch:
        if array.dtype == bool:
            array[...] = False
    loss, grad = gradient(objective, model, batch)
    assert loss == 0 and not grad.any()
    assert objective.n_targets(batch) == 0


def test_targets_inside_the_prefix_do_not_count_even_if_the_batch_has_them():
    objective, made, _ = CASES["PrefixNextToken"]
    rng = np.random.default_rng(0)
    model, ids = made(rng), rng.integers(0, VOCAB_SIZE, (2, SEQ_LEN + 1))
    lengths = np.array([3, 5])
    batch = ids[:, :-1], ids[:, 1:], lengths
    assert objective.n_targets(batch) == (SEQ_LEN - 2) + (SEQ_LEN - 4)
    changed = ids[:, 1:].copy()
    changed[0, :2], changed[1, :4] = 0, 0
    loss, grad = gradient(objective, model, batch)
    other_loss, other_grad = gradient(objective, model, (ids[:, :-1], changed, lengths))
    assert loss == other_loss
    assert_array_equal(grad, other_grad)


@pytest.mark.parametrize("name", ["MaskedTokens", "TokenClass", "SequenceToSequence"])
@examples(10)
@given(rng=rngs)
def test_padding_is_hidden_from_the_model_wherever_it_stands(name, rng):
    """In front of the text, too, where a decoder could see it."""
    objective, made, draw = CASES[name]
    model, batch = made(rng), list(draw(rng, 3))
    places = {"SequenceToSequence": ((0, 3), (1, 4))}.get(name, ((0, 2),))
    for _, mask in places:
        batch[mask] = np.zeros_like(batch[mask])
        batch[mask][:, 2:] = True
    loss, learned = gradient(objective, model, tuple(batch))
    for ids, mask in places:
        other = rng.integers(0, VOCAB_SIZE, batch[ids].shape)
        batch[ids] = np.where(batch[mask], batch[ids], other)
    other_loss, other_learned = gradient(objective, model, tuple(batch))
    assert other_loss == loss
    assert_array_equal(other_learned, learned)
    assert np.abs(learned).max() > 0


@pytest.mark.parametrize("kind", [NextToken, SequenceToSequence, PrefixNextToken])
def test_unless_told_otherwise_nothing_is_smoothed(kind):
    assert kind().label_smoothing == 0


# -- what does not fit ---------------------------------------------------------------


@cases
def test_a_batch_of_another_objective_is_refused_by_both_doors(objective, made, draw):
    batch = draw(np.random.default_rng(0), 2)
    for wrong in (batch[:-1], (*batch, batch[0]), ()):
        for door in (objective.n_targets, lambda b: objective(None, b, None)):
            message = rf"takes batches of \(.*\), not of {len(wrong)} arrays"
            with pytest.raises(ValueError, match=message):
                door(wrong)


@cases
def test_a_batch_without_a_mask_is_refused_and_not_taken_for_padding(objective, made, draw):
    batch = draw(np.random.default_rng(0), 2)
    for i in range(len(batch)):
        with pytest.raises(ValueError, match="holds None: give an array for each"):
            objective.n_targets(change(batch, i, None))


def change(batch, i, array):
    return (*batch[:i], array, *batch[i + 1 :])


@cases
def test_arrays_of_wrong_shape_or_kind_are_refused(objective, made, draw):
    batch = draw(np.random.default_rng(0), 3)
    names = {
        "SequenceToSequence": "- - targets source_mask target_mask",
        "PrefixNextToken": "- targets prefix_lengths",
        "SequenceClass": "- labels mask",
    }.get(type(objective).__name__, "- targets mask")
    for i, name in enumerate(names.split()):
        if name == "-":
            continue
        kinds = (int, float) if "mask" in name else (bool, float)
        for wrong in (batch[i][:-1], batch[i][None], *map(batch[i].astype, kinds)):
            for door in (objective.n_targets, lambda b: objective(None, b, None)):
                with pytest.raises(ValueError, match=rf"^{name} .*: give"):
                    door(change(batch, i, wrong))


@cases
def test_lists_are_refused_by_name(objective, made, draw):
    batch = draw(np.random.default_rng(0), 2)
    for i, array in enumerate(batch):
        with pytest.raises(ValueError, match=r"^\w+ of type list: give an array"):
            objective.n_targets(change(batch, i, array.tolist()))


def test_unequal_batches_of_source_and_target_are_refused():
    batch = draw_pairs(np.random.default_rng(0), 3)
    wrong = change(change(batch, 0, batch[0][:2]), 3, batch[3][:2])
    with pytest.raises(ValueError, match="source has a batch of 2, inputs one of 3"):
        SequenceToSequence().n_targets(wrong)


def test_next_tokens_of_another_shape_are_refused():
    inputs = np.zeros((2, 3), int)
    for wrong in (inputs[:, :2], inputs.astype(float)):
        with pytest.raises(ValueError, match="targets of shape"):
            NextToken().n_targets((inputs, wrong))
    with pytest.raises(ValueError, match=r"NextToken takes batches of \(inputs, targets\)"):
        NextToken().n_targets((inputs, inputs, inputs))


ENCODERS = {"MaskedTokens", "TokenClass", "SequenceClass"}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("other", ALL)
def test_an_objective_fits_its_own_architecture_and_refuses_the_others(name, other):
    """Among the encoders the shapes of logits and targets, or the classes, decide."""
    objective, _, draw = ALL[name]
    rng = np.random.default_rng(0)
    model, batch = ALL[other][1](rng), draw(rng, 2)
    if name == other:
        assert np.isfinite(objective(model, batch, None)[0])
    elif not {name, other} <= ENCODERS:
        message = f"{name} does not fit {type(model).__name__}"
        with pytest.raises(ValueError, match=message):
            objective(model, batch, None)


def test_a_model_that_does_not_fit_is_told_with_what_its_call_takes():
    rng = np.random.default_rng(0)
    model, batch = ALL["SequenceToSequence"][1](rng), ALL["NextToken"][2](rng, 2)
    takes = "whose call takes (source, target, source_mask, target_mask, rng): missing"
    with pytest.raises(ValueError, match=re.escape(takes)):
        NextToken()(model, batch, None)


@pytest.mark.parametrize("name", ["MaskedTokens", "TokenClass", "SequenceClass"])
def test_labels_out_of_range_are_refused(name):
    objective, made, draw = CASES[name]
    rng = np.random.default_rng(0)
    model, batch = made(rng), draw(rng, 2)
    batch[2][...] = True
    for wrong in (VOCAB_SIZE, -1):
        with pytest.raises(ValueError, match=f"target {wrong} is out of range"):
            objective(model, change(batch, 1, np.full_like(batch[1], wrong)), None)


class Table(Module):
    """Logits by a name of its own for the ids: arguments are matched by what is named."""

    def __init__(self, rng):
        self.table = Parameter(rng.normal(size=(VOCAB_SIZE, VOCAB_SIZE)))

    def __call__(self, tokens, rng=None):
        y, backward = F.embedding(tokens, self.table.data)
        return y, lambda dy: self.table.accumulate(backward(dy))


def test_a_model_may_call_its_ids_as_it_likes():
    rng = np.random.default_rng(0)
    inputs, targets, _ = draw_tokens(rng, 2)
    assert NextToken()(Table(rng), (inputs, targets), None)[0] > 0
