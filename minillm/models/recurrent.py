"""Recurrent language models: one word in, one state on, one guess out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minillm import functional as F
from minillm.layers import GRU, LSTM, Dropout, Elman, Module, Recurrent, StateCache
from minillm.models.config import check_dropout, check_size
from minillm.models.embedding import check_sequences
from minillm.models.one_by_one import one_by_one
from minillm.models.parts import part
from minillm.types import Array, Backward, BackwardNone

CELLS: Mapping[str, type[Recurrent]] = {"rnn": Elman, "lstm": LSTM, "gru": GRU}


@dataclass(frozen=True)
class RecurrentConfig:
    """The shape of a RecurrentLM: its cells are "rnn" (Elman's), "lstm" or "gru".

    Its max_seq_len is None: a state has the same size after any number of tokens.
    Raises ValueError that names what does not fit.
    """

    max_seq_len: ClassVar[None] = None

    vocab_size: int
    d_model: int
    n_layers: int
    cell: str = "lstm"
    vocabulary: str = "tied"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("vocab_size", "d_model", "n_layers"):
            check_size(name, getattr(self, name))
        if not isinstance(self.cell, str) or self.cell not in CELLS:
            raise ValueError(
                f"cell {self.cell!r:.80} is unknown: give one of {', '.join(CELLS)}"
            )
        part("vocabulary", self.vocabulary)
        check_dropout(self.dropout)


class RecurrentLM(Module):
    """Embed, read through n_layers cells, score every word (Mikolov et al. 2010).

        h_0    = dropout(embed(ids))
        h_l    = dropout(cell_l(h_{l-1}))        from left to right
        logits = unembed(h_L)

    Dropout stands between layers and never on the way from one step to the next, where
    it would wear the memory away (Zaremba et al. 2014, sec. 3.2).
    """

    def __init__(self, config: RecurrentConfig, *, rng: np.random.Generator) -> None:
        self.config = config
        d, cell = config.d_model, CELLS[config.cell]
        self.vocabulary = part("vocabulary", config.vocabulary)(
            config.vocab_size, d, rng=rng
        )
        self.cells = [cell(d, d, rng=rng) for _ in range(config.n_layers)]
        self.dropout = Dropout(config.dropout)

    def __call__(
        self, ids: Array, rng: F.Draws | None = None
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> logits (batch, seq_len, vocab_size)

        rng draws what dropout drops; None drops nothing.
        """
        logits, _, backward = self.chunk(ids, None, rng)
        return logits, backward

    def chunk(
        self, ids: Array, states: list[Array] | None, rng: F.Draws | None = None
    ) -> tuple[Array, list[Array], BackwardNone]:
        """Logits for ids that continue from `states`, and the states after them.

        There is one state for each layer; None is the beginning of a text. The backward
        stops at the states: it does not go on into what came before.
        """
        check_sequences("ids", ids)
        if states is not None and len(states) != len(self.cells):
            raise ValueError(
                f"{len(states)} states: give {len(self.cells)}, one for each layer"
            )
        h, embed_backward = self.vocabulary.embed(ids)
        h, dropout_backward = self.dropout(h, None if rng is None else rng.child(0))
        last, layer_backwards = [], []
        for i, cell in enumerate(self.cells):
            state = None if states is None else states[i]
            layer_rng = None if rng is None else rng.child(i + 1)
            h, state, layer_backward = self._layer(cell, h, state, layer_rng)
            last.append(state)
            layer_backwards.append(layer_backward)
        logits, unembed_backward = self.vocabulary.unembed(h)

        def backward(dlogits: Array) -> None:
            dh = unembed_backward(dlogits)
            for layer_backward in reversed(layer_backwards):
                dh = layer_backward(dh)
            embed_backward(dropout_backward(dh))

        return logits, last, backward

    def _layer(
        self, cell: Recurrent, x: Array, state: Array | None, rng: F.Draws | None
    ) -> tuple[Array, Array, Backward]:
        """h for the next layer, and the state after the last position."""
        y, cell_backward = cell(x, state)
        h, read_backward = cell.read(y)
        h, dropout_backward = self.dropout(h, rng)

        def backward(dh: Array) -> Array:
            dx, *_ = cell_backward(read_backward(dropout_backward(dh)))
            return dx

        return h, cell.last(y), backward

    def step(self, ids: Array, caches: list[StateCache]) -> Array:
        """Logits for ids that continue what the caches have seen. No gradients."""
        check_sequences("ids", ids)
        h, _ = self.vocabulary.embed(ids)
        for cell, cache in zip(self.cells, caches, strict=True):
            h = cell.step(h, cache)
        return self.vocabulary.unembed(h)[0]

    def single_step(self, caches: list[StateCache]) -> Callable[[int], Array]:
        """`step` for one token of one sequence: token_id -> logits (vocab_size,)."""
        return one_by_one(self, caches)

    def caches(self) -> list[StateCache]:
        """Empty caches, one for each layer, to begin generating with."""
        return [StateCache() for _ in self.cells]
