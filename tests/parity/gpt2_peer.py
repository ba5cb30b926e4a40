"""GPT-2 as transformers has it, as small as one of our decoders."""

import math

from tests.parity.libraries import library

__tracebackhide__ = True
transformers = library("transformers")

D_MODEL = 12
SCALE = math.sqrt(D_MODEL)  # of our token embedding, see gpt2_form


def make_gpt2(config):
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.max_seq_len,
            n_embd=config.d_model,
            n_layer=config.n_layers,
            n_head=config.n_heads,
            n_inner=config.d_ff,
            activation_function="gelu_new",
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    )
