"""Our decoder's weights in transformers' GPT-2, with which it is one function.

GPT-2 reads with the very matrix E' that it scores with; ours multiplies E by
sqrt(d_model) on the way in. They agree where

    E' = sqrt(d_model) E        gamma' = gamma / sqrt(d_model), and beta' alike

for the final norm's gamma and beta.
"""

import math
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from minillm.cli.presets import Preset
from minillm.types import Array
from tests.gpt2_form import gpt2_form


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
