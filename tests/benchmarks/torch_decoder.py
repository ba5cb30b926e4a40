"""The same decoder in PyTorch, eager and plain, under the same names as ours."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minillm.cli.presets import Preset
from minillm.types import Array


class Attention(nn.Module):
    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.o_proj = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor, future: Tensor) -> Tensor:
        q, k, v = (self.split(f(x)) for f in (self.q_proj, self.k_proj, self.v_proj))
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        weights = F.softmax(scores.masked_fill(future, -math.inf), dim=-1)
        return self.o_proj((weights @ v).transpose(1, 2).flatten(2))

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.up_proj = nn.Linear(d_model, 4 * d_model)
        self.down_proj = nn.Linear(4 * d_model, d_model)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.gelu(self.up_proj(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.attn_norm = nn.LayerNorm(d_model)
        self.attn = Attention(d_model, n_heads)
        self.ffn_norm = nn.LayerNorm(d_model)
        self.ffn = FeedForward(d_model)

    def forward(self, x: Tensor, future: Tensor) -> Tensor:
        x = x + self.attn(self.attn_norm(x), future)
        return x + self.ffn(self.ffn_norm(x))


class TorchDecoder(nn.Module):
    """DecoderOnly as a PyTorch programmer writes it; ids (batch, seq_len) -> logits."""

    future: Tensor

    def __init__(self, size: Preset) -> None:
        super().__init__()
        self.token_embed = nn.Embedding(size.vocab_size, size.d_model)
        self.positions = nn.Embedding(size.max_seq_len, size.d_model)
        self.blocks = nn.ModuleList(
            Block(size.d_model, size.n_heads) for _ in range(size.n_layers)
        )
        self.final_norm = nn.LayerNorm(size.d_model)
        everyone = torch.ones(size.max_seq_len, size.max_seq_len, dtype=torch.bool)
        self.register_buffer("future", everyone.triu(1), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        n = ids.shape[1]
        scale = math.sqrt(self.token_embed.embedding_dim)
        x = scale * self.token_embed(ids) + self.positions.weight[:n]
        for block in self.blocks:
            x = block(x, self.future[:n, :n])
        return F.linear(self.final_norm(x), self.token_embed.weight)

    def load_ours(self, state: dict[str, Array]) -> None:
        """Copy the weights of a DecoderOnly; nn.Linear keeps its matrix transposed."""
        theirs = {}
        for name, array in state.items():
            is_matrix = name.endswith("_proj.weight")
            name = name.replace(".gamma", ".weight").replace(".beta", ".bias")
            tensor = torch.from_numpy(array.T if is_matrix else array)
            theirs[name.removeprefix("vocabulary.")] = tensor
        self.load_state_dict(theirs)
