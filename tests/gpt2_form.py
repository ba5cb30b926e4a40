"""A decoder's arrays by the names of transformers' GPT-2: parity and benchmarks use it."""

import numpy as np

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


def gpt2_form(arrays, scale, n_layers):
    """Weights, or gradients, of a DecoderOnly as GPT-2 has them.

    Ours multiplies the token embedding by sqrt(d_model) on the way in and GPT-2 does not:
    `scale` is what E takes and the final norm gives.
    """
    form = {
        "transformer.wte.weight": scale * arrays["vocabulary.token_embed.weight"],
        "transformer.wpe.weight": arrays["positions.weight"],
        "transformer.ln_f.weight": arrays["final_norm.gamma"] / scale,
        "transformer.ln_f.bias": arrays["final_norm.beta"] / scale,
    }
    for i in range(n_layers):
        ours, theirs = f"blocks.{i}.", f"transformer.h.{i}."
        for name, their_name in BLOCK.items():
            form[theirs + their_name] = arrays[ours + name]
        for kind in "weight", "bias":
            q_k_v = [arrays[f"{ours}attn.{name}_proj.{kind}"] for name in "qkv"]
            form[f"{theirs}attn.c_attn.{kind}"] = np.concatenate(q_k_v, -1)
    return form
