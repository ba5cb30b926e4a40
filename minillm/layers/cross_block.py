"""The decoder's block in an encoder-decoder: it also reads what the encoder wrote."""

from minillm import functional as F
from minillm.layers.attention import MultiHeadAttention
from minillm.layers.block import Norm
from minillm.layers.dropout import Dropout
from minillm.layers.feed_forward import FeedForward
from minillm.layers.gated_feed_forward import GatedFeedForward
from minillm.layers.kv_cache import CrossCache, KVCache
from minillm.layers.module import Module
from minillm.types import Array, BackwardN


class CrossBlock(Module):
    """The parts of a block with cross-attention; a subclass says where the norms stand."""

    def __init__(
        self,
        attn: MultiHeadAttention,
        cross_attn: MultiHeadAttention,
        ffn: FeedForward | GatedFeedForward,
        attn_norm: Norm,
        cross_norm: Norm,
        ffn_norm: Norm,
        dropout: float = 0.0,
    ) -> None:
        self.attn_norm = attn_norm
        self.attn = attn
        self.cross_norm = cross_norm
        self.cross_attn = cross_attn
        self.ffn_norm = ffn_norm
        self.ffn = ffn
        self.dropout = Dropout(dropout)

    def cache(
        self, max_seq_len: int, memory: Array, memory_mask: Array | None = None
    ) -> CrossCache:
        """Begin to write beside this memory (batch, n_source, d_model)."""
        return CrossCache(KVCache(max_seq_len), self.cross_attn.memory(memory, memory_mask))


class PreNormCrossBlock(CrossBlock):
    """Self-attention, cross-attention, feed-forward, each with its norm first.

        h = x + dropout(attn(attn_norm(x)))
        c = h + dropout(cross_attn(cross_norm(h), memory))
        y = c + dropout(ffn(ffn_norm(c)))

    as T5 has it (Raffel et al. 2020, sec. 2.1). The backward returns dx and dmemory.
    """

    def __call__(
        self,
        x: Array,
        memory: Array,
        mask: Array | None = None,
        memory_mask: Array | None = None,
        rng: F.Draws | None = None,
    ) -> tuple[Array, BackwardN]:
        """x (batch, n_target, d_model), memory (batch, n_source, d_model) -> y as x."""
        rngs = [None] * 3 if rng is None else [rng.child(i) for i in range(3)]
        attn_rng, cross_rng, ffn_rng = rngs
        a, attn_norm_backward = self.attn_norm(x)
        a, attn_backward = self.attn(a, a, mask)
        a, attn_dropout_backward = self.dropout(a, attn_rng)
        h = x + a

        r, cross_norm_backward = self.cross_norm(h)
        r, cross_backward = self.cross_attn(r, memory, memory_mask)
        r, cross_dropout_backward = self.dropout(r, cross_rng)
        c = h + r

        f, ffn_norm_backward = self.ffn_norm(c)
        f, ffn_backward = self.ffn(f)
        f, ffn_dropout_backward = self.dropout(f, ffn_rng)
        y = c + f

        def backward(dy: Array) -> tuple[Array, ...]:
            dc = dy + ffn_norm_backward(ffn_backward(ffn_dropout_backward(dy)))
            dr, dmemory = cross_backward(cross_dropout_backward(dc))
            dh = dc + cross_norm_backward(dr)
            da_q, da_kv = attn_backward(attn_dropout_backward(dh))
            return dh + attn_norm_backward(da_q + da_kv), dmemory

        return y, backward

    def attention_maps(
        self,
        x: Array,
        memory: Array,
        mask: Array | None = None,
        memory_mask: Array | None = None,
    ) -> tuple[Array, Array]:
        """(batch, n_heads, n_target, n_target) and (batch, n_heads, n_target, n_source)"""
        a, _ = self.attn_norm(x)
        h = x + self.attn(a, a, mask)[0]
        r, _ = self.cross_norm(h)
        return (
            self.attn.attention_map(a, a, mask),
            self.cross_attn.attention_map(r, memory, memory_mask),
        )

    def step(self, x: Array, cache: CrossCache) -> tuple[Array, Array]:
        """The block on new positions alone, and how they looked at the source."""
        h = x + self.attn.step(self.attn_norm(x)[0], cache.own)
        r, weights = self.cross_attn.read(self.cross_norm(h)[0], cache.memory)
        c = h + r
        return c + self.ffn(self.ffn_norm(c)[0])[0], weights


class PostNormCrossBlock(CrossBlock):
    """Self-attention, cross-attention, feed-forward, each with its norm last.

        h = attn_norm(x + dropout(attn(x)))
        c = cross_norm(h + dropout(cross_attn(h, memory)))
        y = ffn_norm(c + dropout(ffn(c)))

    as in the paper's figure 1 (Vaswani et al. 2017). The backward returns dx, dmemory.
    """

    def __call__(
        self,
        x: Array,
        memory: Array,
        mask: Array | None = None,
        memory_mask: Array | None = None,
        rng: F.Draws | None = None,
    ) -> tuple[Array, BackwardN]:
        """x (batch, n_target, d_model), memory (batch, n_source, d_model) -> y as x."""
        rngs = [None] * 3 if rng is None else [rng.child(i) for i in range(3)]
        attn_rng, cross_rng, ffn_rng = rngs
        a, attn_backward = self.attn(x, x, mask)
        a, attn_dropout_backward = self.dropout(a, attn_rng)
        h, attn_norm_backward = self.attn_norm(x + a)

        r, cross_backward = self.cross_attn(h, memory, memory_mask)
        r, cross_dropout_backward = self.dropout(r, cross_rng)
        c, cross_norm_backward = self.cross_norm(h + r)

        f, ffn_backward = self.ffn(c)
        f, ffn_dropout_backward = self.dropout(f, ffn_rng)
        y, ffn_norm_backward = self.ffn_norm(c + f)

        def backward(dy: Array) -> tuple[Array, ...]:
            dsum = ffn_norm_backward(dy)
            dc = dsum + ffn_backward(ffn_dropout_backward(dsum))
            dsum = cross_norm_backward(dc)
            dr, dmemory = cross_backward(cross_dropout_backward(dsum))
            dh = dsum + dr
            dsum = attn_norm_backward(dh)
            da_q, da_kv = attn_backward(attn_dropout_backward(dsum))
            return dsum + da_q + da_kv, dmemory

        return y, backward

    def attention_maps(
        self,
        x: Array,
        memory: Array,
        mask: Array | None = None,
        memory_mask: Array | None = None,
    ) -> tuple[Array, Array]:
        """(batch, n_heads, n_target, n_target) and (batch, n_heads, n_target, n_source)"""
        h, _ = self.attn_norm(x + self.attn(x, x, mask)[0])
        return (
            self.attn.attention_map(x, x, mask),
            self.cross_attn.attention_map(h, memory, memory_mask),
        )

    def step(self, x: Array, cache: CrossCache) -> tuple[Array, Array]:
        """The block on new positions alone, and how they looked at the source."""
        h = self.attn_norm(x + self.attn.step(x, cache.own))[0]
        r, weights = self.cross_attn.read(h, cache.memory)
        c = self.cross_norm(h + r)[0]
        return self.ffn_norm(c + self.ffn(c)[0])[0], weights
