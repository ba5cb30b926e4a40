"""DecoderOnly with BLOOM's parts against BLOOM as transformers has it, every gradient.

transformers' BLOOM takes its softmax in float32 whatever the model's dtype, makes its
slopes in float32, and writes sqrt(2 / pi) with eight digits in its gelu. To compare in
float64, softmax and gelu are PyTorch's own, and the numbers of heads are those whose
slopes float32 holds exactly. E is scaled as in test_decoder_parity.py; the norm of the
embedding undoes that, but for its eps.
"""

import math
from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minillm import functional as F
from minillm.models import DecoderConfig, DecoderOnly
from tests.parity.libraries import library
from tests.parity.torch_peer import (
    assert_same_layer,
    cross_entropy,
    dtypes,
    learn,
    torch,
)
from tests.strategies import examples, rngs

transformers = library("transformers")

D_MODEL, VOCAB_SIZE, MAX_SEQ_LEN = 24, 17, 9
SCALE = math.sqrt(D_MODEL)
NORMS = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
LINEARS = {
    "attn.o_proj": "self_attention.dense",
    "ffn.up_proj": "mlp.dense_h_to_4h",
    "ffn.down_proj": "mlp.dense_4h_to_h",
}


def make_bloom(config):
    peer = transformers.BloomForCausalLM(
        transformers.BloomConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.d_model,
            n_layer=config.n_layers,
            n_head=config.n_heads,
            hidden_dropout=0.0,
            attention_dropout=0.0,
        )
    )
    for block in peer.transformer.h:
        block.mlp.gelu_impl = torch.nn.GELU(approximate="tanh")
    return peer


def softmax_in_its_own_dtype(x, dim, dtype=None):
    return torch.softmax(x, dim)


def run(peer, ids):
    with mock.patch.object(torch.nn.functional, "softmax", softmax_in_its_own_dtype):
        return peer(torch.tensor(ids)).logits


def norm_form(arrays, ours, theirs, scale=1.0):
    return {
        f"{theirs}.weight": arrays[f"{ours}.gamma"] / scale,
        f"{theirs}.bias": arrays[f"{ours}.beta"] / scale,
    }


def bloom_form(arrays, config, scale):
    """BLOOM keeps its matrices (d_out, d_in), and q, k, v side by side for each head."""
    form = {
        "transformer.word_embeddings.weight": scale
        * arrays["vocabulary.token_embed.weight"]
    }
    form |= norm_form(arrays, "embed_norm", "transformer.word_embeddings_layernorm")
    form |= norm_form(arrays, "final_norm", "transformer.ln_f", scale)
    for i in range(config.n_layers):
        ours, theirs = f"blocks.{i}", f"transformer.h.{i}"
        for name, their_name in NORMS.items():
            form |= norm_form(arrays, f"{ours}.{name}", f"{theirs}.{their_name}")
        for name, their_name in LINEARS.items():
            form[f"{theirs}.{their_name}.weight"] = arrays[f"{ours}.{name}.weight"].T
            form[f"{theirs}.{their_name}.bias"] = arrays[f"{ours}.{name}.bias"]
        for kind in "weight", "bias":
            q_k_v = [arrays[f"{ours}.attn.{name}_proj.{kind}"].T for name in "qkv"]
            by_head = [a.reshape(config.n_heads, 1, -1, *a.shape[1:]) for a in q_k_v]
            fused = np.concatenate(by_head, 1).reshape(-1, *q_k_v[0].shape[1:])
            form[f"{theirs}.self_attention.query_key_value.{kind}"] = fused
    return form


@dtypes
@examples(8)
@given(rng=rngs, n_layers=st.integers(1, 3), n_heads=st.sampled_from([2, 3, 4, 6, 8]))
def test_bloom_logits_loss_and_every_gradient(dtype, rng, n_layers, n_heads):
    """Every parameter is drawn anew, norms and biases too; some targets are ignored."""
    config = DecoderConfig(
        VOCAB_SIZE,
        MAX_SEQ_LEN,
        D_MODEL,
        n_layers,
        n_heads,
        positions="alibi",
        embed_norm="layer_norm",
    )
    model, peer = DecoderOnly(config, rng=rng), make_bloom(config)
    ids, targets = rng.integers(0, VOCAB_SIZE, (2, 4, 7))
    targets[rng.random(targets.shape) < 0.2] = F.IGNORED
    targets[0, 0] = 0

    assert_same_layer(
        model,
        peer,
        lambda arrays: bloom_form(arrays, config, SCALE),
        lambda: learn(model, targets, ids),
        lambda: cross_entropy(run(peer, ids), targets),
        [],
        rng,
        dtype,
        lambda arrays: bloom_form(arrays, config, 1 / SCALE),
    )
