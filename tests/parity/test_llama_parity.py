"""DecoderOnly with LLaMA's parts against LLaMA as transformers has it, every gradient.

transformers computes LLaMA's norms and angles in float32 whatever the model's dtype. To
compare in float64, its norms are replaced by PyTorch's own RMSNorm, and it is given our
angles, which have a test of their own (test_order_parity.py). A tied E is scaled as in
test_decoder_parity.py.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm import functional as F
from minillm.models import DecoderConfig, DecoderOnly
from tests.parity.libraries import library
from tests.parity.torch_peer import (
    assert_close,
    assert_same_layer,
    cross_entropy,
    dtypes,
    learn,
    load,
    torch,
    weights,
)
from tests.strategies import examples, rngs, scatter

transformers = library("transformers")

D_MODEL, VOCAB_SIZE, MAX_SEQ_LEN = 12, 17, 9
BLOCK = {
    "attn_norm.gamma": "input_layernorm.weight",
    "attn.q_proj.weight": "self_attn.q_proj.weight",
    "attn.k_proj.weight": "self_attn.k_proj.weight",
    "attn.v_proj.weight": "self_attn.v_proj.weight",
    "attn.o_proj.weight": "self_attn.o_proj.weight",
    "ffn_norm.gamma": "post_attention_layernorm.weight",
    "ffn.gate_proj.weight": "mlp.gate_proj.weight",
    "ffn.up_proj.weight": "mlp.up_proj.weight",
    "ffn.down_proj.weight": "mlp.down_proj.weight",
}


def llama_config(vocabulary, n_layers, n_heads, n_kv_heads, d_head):
    return DecoderConfig(
        VOCAB_SIZE,
        MAX_SEQ_LEN,
        D_MODEL,
        n_layers,
        n_heads,
        d_ff=20,
        n_kv_heads=n_kv_heads,
        d_head=d_head,
        positions="rotary",
        vocabulary=vocabulary,
        norm="rms_norm",
        feed_forward="gated",
        activation="silu",
        bias=False,
    )


class Angles(torch.nn.Module):
    """Our cosines and sines."""

    def __init__(self, order):
        super().__init__()
        for name, table in order.named_buffers():
            both = np.concatenate([table.data, table.data], -1).astype(np.float64)
            self.register_buffer(name, torch.tensor(both))

    def forward(self, x, position_ids):
        return self.cos[position_ids], self.sin[position_ids]


def norm_in_float64():
    return torch.nn.RMSNorm(D_MODEL, eps=1e-6)


def make_llama(model):
    c = model.config
    peer = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=c.vocab_size,
            max_position_embeddings=c.max_seq_len,
            hidden_size=c.d_model,
            num_hidden_layers=c.n_layers,
            num_attention_heads=c.n_heads,
            num_key_value_heads=c.n_kv_heads,
            head_dim=c.d_head,
            intermediate_size=c.d_ff,
            hidden_act="silu",
            rms_norm_eps=1e-6,
            tie_word_embeddings=c.vocabulary == "tied",
        )
    )
    peer.model.rotary_emb = Angles(model.blocks[0].attn.order)
    peer.model.norm = norm_in_float64()
    for layer in peer.model.layers:
        layer.input_layernorm = norm_in_float64()
        layer.post_attention_layernorm = norm_in_float64()
    return peer


def llama_form(arrays, config, scale):
    """LLaMA keeps its matrices (d_out, d_in). `scale` is E's, the final norm gives it."""
    form = {
        "model.embed_tokens.weight": scale * arrays["vocabulary.token_embed.weight"],
        "model.norm.weight": arrays["final_norm.gamma"] / scale,
    }
    if config.vocabulary == "untied":
        form["lm_head.weight"] = arrays["vocabulary.lm_head.weight"].T
    for i in range(config.n_layers):
        for ours, theirs in BLOCK.items():
            array = arrays[f"blocks.{i}.{ours}"]
            form[f"model.layers.{i}.{theirs}"] = array.T if array.ndim == 2 else array
    return form


@dtypes
@pytest.mark.parametrize("vocabulary", ["untied", "tied"])
@examples(6)
@given(
    rng=rngs,
    n_layers=st.integers(1, 3),
    heads=st.sampled_from([(3, 3), (4, 2), (6, 2), (4, 1)]),
    d_head=st.sampled_from([2, 4, 6]),
)
def test_llama_logits_loss_and_every_gradient(
    vocabulary, dtype, rng, n_layers, heads, d_head
):
    """Every parameter is drawn anew, norms too; some targets are ignored."""
    config = llama_config(vocabulary, n_layers, *heads, d_head)
    model = DecoderOnly(config, rng=rng).astype(dtype)
    peer = make_llama(model)
    scale = math.sqrt(D_MODEL) if vocabulary == "tied" else 1.0
    ids, targets = rng.integers(0, VOCAB_SIZE, (2, 4, 7))
    targets[rng.random(targets.shape) < 0.2] = F.IGNORED
    targets[0, 0] = 0
    assert_same_layer(
        model,
        peer,
        lambda arrays: llama_form(arrays, config, scale),
        lambda: learn(model, targets, ids),
        lambda: cross_entropy(peer(torch.tensor(ids)).logits, targets),
        [],
        rng,
        dtype,
        lambda arrays: llama_form(arrays, config, 1 / scale),
    )


@examples(6)
@given(rng=rngs, cut=st.integers(1, 6))
def test_steps_through_our_cache_are_llamas_steps_through_its_own(rng, cut):
    config = llama_config("untied", 2, 4, 2, 6)
    model = scatter(DecoderOnly(config, rng=rng).astype(np.float64), rng)
    peer = make_llama(model).double().eval()
    load(peer, llama_form(weights(model), config, 1.0))
    ids = rng.integers(0, VOCAB_SIZE, (4, 7))
    caches, past = model.caches(), None
    for chunk in np.split(ids, [cut], 1):
        logits = model.step(chunk, caches)
        with torch.no_grad():
            step = peer(torch.tensor(chunk), past_key_values=past, use_cache=True)
        past = step.past_key_values
        assert_close(logits, step.logits, np.float64, "logits")
