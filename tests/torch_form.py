"""Arrays of our layers by the names of torch.nn's: parity and benchmarks use them.

Each function names weights, or gradients, as PyTorch does, and turns our (d_in, d_out)
matrices into its (d_out, d_in); weights and gradients change form alike.
"""

import numpy as np


def linear_form(arrays):
    """Linear maps under our own names."""
    return {name: x.T if x.ndim == 2 else x for name, x in arrays.items()}


def attention_form(arrays, ours="", theirs=""):
    """MultiHeadAttention as nn.MultiheadAttention has it, with or without biases."""
    q, k, v, o = (f"{ours}{name}_proj." for name in "qkvo")
    form = {
        f"{theirs}in_proj_weight": np.concatenate(
            [arrays[f"{p}weight"].T for p in (q, k, v)]
        ),
        f"{theirs}out_proj.weight": arrays[f"{o}weight"].T,
    }
    if f"{q}bias" in arrays:
        biases = [arrays[f"{p}bias"] for p in (q, k, v)]
        form[f"{theirs}in_proj_bias"] = np.concatenate(biases)
        form[f"{theirs}out_proj.bias"] = arrays[f"{o}bias"]
    return form


def block_form(arrays, norms, cross=False):
    """A block as nn.TransformerEncoderLayer or, with `cross`, its decoder has it."""
    form = attention_form(arrays, "attn.", "self_attn.")
    if cross:
        form |= attention_form(arrays, "cross_attn.", "multihead_attn.")
    for ours, theirs in ("up_proj", "linear1"), ("down_proj", "linear2"):
        form[f"{theirs}.weight"] = arrays[f"ffn.{ours}.weight"].T
        form[f"{theirs}.bias"] = arrays[f"ffn.{ours}.bias"]
    for i, norm in enumerate(norms, start=1):
        form[f"norm{i}.weight"] = arrays[f"{norm}.gamma"]
        form[f"norm{i}.bias"] = arrays[f"{norm}.beta"]
    return form


def stack_form(arrays, ours, theirs, n_layers, cross=False):
    """The blocks `ours`.0, `ours`.1 ... as `theirs`.layers.0, `theirs`.layers.1 ..."""
    norms = ["attn_norm", "cross_norm", "ffn_norm"] if cross else ["attn_norm", "ffn_norm"]
    form = {}
    for i in range(n_layers):
        start = f"{ours}.{i}."
        block = {n.removeprefix(start): x for n, x in arrays.items() if n.startswith(start)}
        named = block_form(block, norms, cross)
        form |= {f"{theirs}.layers.{i}.{name}": x for name, x in named.items()}
    return form
