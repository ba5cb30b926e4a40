"""Our decoder's weights in transformers' GPT-2, with which it is one function.

GPT-2 reads with the very matrix E' that it scores with; ours multiplies E by
sqrt(d_model) on the way in. They agree where

    E' = sqrt(d_model) E        gamma' = gamma / sqrt(d_model), and beta' alike

for the final norm's gamma and beta.
"""

import math
from typing import Any

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from minillm.cli.presets import Preset
from minillm.types import Array

# GPT-2's Conv1D keeps its matrices (d_in, d_out), as we do.
BLOCK = {
    "attn_norm.gamma": "ln_1.weight",
    "attn_norm.beta": "ln_1.bias",
    "attn.o_proj.weight": "attn.c_proj.weight",
    "attn.o_proj.bias": "attn.c_proj.bias",
    "ffn_norm.gamma": "ln_2.weight",
    "ffn_norm.beta": "ln_2.bias",
    "ffn.up_proj.weight": "mlp.c_fc.weight",
    "ffn.up_proj.bias": "mlp.c_fc.bias",
    "ffn.down_proj.weight": "mlp.c_proj.weight",
    "ffn.down_proj.bias": "mlp.c_proj.bias",
}


def gpt2(size: Preset, state: dict[str, Array]) -> Any:
    """A GPT2LMHeadModel that computes what a DecoderOnly with this state does."""
    config = GPT2Config(
        vocab_size=size.vocab_size,
        n_positions=size.max_seq_len,
        n_embd=size.d_model,
        n_layer=size.n_layers,
        n_head=size.n_heads,
        bos_token_id=None,
        eos_token_id=None,
    )
    peer = GPT2LMHeadModel(config).eval()
    form = gpt2_form(state, math.sqrt(size.d_model), size.n_layers)
    theirs = {name: torch.from_numpy(array) for name, array in form.items()}
    with torch.no_grad():
        for name, p in peer.named_parameters():  # each once: the tied head is wte
            p.copy_(theirs[name])
    return peer


def gpt2_form(state: dict[str, Array], scale: float, n_layers: int) -> dict[str, Array]:
    form = {
        "transformer.wte.weight": scale * state["vocabulary.token_embed.weight"],
        "transformer.wpe.weight": state["positions.weight"],
        "transformer.ln_f.weight": state["final_norm.gamma"] / scale,
        "transformer.ln_f.bias": state["final_norm.beta"] / scale,
    }
    for i in range(n_layers):
        ours, theirs = f"blocks.{i}.", f"transformer.h.{i}."
        form |= {theirs + name: state[ours + own] for own, name in BLOCK.items()}
        for kind in "weight", "bias":
            q_k_v = [state[f"{ours}attn.{part}_proj.{kind}"] for part in "qkv"]
            form[f"{theirs}attn.c_attn.{kind}"] = np.concatenate(q_k_v, -1)
    return form
