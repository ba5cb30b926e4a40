"""What makes scores depend on where tokens stand, and the gated feed-forward."""

from minillm import functional as F
from minillm.layers import (
    Alibi,
    BidirectionalRelativeBias,
    CausalRelativeBias,
    GatedFeedForward,
    MultiHeadAttention,
    RotaryHalf,
    RotaryInterleaved,
)
from tests.laws.case import Case
from tests.laws.modules import decoder_only, module_case, stream

NOT_DIFFERENTIABLE = {
    "rotary_table": "makes a table",
    "alibi_slopes": "makes a table",
    "alibi_bias": "makes a bias that is not learned",
    "causal_buckets": "makes indices",
    "bidirectional_buckets": "makes indices",
}


def rotary(op):
    def case(rng, sizes):
        batch, n, seq_len, n_pairs, *_ = sizes
        cos, sin = F.rotary_table(seq_len, 2 * n_pairs, base=10.0)
        x = rng.normal(size=(batch, n, seq_len, 2 * n_pairs))
        return Case(op, (x,), {"cos": cos, "sin": sin})

    return case


def relative_bias(rng, sizes):
    n_queries, n_keys, n_heads, n_buckets, *_ = sizes
    return Case(
        lambda table, buckets: F.relative_bias(buckets, table),
        (rng.normal(size=(n_buckets, n_heads)),),
        {"buckets": rng.integers(0, n_buckets, (n_queries, n_keys))},
    )


def turn(kind):
    def case(rng, sizes):
        batch, n, seq_len, n_pairs, start, _ = sizes
        module = kind(start + seq_len + 1, 2 * n_pairs, base=10.0)
        x = rng.normal(size=(batch, n, seq_len, 2 * n_pairs))
        return module_case(module, rng, (x,), {"start": start}, module.turn)

    return case


def bias(make):
    """`like` says where the bias is made and in which dtype."""

    def case(rng, sizes):
        n_queries, n_keys, n_heads, *_ = sizes
        module = make(n_heads, rng)
        constants = {
            "n_queries": n_queries,
            "n_keys": n_queries + n_keys,
            "like": rng.normal(size=1),
        }
        return module_case(module, rng, (), constants, module.bias)

    return case


def alibi(n_heads, rng):
    return Alibi(n_heads)


def causal(n_heads, rng):
    return CausalRelativeBias(n_heads, n_buckets=5, max_distance=9, rng=rng)


def bidirectional(n_heads, rng):
    return BidirectionalRelativeBias(n_heads, n_buckets=6, max_distance=9, rng=rng)


def attention(make, n_kv_heads):
    """Causal self-attention: the order's gradients through the scores, and its own."""

    def case(rng, sizes):
        x = stream(rng, sizes)
        seq_len, d_model = x.shape[1:]
        module = MultiHeadAttention(
            d_model, 4, n_kv_heads=n_kv_heads, d_head=6, order=make(4, rng), rng=rng
        )
        mask = F.causal_mask(seq_len, seq_len)

        def call(x, mask):
            y, backward = module(x, x, mask)
            return y, lambda dy: sum(backward(dy))

        return module_case(module, rng, (x,), {"mask": mask}, call)

    return case


def gated_feed_forward(rng, sizes):
    x = stream(rng, sizes)
    return module_case(GatedFeedForward(x.shape[-1], sizes[3], rng=rng), rng, (x,))


def gated_feed_forward_without_bias(rng, sizes):
    x = stream(rng, sizes)
    layer = GatedFeedForward(x.shape[-1], sizes[3], F.gelu, bias=False, rng=rng)
    return module_case(layer, rng, (x,))


OPERATIONS = {
    "rotary_interleaved": rotary(F.rotary_interleaved),
    "rotary_half": rotary(F.rotary_half),
    "relative_bias": relative_bias,
}

LAYERS = {
    "RotaryInterleaved": turn(RotaryInterleaved),
    "RotaryHalf": turn(RotaryHalf),
    "Alibi": bias(alibi),
    "CausalRelativeBias": bias(causal),
    "BidirectionalRelativeBias": bias(bidirectional),
    "GatedFeedForward": gated_feed_forward,
    "GatedFeedForward/without bias": gated_feed_forward_without_bias,
    "MultiHeadAttention/rotary": attention(lambda n, rng: RotaryHalf(9, 6), 2),
    "MultiHeadAttention/interleaved": attention(lambda n, rng: RotaryInterleaved(9, 6), 4),
    "MultiHeadAttention/alibi": attention(alibi, 2),
    "MultiHeadAttention/relative": attention(causal, 4),
}

MODELS = {
    "DecoderOnly/bloom": decoder_only(positions="alibi", embed_norm="layer_norm"),
    "DecoderOnly/llama": decoder_only(
        positions="rotary",
        norm="rms_norm",
        feed_forward="gated",
        activation="silu",
        vocabulary="untied",
        n_kv_heads=1,
        d_head=4,
        bias=False,
    ),
}
