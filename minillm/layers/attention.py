"""Multi-head attention: self, cross, and grouped-query."""

import numpy as np

from minillm import functional as F
from minillm.layers.kv_cache import KVCache, Memory
from minillm.layers.linear import Linear
from minillm.layers.module import Module
from minillm.layers.order import NoOrder
from minillm.types import Array, BackwardN


class MultiHeadAttention(Module):
    """Attend in n_heads subspaces at once (Vaswani et al. 2017, sec. 3.2.2).

        head_i = attention(x_q W_q^i, x_kv W_k^i, x_kv W_v^i)
        y      = concat(head_1, ..., head_h) W_o

    Self-attention passes the same x twice; cross-attention passes the decoder's x
    as x_q and the encoder's output as x_kv. Each projection also has a bias, which the
    paper's have not, unless bias=False. With n_kv_heads < n_heads, each key and value
    head serves a group of query heads (Ainslie et al. 2023, sec. 2.2).

    d_head is d_model / n_heads unless it is given. `order` is what makes scores depend
    on where tokens stand: rotary positions, a bias, or nothing (layers/order.py).
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        *,
        n_kv_heads: int | None = None,
        d_head: int | None = None,
        bias: bool = True,
        out_scale: float = 1.0,
        order: NoOrder | None = None,
        rng: np.random.Generator,
    ) -> None:
        n_kv_heads = n_heads if n_kv_heads is None else n_kv_heads
        if n_heads < 1 or (d_head is None and d_model % n_heads):
            raise ValueError(
                f"n_heads {n_heads} does not divide d_model {d_model}: "
                "give n_heads that does, or d_head"
            )
        if n_kv_heads < 1 or n_heads % n_kv_heads:
            raise ValueError(f"n_kv_heads {n_kv_heads} does not divide n_heads {n_heads}")
        d_head = d_model // n_heads if d_head is None else d_head
        self.n_heads, self.n_kv_heads = n_heads, n_kv_heads
        self.order = NoOrder() if order is None else order
        self.q_proj = Linear(d_model, n_heads * d_head, bias=bias, rng=rng)
        self.k_proj = Linear(d_model, n_kv_heads * d_head, bias=bias, rng=rng)
        self.v_proj = Linear(d_model, n_kv_heads * d_head, bias=bias, rng=rng)
        self.o_proj = Linear(n_heads * d_head, d_model, bias=bias, scale=out_scale, rng=rng)

    def __call__(
        self, x_q: Array, x_kv: Array, mask: Array | None = None
    ) -> tuple[Array, BackwardN]:
        """x_q (batch, n_queries, d_model), x_kv (batch, n_keys, d_model) -> y as x_q.

        mask broadcasts to (batch, n_heads, n_queries, n_keys), True where a query may
        look. The backward returns dx_q and dx_kv.
        """
        q, q_backward = self.q_proj(x_q)
        k, k_backward = self.k_proj(x_kv)
        v, v_backward = self.v_proj(x_kv)
        q, turn_q_backward = self.order.turn(self.split(q))
        k, turn_k_backward = self.order.turn(self.split(k))
        bias, bias_backward = self.order.bias(x_q.shape[1], x_kv.shape[1], like=q)
        heads, attention_backward = F.attention(
            q, self.share(k), self.share(self.split(v)), mask, bias
        )
        y, o_backward = self.o_proj(self.merge(heads))

        def backward(dy: Array) -> tuple[Array, ...]:
            dheads = self.split(o_backward(dy))
            dq, dk, dv, *dbias = attention_backward(dheads)
            bias_backward(*dbias)
            dx_q = q_backward(self.merge(turn_q_backward(dq)))
            dx_kv = k_backward(self.merge(turn_k_backward(self.gather(dk))))
            dx_kv += v_backward(self.merge(self.gather(dv)))
            return dx_q, dx_kv

        return y, backward

    def attention_map(self, x_q: Array, x_kv: Array, mask: Array | None = None) -> Array:
        """How much each query looks at each key: (batch, n_heads, n_queries, n_keys)."""
        q, _ = self.order.turn(self.split(self.q_proj(x_q)[0]))
        k, _ = self.order.turn(self.split(self.k_proj(x_kv)[0]))
        bias, _ = self.order.bias(x_q.shape[1], x_kv.shape[1], like=q)
        return F.attention_weights(q, self.share(k), mask, bias)[0]

    # Writing on, one or more new positions at a time; nothing here keeps a closure.

    def step(self, x: Array, cache: KVCache, mask: Array | None = None) -> Array:
        """Self-attention of new positions, which read the cache too.

        mask (n_new, n_keys), causal unless it is given.
        """
        n_new, start = x.shape[1], len(cache)
        k, _ = self.order.turn(self.split(self.k_proj(x)[0]), start)
        k, v = cache.extend(k, self.split(self.v_proj(x)[0]))
        if mask is None and n_new > 1:
            mask = F.causal_mask(n_new, start + n_new, like=x)
        q, _ = self.order.turn(self.split(self.q_proj(x)[0]), start)
        bias, _ = self.order.bias(n_new, start + n_new, like=q)
        heads, _ = F.attention(q, self.share(k), self.share(v), mask, bias)
        return self.o_proj(self.merge(heads))[0]

    def memory(self, x_kv: Array, mask: Array | None = None) -> Memory:
        """The keys and values of what cross-attention will read, made once.

        Another sequence has no order in common with this one: `order` is left out.
        """
        k, v = self.split(self.k_proj(x_kv)[0]), self.split(self.v_proj(x_kv)[0])
        return Memory(k, v, mask)

    def read(self, x: Array, memory: Memory) -> tuple[Array, Array]:
        """Cross-attention of new positions; also how much each looked at each key.

        -> y as x, and weights (batch, n_heads, n_new, n_keys)
        """
        q = self.split(self.q_proj(x)[0])
        weights, _ = F.attention_weights(q, self.share(memory.k), memory.mask)
        heads = weights @ self.share(memory.v)
        return self.o_proj(self.merge(heads))[0], weights

    # split and merge are inverse permutations, so each is the other's backward.

    def split(self, x: Array) -> Array:
        """(batch, seq_len, n * d_head) -> (batch, n, seq_len, d_head)"""
        batch, seq_len, width = x.shape
        d_head = self.o_proj.weight.data.shape[0] // self.n_heads
        return x.reshape(batch, seq_len, width // d_head, d_head).swapaxes(1, 2)

    def merge(self, x: Array) -> Array:
        """(batch, n, seq_len, d_head) -> (batch, seq_len, n * d_head)"""
        batch, n, seq_len, d_head = x.shape
        return x.swapaxes(1, 2).reshape(batch, seq_len, n * d_head)

    # share copies each key-value head for its group; gather, its backward, adds them up.

    def share(self, k: Array) -> Array:
        """(batch, n_kv_heads, seq_len, d_head) -> (batch, n_heads, seq_len, d_head)"""
        group = self.n_heads // self.n_kv_heads
        return k if group == 1 else np.repeat(k, group, axis=1)

    def gather(self, dk: Array) -> Array:
        """(batch, n_heads, seq_len, d_head) -> (batch, n_kv_heads, seq_len, d_head)"""
        batch, n_heads, seq_len, d_head = dk.shape
        if n_heads == self.n_kv_heads:
            return dk
        return dk.reshape(batch, self.n_kv_heads, -1, seq_len, d_head).sum(2)
