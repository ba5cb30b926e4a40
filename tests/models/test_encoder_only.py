"""The encoder: what padding may not change, what order and segments do, what it refuses."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.models import EncoderConfig, EncoderOnly
from minillm.models.parts import PARTS
from tests.strategies import examples, rngs, scatter

CLOSE = {"rtol": 1e-10, "atol": 1e-10}
MAX_SEQ_LEN = 9

POSITIONS = list(PARTS["positions"])
ABSOLUTE = ["learned", "sinusoidal"]
every_position = pytest.mark.parametrize("positions", POSITIONS)
every_block = pytest.mark.parametrize("block", ["pre_norm", "post_norm"])


def configs_of(positions, block=None, **fixed):
    """Any shape with this sense of order; rotary positions need an even d_head."""
    even = positions.startswith("rotary")
    shapes = {
        "vocab_size": st.integers(2, 11),
        "max_seq_len": st.just(MAX_SEQ_LEN),
        "d_model": st.sampled_from([4, 8, 12]),
        "n_layers": st.integers(1, 3),
        "n_heads": st.sampled_from([2, 4]),
        "d_ff": st.sampled_from([None, 5]),
        "n_kv_heads": st.sampled_from([None, 1, 2]),
        "d_head": st.sampled_from([2, 4] if even else [None, 3]),
        "positions": st.just(positions),
        "embed_norm": st.sampled_from(["none", "layer_norm"]),
        "block": st.just(block) if block else st.sampled_from(list(PARTS["block"])),
        "norm": st.sampled_from(["layer_norm", "rms_norm"]),
        "feed_forward": st.sampled_from(["plain", "gated"]),
        "activation": st.sampled_from(["relu", "gelu", "gelu_exact", "silu"]),
        "bias": st.booleans(),
        "n_segments": st.sampled_from([0, 2]),
        "dropout": st.just(0.3),
    }
    return st.builds(EncoderConfig, **(shapes | {n: st.just(v) for n, v in fixed.items()}))


configs = st.sampled_from(POSITIONS).flatmap(configs_of)
lengths = st.integers(1, MAX_SEQ_LEN)
fewer = examples(3)
some = examples(10)


def draw_model(rng, config):
    return scatter(EncoderOnly(config, rng=rng).astype(np.float64), rng)


def draw_ids(rng, config, seq_len, batch=3):
    return rng.integers(0, config.vocab_size, (batch, seq_len))


def draw_segments(rng, config, ids):
    return rng.integers(0, 2, ids.shape) if config.n_segments else None


def draw_mask(rng, shape):
    """Padding anywhere; each row has a token."""
    mask = rng.random(shape) < 0.6
    mask[:, rng.integers(shape[1])] = True
    return mask


def gradients(model):
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


# Padding


@every_position
@every_block
@fewer
@given(rng=rngs, seq_len=lengths, data=st.data())
def test_what_stands_behind_the_mask_changes_nothing_to_the_last_bit(
    positions, block, rng, seq_len, data
):
    config = data.draw(configs_of(positions, block))
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    mask, segments = draw_mask(rng, ids.shape), draw_segments(rng, config, ids)
    other = np.where(mask, ids, draw_ids(rng, config, seq_len))
    h, _ = model(ids, mask, segments)
    assert_array_equal(model(other, mask, segments)[0], h)
    assert_array_equal(h[~mask], 0)
    assert (np.abs(h[mask]).max(-1) > 0).all()


@every_position
@every_block
@fewer
@given(rng=rngs, seq_len=lengths, data=st.data())
def test_a_padded_sequence_is_the_shorter_one(positions, block, rng, seq_len, data):
    """Each row of a padded batch, beside itself alone and unpadded."""
    config = data.draw(configs_of(positions, block))
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    segments = draw_segments(rng, config, ids)
    n = rng.integers(1, seq_len + 1, len(ids))
    h, _ = model(ids, np.arange(seq_len) < n[:, None], segments)
    for i in range(len(ids)):
        row = slice(i, i + 1), slice(0, n[i])
        alone, _ = model(ids[row], None, None if segments is None else segments[row])
        assert_allclose(h[row], alone, **CLOSE)


@every_position
@fewer
@given(rng=rngs, seq_len=st.integers(2, 6), shift=st.integers(1, 3), data=st.data())
def test_padding_in_front_is_seen_by_absolute_positions_alone(
    positions, rng, seq_len, shift, data
):
    """Where only distances count, a sequence may stand anywhere."""
    config = data.draw(configs_of(positions))
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    order = model.blocks[0].attn.order
    if positions.startswith("rotary"):  # a table in float32 turns by rounded angles
        table = F.rotary_table(MAX_SEQ_LEN, config.head_width)
        order.cos.data, order.sin.data = table
    mask = np.arange(shift + seq_len) >= shift
    shifted = np.pad(ids, ((0, 0), (shift, 0)))
    h, _ = model(ids)
    h_shifted, _ = model(shifted, np.broadcast_to(mask, shifted.shape))
    if positions in ABSOLUTE:
        assert np.abs(h_shifted[:, shift:] - h).max() > 1e-6
    else:
        assert_allclose(h_shifted[:, shift:], h, **CLOSE)


@some
@given(rngs, configs, lengths)
def test_no_gradient_comes_through_padding(rng, config, seq_len):
    """Whatever the head asks of padded places, nothing is learned from it."""
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    mask = draw_mask(rng, ids.shape)
    h, backward = model(ids, mask)
    dh = rng.normal(size=h.shape)
    backward(dh)
    learned = {name: grad.copy() for name, grad in gradients(model).items()}
    model.zero_grad()
    backward(np.where(mask[..., None], dh, 100 * rng.normal(size=h.shape)))
    for name, grad in gradients(model).items():
        assert_array_equal(grad, learned[name], err_msg=name)


@every_position
@every_block
@fewer
@given(rng=rngs, seq_len=lengths, data=st.data())
def test_rows_of_nothing_but_padding_say_nothing_and_teach_nothing(
    positions, block, rng, seq_len, data
):
    config = data.draw(configs_of(positions, block))
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    h, backward = model(ids, np.zeros(ids.shape, bool))
    assert_array_equal(h, 0)
    backward(rng.normal(size=h.shape))
    assert gradients(model)
    for name, grad in gradients(model).items():
        assert_array_equal(grad, 0, err_msg=name)


@some
@given(rngs, configs, lengths)
def test_a_row_of_padding_does_not_disturb_the_others(rng, config, seq_len):
    """The batch with it and the batch without it: the same outputs, the same lesson."""
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    mask = draw_mask(rng, ids.shape)
    mask[1] = False
    h, backward = model(ids, mask)
    dh = rng.normal(size=h.shape)
    backward(dh)
    learned = {name: grad.copy() for name, grad in gradients(model).items()}
    model.zero_grad()
    others = [0, 2]
    h_others, others_backward = model(ids[others], mask[others])
    others_backward(dh[others])
    assert_allclose(h[others], h_others, **CLOSE)
    for name, grad in gradients(model).items():
        assert_allclose(grad, learned[name], err_msg=name, **CLOSE)


# Who sees whom


@every_position
@fewer
@given(rng=rngs, seq_len=st.integers(2, MAX_SEQ_LEN), data=st.data())
def test_the_first_token_sees_the_last_and_the_last_the_first(
    positions, rng, seq_len, data
):
    config = data.draw(configs_of(positions))
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    h, _ = model(ids)
    for changed, seen_at in (-1, 0), (0, -1):
        other = ids.copy()
        other[:, changed] = (ids[:, changed] + 1) % config.vocab_size
        assert (np.abs(model(other)[0][:, seen_at] - h[:, seen_at]).max(-1) > 0).all()


@some
@given(rngs, configs_of("none"), lengths)
def test_without_positions_permuted_tokens_give_permuted_vectors(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    mask, segments = draw_mask(rng, ids.shape), draw_segments(rng, config, ids)
    order = rng.permutation(seq_len)
    h, _ = model(ids, mask, segments)
    moved = None if segments is None else segments[:, order]
    assert_allclose(model(ids[:, order], mask[:, order], moved)[0], h[:, order], **CLOSE)


@every_position
@fewer
@given(rng=rngs, data=st.data())
def test_the_order_of_the_other_words_is_seen_unless_nothing_tells_it(positions, rng, data):
    """The first of four tokens, after the second and the last were exchanged."""
    model = draw_model(rng, data.draw(configs_of(positions)))
    h, _ = model(np.array([[0, 0, 0, 1], [0, 1, 0, 0]]))
    if positions == "none":
        assert_allclose(h[0, 0], h[1, 0], **CLOSE)
    else:
        assert np.abs(h[0, 0] - h[1, 0]).max() > 1e-9


@some
@given(rngs, configs, lengths)
def test_sequences_of_a_batch_do_not_meet(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    mask = draw_mask(rng, ids.shape)
    h, _ = model(ids, mask)
    for i in range(len(ids)):
        row = slice(i, i + 1)
        assert_allclose(model(ids[row], mask[row])[0], h[row], **CLOSE)


# Segments


segmented = st.sampled_from(POSITIONS).flatmap(lambda p: configs_of(p, n_segments=2))


@some
@given(rngs, segmented, lengths, st.data())
def test_the_segment_of_one_token_is_seen_by_all(rng, config, seq_len, data):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    segments = rng.integers(0, 2, ids.shape)
    other = segments.copy()
    t = data.draw(st.integers(0, seq_len - 1))
    other[:, t] = 1 - segments[:, t]
    h, h_other = model(ids, None, segments)[0], model(ids, None, other)[0]
    assert (np.abs(h_other - h).max(-1) > 0).all()


@some
@given(rngs, st.sampled_from(ABSOLUTE).flatmap(lambda p: configs_of(p, n_segments=2)))
def test_word_place_and_segment_are_added_and_then_normed(rng, config):
    """norm(sqrt(d_model) E[ids] + P + S[segment_ids]), at the full length."""
    model, ids = draw_model(rng, config), draw_ids(rng, config, MAX_SEQ_LEN)
    segments = rng.integers(0, 2, ids.shape)
    P, _ = model.positions(0, MAX_SEQ_LEN)
    E = model.vocabulary.token_embed.weight.data
    h = np.sqrt(config.d_model) * E[ids] + P + model.segments.weight.data[segments]
    expected, _ = model.embed_norm(h)
    assert_allclose(model.embed(ids, None, segments)[0], expected, **CLOSE)


@some
@given(rngs, segmented, lengths)
def test_without_segment_ids_all_is_the_first_segment(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    h, backward = model(ids)
    assert_array_equal(model(ids, None, np.zeros_like(ids))[0], h)
    backward(rng.normal(size=h.shape))
    grad = model.segments.weight.grad
    assert_array_equal(grad[1], 0)
    assert np.abs(grad[0]).max() > 0


# Dropout, replicas, maps


@some
@given(rngs, configs, lengths)
def test_the_same_draws_drop_the_same_for_the_whole_batch_and_a_shard(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len, batch=4)
    mask = draw_mask(rng, ids.shape)
    draws = F.Draws(seed=3, step=7, examples=range(10, 14))
    h, _ = model(ids, mask, rng=draws)
    part = slice(1, 3)
    assert_array_equal(model(ids, mask, rng=draws)[0], h)
    assert_allclose(model(ids[part], mask[part], rng=draws.take(part))[0], h[part], **CLOSE)
    for other in None, dataclasses.replace(draws, step=8):
        assert np.abs(model(ids, mask, rng=other)[0] - h).max() > 1e-6


@some
@given(rngs, configs, lengths)
def test_the_embedding_and_each_block_drop_by_draws_of_their_own(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    draws = F.Draws(seed=3, step=7, examples=range(3))
    h, _ = model.embed(ids, rng=draws)
    whole, _ = model.embed(ids)
    assert_allclose(h[h != 0], whole[h != 0] / 0.7, rtol=1e-12)
    for i, block in enumerate(model.blocks):
        undropped, _ = block(h)
        h, _ = block(h, None, draws.child(i + 1))
        assert np.abs(h - undropped).max() > 1e-6
    assert_array_equal(model.final_norm(h)[0], model(ids, rng=draws)[0])


@some
@given(rngs, configs, lengths)
def test_a_replica_reads_the_same_weights_and_learns_for_itself(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    twin = model.replica()
    for (_, p), (_, q) in zip(
        model.named_parameters(), twin.named_parameters(), strict=True
    ):
        assert q.data is p.data
    h, backward = twin(ids)
    assert_array_equal(h, model(ids)[0])
    backward(rng.normal(size=h.shape))
    assert gradients(twin) and not gradients(model)


@some
@given(rngs, configs, lengths)
def test_maps_have_rows_that_sum_to_one_and_nothing_looks_at_padding(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    mask = draw_mask(rng, ids.shape)
    mask[2] = False
    maps = model.attention_maps(ids, mask)
    assert len(maps) == config.n_layers
    for weights in maps:
        assert weights.shape == (3, config.n_heads, seq_len, seq_len)
        assert_allclose(weights[:2].sum(-1), 1, rtol=1e-12)
        assert_array_equal(weights[~np.broadcast_to(mask[:, None, None], weights.shape)], 0)
        assert (weights[np.broadcast_to(mask[:, None, None], weights.shape)] > 0).all()


@some
@given(rngs, configs, lengths)
def test_maps_reproduce_the_output_of_their_blocks(rng, config, seq_len):
    model, ids = draw_model(rng, config), draw_ids(rng, config, seq_len)
    mask, segments = draw_mask(rng, ids.shape), draw_segments(rng, config, ids)
    h, _ = model.embed(ids, mask, segments)
    maps = model.attention_maps(ids, mask, segments)
    for block, weights in zip(model.blocks, maps, strict=True):
        pre = config.block == "pre_norm"
        attn, x = block.attn, block.attn_norm(h)[0] if pre else h
        v = attn.share(attn.split(attn.v_proj(x)[0]))
        h = h + attn.o_proj(attn.merge(weights @ v))[0]
        h = h if pre else block.attn_norm(h)[0]
        h = h + block.ffn(block.ffn_norm(h)[0] if pre else h)[0]
        h = h if pre else block.ffn_norm(h)[0]
    h = model.final_norm(h)[0] * mask[..., None]
    assert_allclose(h, model(ids, mask, segments)[0], **CLOSE)


# The config


@given(configs)
def test_a_config_comes_back_from_json(config):
    assert EncoderConfig(**json.loads(json.dumps(dataclasses.asdict(config)))) == config


# The door


def small(**parts):
    config = EncoderConfig(7, 5, 4, 1, 2, **parts)
    return EncoderOnly(config, rng=np.random.default_rng(0))


def uses(model):
    return model, model.embed, model.attention_maps


@pytest.mark.parametrize("wrong", [-1, -7, 7, 2**40])
def test_an_id_outside_the_vocabulary_is_refused_by_number(wrong):
    for use in uses(small()):
        with pytest.raises(ValueError, match=rf"token id {wrong} .* from 0 to 6"):
            use(np.array([[0, 6], [wrong, 1]]))


@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 1)])
def test_ids_that_are_no_batch_of_sequences_are_refused(shape):
    for use in uses(small()):
        with pytest.raises(ValueError, match=r"ids \(.*\(batch, seq_len\)"):
            use(np.zeros(shape, int))


@every_position
def test_more_than_max_seq_len_is_refused(positions):
    for use in uses(small(positions=positions)):
        with pytest.raises(ValueError, match="seq_len 6 exceeds max_seq_len 5"):
            use(np.zeros((2, 6), int))


@pytest.mark.parametrize("shape", [(2,), (3, 2), (2, 4), (2, 3, 1)])
def test_a_mask_of_another_shape_is_refused(shape):
    for use in uses(small()):
        with pytest.raises(ValueError, match=r"mask \(.*: give \(2, 3\)"):
            use(np.zeros((2, 3), int), np.ones(shape, bool))


@pytest.mark.parametrize("dtype", [int, float, np.uint8])
def test_a_mask_that_is_not_of_bool_is_refused(dtype):
    for use in uses(small()):
        with pytest.raises(ValueError, match=r"mask .*: give bool, True where"):
            use(np.zeros((2, 3), int), np.ones((2, 3), dtype))


@pytest.mark.parametrize("wrong", [-1, 2])
def test_a_segment_that_is_not_there_is_refused(wrong):
    for use in uses(small(n_segments=2)):
        with pytest.raises(ValueError, match=rf"segment_ids {wrong} .*0 to 1"):
            use(np.zeros((2, 3), int), None, np.array([[0, 1, 0], [1, wrong, 0]]))


@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 4)])
def test_segment_ids_that_do_not_fit_the_ids_are_refused(shape):
    for use in uses(small(n_segments=2)):
        with pytest.raises(ValueError, match=r"segment_ids \(.* do not fit ids \(2, 3\)"):
            use(np.zeros((2, 3), int), None, np.zeros(shape, int))


def test_segment_ids_that_are_not_integers_are_refused():
    for use in uses(small(n_segments=2)):
        with pytest.raises(ValueError, match="segment_ids: ids are integers, not float64"):
            use(np.zeros((2, 3), int), None, np.zeros((2, 3)))


def test_segment_ids_for_an_encoder_without_segments_are_refused():
    for use in uses(small()):
        with pytest.raises(ValueError, match="n_segments is 0"):
            use(np.zeros((2, 3), int), None, np.zeros((2, 3), int))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"vocabulary": "untied"}, "vocabulary 'untied': an encoder's is 'tied'"),
        ({"n_segments": -1}, "n_segments -1"),
        ({"n_segments": 1.5}, "n_segments 1.5"),
        ({"positions": "absolute"}, "positions 'absolute' is unknown"),
    ],
)
def test_a_config_that_is_no_encoders_is_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        EncoderConfig(7, 5, 4, 1, 2, **parts)
