"""A transformer's parts once more, written in PyTorch's functions alone.

`p` holds tensors by our own names, buffers too; a config says which parts there are.
"""

import math
from functools import partial

from tests.parity.libraries import library

__tracebackhide__ = True
torch = library("torch")
library("transformers")

from transformers.models.t5.modeling_t5 import T5Attention  # noqa: E402

TF = torch.nn.functional
ACTIVATIONS = {
    "relu": TF.relu,
    "gelu": partial(TF.gelu, approximate="tanh"),
    "gelu_exact": TF.gelu,
    "silu": TF.silu,
}


class Arrays:
    """p.at("blocks.0.norm")["gamma"] is p["blocks.0.norm.gamma"]."""

    def __init__(self, tensors, path=""):
        self.tensors, self.path = tensors, path

    def __getitem__(self, name):
        return self.tensors[self.path + name]

    def __contains__(self, name):
        return self.path + name in self.tensors

    def at(self, name):
        return Arrays(self.tensors, f"{self.path}{name}.")


def linear(p, x):
    y = x @ p["weight"]
    return y + p["bias"] if "bias" in p else y


def norm(p, x):
    if "beta" in p:
        return TF.layer_norm(x, x.shape[-1:], p["gamma"], p["beta"], 1e-5)
    return TF.rms_norm(x, x.shape[-1:], p["gamma"], 1e-6) if "gamma" in p else x


def feed_forward(p, config, x):
    activation = ACTIVATIONS[config.activation]
    if config.feed_forward == "gated":
        h = activation(linear(p.at("gate_proj"), x)) * linear(p.at("up_proj"), x)
    else:
        h = activation(linear(p.at("up_proj"), x))
    return linear(p.at("down_proj"), h)


def turn(order, config, x):
    """Rotary positions as a multiplication of complex numbers."""
    if config.positions not in ("rotary", "rotary_interleaved"):
        return x
    angles = torch.complex(order["cos"], order["sin"])[: x.shape[2]]
    if config.positions == "rotary":
        z = torch.complex(*x.chunk(2, -1)) * angles
        return torch.cat((z.real, z.imag), -1)
    z = torch.complex(x[..., ::2], x[..., 1::2]) * angles
    return torch.view_as_real(z).flatten(-2)


def bias(order, config, n, causal):
    """(n_heads or 1, n, n)"""
    position = torch.arange(n)
    ahead = position - position[:, None]
    if config.positions == "alibi":
        return -order["slopes"][:, None, None] * ahead.abs()
    if config.positions == "relative":
        buckets = T5Attention._relative_position_bucket(ahead, not causal, 32, 128)
        return order["weight"][buckets].permute(2, 0, 1)
    return torch.zeros(1, n, n)


def attention(p, config, x_q, x_kv, mask, order=None, causal=False):
    """A query that may look nowhere reads 0."""

    def heads(name, x):
        y = linear(p.at(f"{name}_proj"), x)
        return y.unflatten(-1, (-1, config.head_width)).transpose(1, 2)

    q, k, v = heads("q", x_q), heads("k", x_kv), heads("v", x_kv)
    if order is not None:
        q, k = turn(order, config, q), turn(order, config, k)
    k, v = (y.repeat_interleave(config.n_heads // y.shape[1], 1) for y in (k, v))
    scores = q @ k.mT / math.sqrt(config.head_width)
    if order is not None:
        scores = scores + bias(order, config, q.shape[2], causal)
    weights = scores.masked_fill(~mask, -1e30).softmax(-1) * mask.any(-1, keepdim=True)
    return linear(p.at("o_proj"), (weights @ v).transpose(1, 2).flatten(2))


def block(p, config, order, causal, x, mask, memory=None, memory_mask=None):
    def add(name, branch, x):
        """A residual branch, whose norm comes first or last."""
        if config.block == "pre_norm":
            return x + branch(norm(p.at(f"{name}_norm"), x))
        return norm(p.at(f"{name}_norm"), x + branch(x))

    def look(a):
        return attention(p.at("attn"), config, a, a, mask, order, causal)

    def read(r):
        return attention(p.at("cross_attn"), config, r, memory, memory_mask)

    def think(f):
        return feed_forward(p.at("ffn"), config, f)

    x = add("attn", look, x)
    x = x if memory is None else add("cross", read, x)
    return add("ffn", think, x)


def stack(p, name, config, causal, x, mask, *memory):
    """The blocks name.0, name.1 ..., which share the order that is the first one's."""
    order, i = p.at(f"{name}.0.attn.order"), 0
    while f"{name}.{i}.attn.q_proj.weight" in p:
        x = block(p.at(f"{name}.{i}"), config, order, causal, x, mask, *memory)
        i += 1
    return x
