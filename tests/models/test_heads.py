"""The three heads: what each reads of the encoder, what it teaches it, what is refused."""

import copy
import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.models import (
    ClassifierConfig,
    EncoderConfig,
    MaskedLanguageModel,
    SequenceClassifier,
    TokenClassifier,
)
from minillm.models.parts import PARTS
from tests.strategies import examples, rngs, scatter

CLOSE = {"rtol": 1e-10, "atol": 1e-10}
LABELS = ("yes", "no", "neither")

every_head = pytest.mark.parametrize(
    "kind", [MaskedLanguageModel, SequenceClassifier, TokenClassifier]
)
blocks = st.sampled_from(["pre_norm", "post_norm"])
lengths = st.integers(1, 7)
some = examples(10)


def draw_model(rng, kind, block="post_norm", **parts):
    shape = {"vocab_size": 11, "max_seq_len": 7, "d_model": 6, "n_layers": 2, "n_heads": 3}
    shape |= {"d_ff": 5, "block": block, "dropout": 0.3, **parts}
    if kind is MaskedLanguageModel:
        model = kind(EncoderConfig(**shape), rng=rng)
    else:
        model = kind(ClassifierConfig(**shape, labels=LABELS), rng=rng)
    return scatter(model.astype(np.float64), rng)


def draw_ids(rng, seq_len, batch=4):
    return rng.integers(0, 11, (batch, seq_len))


def learned(model):
    return {name: p.grad.copy() for name, p in model.named_parameters()}


def learn(model, ids, targets, mask=None):
    """The loss, and every gradient."""
    model.zero_grad()
    logits, backward = model(ids, mask)
    loss, loss_backward = F.cross_entropy(logits, targets)
    backward(loss_backward())
    return loss, learned(model)


# All heads


@every_head
@some
@given(rng=rngs, block=blocks, seq_len=lengths)
def test_rows_of_nothing_but_padding_are_finite_and_teach_nothing(
    kind, rng, block, seq_len
):
    model, ids = draw_model(rng, kind, block), draw_ids(rng, seq_len)
    mask = np.zeros(ids.shape, bool)
    logits, _ = model(ids, mask)
    targets = np.full(logits.shape[:-1], F.IGNORED)
    loss, grads = learn(model, ids, targets, mask)
    assert np.isfinite(logits).all()
    assert loss == 0
    for name, grad in grads.items():
        assert_array_equal(grad, 0, err_msg=name)


@every_head
@some
@given(rng=rngs, block=blocks, seq_len=lengths)
def test_a_row_of_padding_changes_neither_the_loss_nor_a_gradient(
    kind, rng, block, seq_len
):
    model, ids = draw_model(rng, kind, block), draw_ids(rng, seq_len)
    mask = rng.random(ids.shape) < 0.7
    mask[:, 0], mask[2] = True, False
    logits, _ = model(ids, mask)
    targets = rng.integers(0, logits.shape[-1], logits.shape[:-1])
    targets[2] = F.IGNORED
    if targets.ndim == 2:
        targets = np.where(mask, targets, F.IGNORED)
    others = [0, 1, 3]
    loss, grads = learn(model, ids, targets, mask)
    loss_without, grads_without = learn(model, ids[others], targets[others], mask[others])
    assert_allclose(loss, loss_without, **CLOSE)
    for name, grad in grads.items():
        assert_allclose(grad, grads_without[name], err_msg=name, **CLOSE)


@every_head
@some
@given(rng=rngs, block=blocks, seq_len=lengths)
def test_what_stands_behind_the_mask_changes_no_answer(kind, rng, block, seq_len):
    model, ids = draw_model(rng, kind, block), draw_ids(rng, seq_len)
    mask = rng.random(ids.shape) < 0.6
    mask[:, 0] = True
    other = np.where(mask, ids, draw_ids(rng, seq_len))
    assert_array_equal(model(other, mask)[0], model(ids, mask)[0])


@every_head
@some
@given(rng=rngs, seq_len=st.integers(2, 7))
def test_segments_reach_the_head(kind, rng, seq_len):
    model, ids = draw_model(rng, kind, n_segments=2), draw_ids(rng, seq_len)
    segments = np.broadcast_to(np.arange(seq_len) >= 1, ids.shape).astype(int)
    assert np.abs(model(ids, None, segments)[0] - model(ids)[0]).max() > 1e-9


@every_head
@some
@given(rng=rngs, block=blocks, seq_len=lengths)
def test_the_same_draws_drop_the_same_also_for_a_shard(kind, rng, block, seq_len):
    model, ids = draw_model(rng, kind, block), draw_ids(rng, seq_len)
    draws, part = F.Draws(seed=3, step=7, examples=range(10, 14)), slice(1, 3)
    logits, _ = model(ids, rng=draws)
    assert_array_equal(model(ids, rng=draws)[0], logits)
    assert_allclose(model(ids[part], rng=draws.take(part))[0], logits[part], **CLOSE)
    assert np.abs(model(ids)[0] - logits).max() > 1e-6


@every_head
def test_a_replica_reads_the_same_weights_and_learns_for_itself(kind):
    rng = np.random.default_rng(0)
    model, ids = draw_model(rng, kind), draw_ids(rng, 5)
    twin = model.replica()
    for name, array in twin.state_dict().items():
        assert array is model.state_dict()[name], name
    logits, backward = twin(ids)
    backward(rng.normal(size=logits.shape))
    assert all(p.grad is None for _, p in model.named_parameters())
    assert all(p.grad is not None for _, p in twin.named_parameters())


@every_head
def test_the_maps_are_the_encoders(kind):
    rng = np.random.default_rng(0)
    model, ids = draw_model(rng, kind, n_segments=2), draw_ids(rng, 5)
    mask = rng.random(ids.shape) < 0.6
    inputs = ids, mask, rng.integers(0, 2, ids.shape)
    maps = zip(
        model.attention_maps(*inputs), model.encoder.attention_maps(*inputs), strict=True
    )
    for of_the_model, of_the_encoder in maps:
        assert_array_equal(of_the_model, of_the_encoder)


@every_head
def test_an_encoders_weights_move_from_one_head_to_another(kind):
    """So a classifier begins where a masked language model ended."""
    rng = np.random.default_rng(0)
    pretrained = draw_model(rng, MaskedLanguageModel)
    model, ids = draw_model(rng, kind), draw_ids(rng, 5)
    assert np.abs(model.encoder(ids)[0] - pretrained.encoder(ids)[0]).max() > 1e-3
    model.encoder.load_state_dict(pretrained.encoder.state_dict())
    assert_array_equal(model.encoder(ids)[0], pretrained.encoder(ids)[0])


# Masked language model


@some
@given(rngs, blocks, lengths)
def test_the_embedding_learns_from_the_words_read_and_from_the_words_scored(
    rng, block, seq_len
):
    """With a second copy of E at the output, each learns its own half of the gradient."""
    model, ids = draw_model(rng, MaskedLanguageModel, block), draw_ids(rng, seq_len)
    targets = draw_ids(rng, seq_len)
    E = "encoder.vocabulary.token_embed.weight"
    loss, grads = learn(model, ids, targets)

    model.zero_grad()
    output = copy.deepcopy(model.encoder.vocabulary)
    h, encoder_backward = model.encoder(ids)
    t, transform_backward = model.transform(h)
    t, activation_backward = model.activation(t)
    t, norm_backward = model.norm(t)
    logits, unembed_backward = output.unembed(t)
    loss_apart, loss_backward = F.cross_entropy(logits + model.bias.data, targets)
    dt = norm_backward(unembed_backward(loss_backward()))
    encoder_backward(transform_backward(activation_backward(dt)))
    words_read, words_scored = learned(model.encoder), output.token_embed.weight.grad

    assert_allclose(loss, loss_apart, **CLOSE)
    words_read = words_read["vocabulary.token_embed.weight"]
    assert np.abs(words_read).max() > 1e-6 < np.abs(words_scored).max()
    assert_allclose(grads[E], words_read + words_scored, **CLOSE)


@some
@given(rngs, lengths)
def test_a_words_bias_is_added_to_its_logit_everywhere(rng, seq_len):
    model, ids = draw_model(rng, MaskedLanguageModel), draw_ids(rng, seq_len)
    logits, _ = model(ids)
    model.bias.data[3] += 2
    more = np.zeros(11)
    more[3] = 2
    assert_allclose(model(ids)[0] - logits, np.broadcast_to(more, logits.shape), **CLOSE)


@pytest.mark.parametrize("activation", list(PARTS["activation"]))
@examples(4)
@given(rng=rngs, block=blocks, seq_len=lengths)
def test_words_are_scored_by_the_equation_with_the_configs_activation(
    activation, rng, block, seq_len
):
    model = draw_model(rng, MaskedLanguageModel, block, activation=activation)
    ids = draw_ids(rng, seq_len)
    W, b = model.transform.weight.data, model.transform.bias.data
    t, _ = PARTS["activation"][activation](model.encoder(ids)[0] @ W + b)
    t = (t - t.mean(-1, keepdims=True)) / np.sqrt(t.var(-1, keepdims=True) + 1e-5)
    t = t * model.norm.gamma.data + model.norm.beta.data
    E = model.encoder.vocabulary.token_embed.weight.data
    assert_allclose(model(ids)[0], t @ E.T + model.bias.data, **CLOSE)


# One answer for the whole input


@some
@given(rngs, blocks, lengths)
def test_a_text_is_classified_by_the_equations(rng, block, seq_len):
    model, ids = draw_model(rng, SequenceClassifier, block), draw_ids(rng, seq_len)
    W_pool, b_pool = model.pooler.weight.data, model.pooler.bias.data
    pooled = np.tanh(model.encoder(ids)[0][:, 0] @ W_pool + b_pool)
    W, b = model.classifier.weight.data, model.classifier.bias.data
    assert_allclose(model(ids)[0], pooled @ W + b, **CLOSE)


@some
@given(rngs, lengths)
def test_pooling_reads_and_teaches_the_first_token_alone(rng, seq_len):
    model = draw_model(rng, SequenceClassifier)
    h, other = rng.normal(size=(2, 4, seq_len, 6))
    other[:, 0] = h[:, 0]
    pooled, pool_backward = model.pool(h)
    dh = pool_backward(rng.normal(size=pooled.shape))
    assert pooled.shape == (4, 6)
    assert_array_equal(model.pool(other)[0], pooled)
    assert np.abs(dh[:, 0]).max() > 0
    assert_array_equal(dh[:, 1:], 0)
    h[:, 0] += 1
    assert np.abs(model.pool(h)[0] - pooled).max() > 1e-6


@some
@given(rngs, blocks, st.integers(2, 7))
def test_every_token_is_heard_by_way_of_the_first(rng, block, seq_len):
    model, ids = draw_model(rng, SequenceClassifier, block), draw_ids(rng, seq_len)
    logits, _ = model(ids)
    assert logits.shape == (4, len(LABELS))
    for t in range(seq_len):
        other = ids.copy()
        other[:, t] = (ids[:, t] + 1) % 11
        assert (np.abs(model(other)[0] - logits).max(-1) > 0).all()


# One answer for each token


@some
@given(rngs, blocks, lengths)
def test_a_token_is_classified_by_the_equation(rng, block, seq_len):
    model, ids = draw_model(rng, TokenClassifier, block), draw_ids(rng, seq_len)
    W, b = model.classifier.weight.data, model.classifier.bias.data
    assert_allclose(model(ids)[0], model.encoder(ids)[0] @ W + b, **CLOSE)


@some
@given(rngs, st.integers(2, 7))
def test_without_positions_permuted_tokens_get_permuted_tags(rng, seq_len):
    model = draw_model(rng, TokenClassifier, positions="none")
    ids, order = draw_ids(rng, seq_len), rng.permutation(seq_len)
    logits, _ = model(ids)
    assert logits.shape == (4, seq_len, len(LABELS))
    assert_allclose(model(ids[:, order])[0], logits[:, order], **CLOSE)


@some
@given(rngs, lengths)
def test_at_padding_a_tag_is_the_bias_alone(rng, seq_len):
    model, ids = draw_model(rng, TokenClassifier), draw_ids(rng, seq_len)
    mask = rng.random(ids.shape) < 0.5
    at_padding = model(ids, mask)[0][~mask]
    bias = np.broadcast_to(model.classifier.bias.data, at_padding.shape)
    assert_array_equal(at_padding, bias)


# What the heads themselves drop


def test_both_classifiers_drop_what_they_read():
    rng = np.random.default_rng(0)
    ids, draws = draw_ids(rng, 5), F.Draws(seed=0, step=0, examples=range(4))
    model = draw_model(rng, SequenceClassifier)
    pooled, _ = model.pool(model.encoder(ids, rng=draws)[0])
    undropped, _ = model.classifier(pooled)
    assert np.abs(model(ids, rng=draws)[0] - undropped).max() > 1e-3

    model = draw_model(rng, TokenClassifier)
    undropped, _ = model.classifier(model.encoder(ids, rng=draws)[0])
    assert np.abs(model(ids, rng=draws)[0] - undropped).max() > 1e-3


@every_head
def test_no_two_places_drop_by_the_same_numbers(kind):
    """One after the embedding, two in each block, and one before a classifier."""
    sites = []

    class Watched(F.Draws):
        def random(self, size, dtype=np.float32):
            sites.append(self.site)
            return super().random(size, dtype)

    rng = np.random.default_rng(0)
    model, ids = draw_model(rng, kind), draw_ids(rng, 5)
    model(ids, rng=Watched(seed=3, step=7, examples=range(4)))
    assert len(sites) == 1 + 2 * 2 + (kind is not MaskedLanguageModel)
    assert len(set(sites)) == len(sites)


# The door


@pytest.mark.parametrize(
    "labels",
    [(), ("one",), ("a", "a"), ("a", "b", "a"), ("a", 1), "ab", None, 2],
    ids=repr,
)
def test_labels_that_are_not_two_different_names_are_refused(labels):
    with pytest.raises(ValueError, match=r"labels .*: give at least two different names"):
        ClassifierConfig(11, 7, 6, 2, 3, labels=labels)


@pytest.mark.parametrize(
    "name", ["", " ", "\t\n", "a\ud800", "\udfffb", "\udabc"], ids=ascii
)
def test_a_label_that_cannot_be_written_is_refused(name):
    """Blank, or with half of a pair of UTF-16, which no file in UTF-8 may hold."""
    with pytest.raises(
        ValueError, match=r"^label .* cannot be written: give it characters"
    ):
        ClassifierConfig(11, 7, 6, 2, 3, labels=("yes", name))
    beside = ("\ud7ff", "\ue000")  # the characters next to those halves
    assert ClassifierConfig(11, 7, 6, 2, 3, labels=beside).labels == beside


@some
@given(blocks, st.lists(st.text().filter(str.strip), min_size=2, max_size=5, unique=True))
def test_a_classifiers_config_comes_back_from_json(block, labels):
    config = ClassifierConfig(11, 7, 6, 2, 3, block=block, labels=tuple(labels))
    read = ClassifierConfig(**json.loads(json.dumps(dataclasses.asdict(config))))
    assert read == config
    assert read.labels == tuple(labels)


@every_head
def test_every_head_refuses_what_its_encoder_refuses(kind):
    model = draw_model(np.random.default_rng(0), kind)
    ids = np.zeros((2, 3), int)
    for wrong, message in [
        ((ids + 11,), "token id 11"),
        ((np.zeros((2, 8), int),), "seq_len 8 exceeds max_seq_len 7"),
        ((ids, np.ones((2, 4), bool)), r"mask \(2, 4\)"),
        ((ids, np.ones((2, 3))), "mask float64"),
        ((ids, None, ids), "n_segments is 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            model(*wrong)
