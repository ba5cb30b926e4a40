"""The transformer block: attend, then think, each added to the stream.

An encoder's block and a decoder's are the same; the mask makes the difference.
"""

from minillm import functional as F
from minillm.layers.attention import MultiHeadAttention
from minillm.layers.dropout import Dropout
from minillm.layers.feed_forward import FeedForward
from minillm.layers.gated_feed_forward import GatedFeedForward
from minillm.layers.kv_cache import KVCache
from minillm.layers.module import Module
from minillm.layers.norms import LayerNorm, RMSNorm
from minillm.types import Array, Backward

Norm = LayerNorm | RMSNorm


class Block(Module):
    """The parts of a block; a subclass says where the norms stand."""

    def __init__(
        self,
        attn: MultiHeadAttention,
        ffn: FeedForward | GatedFeedForward,
        attn_norm: Norm,
        ffn_norm: Norm,
        dropout: float = 0.0,
    ) -> None:
        self.attn_norm = attn_norm
        self.attn = attn
        self.ffn_norm = ffn_norm
        self.ffn = ffn
        self.dropout = Dropout(dropout)


class PreNormBlock(Block):
    """Norms inside the branches, the stream untouched (Radford et al. 2019, sec. 2.3).

        h = x + dropout(attn(attn_norm(x)))
        y = h + dropout(ffn(ffn_norm(h)))

    Backward. A sum passes its gradient to both terms, so each residual adds the
    stream's own gradient to what comes back through the branch.
    """

    normalises_output = False

    def __call__(
        self, x: Array, mask: Array | None = None, rng: F.Draws | None = None
    ) -> tuple[Array, Backward]:
        """x (batch, seq_len, d_model) -> y alike; mask as in MultiHeadAttention."""
        attn_rng, ffn_rng = (None, None) if rng is None else (rng.child(0), rng.child(1))
        a, attn_norm_backward = self.attn_norm(x)
        a, attn_backward = self.attn(a, a, mask)
        a, attn_dropout_backward = self.dropout(a, attn_rng)
        h = x + a

        f, ffn_norm_backward = self.ffn_norm(h)
        f, ffn_backward = self.ffn(f)
        f, ffn_dropout_backward = self.dropout(f, ffn_rng)
        y = h + f

        def backward(dy: Array) -> Array:
            dh = dy + ffn_norm_backward(ffn_backward(ffn_dropout_backward(dy)))
            da_q, da_kv = attn_backward(attn_dropout_backward(dh))
            return dh + attn_norm_backward(da_q + da_kv)

        return y, backward

    def attention_map(self, x: Array, mask: Array | None = None) -> Array:
        """(batch, n_heads, seq_len, seq_len)"""
        a, _ = self.attn_norm(x)
        return self.attn.attention_map(a, a, mask)

    def step(self, x: Array, cache: KVCache, mask: Array | None = None) -> Array:
        """The block on new positions alone, as a decoder; the cache holds the old ones."""
        h = x + self.attn.step(self.attn_norm(x)[0], cache, mask)
        return h + self.ffn(self.ffn_norm(h)[0])[0]


class PostNormBlock(Block):
    """Norms on the stream itself (Vaswani et al. 2017, sec. 3.1).

        h = attn_norm(x + dropout(attn(x)))
        y = ffn_norm(h + dropout(ffn(h)))

    where each norm sees the sum, the residual included.
    """

    normalises_output = True

    def __call__(
        self, x: Array, mask: Array | None = None, rng: F.Draws | None = None
    ) -> tuple[Array, Backward]:
        """x (batch, seq_len, d_model) -> y alike; mask as in MultiHeadAttention."""
        attn_rng, ffn_rng = (None, None) if rng is None else (rng.child(0), rng.child(1))
        a, attn_backward = self.attn(x, x, mask)
        a, attn_dropout_backward = self.dropout(a, attn_rng)
        h, attn_norm_backward = self.attn_norm(x + a)

        f, ffn_backward = self.ffn(h)
        f, ffn_dropout_backward = self.dropout(f, ffn_rng)
        y, ffn_norm_backward = self.ffn_norm(h + f)

        def backward(dy: Array) -> Array:
            dsum = ffn_norm_backward(dy)
            dh = dsum + ffn_backward(ffn_dropout_backward(dsum))
            dsum = attn_norm_backward(dh)
            da_q, da_kv = attn_backward(attn_dropout_backward(dsum))
            return dsum + da_q + da_kv

        return y, backward

    def attention_map(self, x: Array, mask: Array | None = None) -> Array:
        """(batch, n_heads, seq_len, seq_len)"""
        return self.attn.attention_map(x, x, mask)

    def step(self, x: Array, cache: KVCache, mask: Array | None = None) -> Array:
        """The block on new positions alone, as a decoder; the cache holds the old ones."""
        h = self.attn_norm(x + self.attn.step(x, cache, mask))[0]
        return self.ffn_norm(h + self.ffn(h)[0])[0]
