"""Encoder-only transformers: a vector for each token that has seen all the others.

The default parts are BERT's (Devlin et al. 2019), drawn as DecoderOnly draws its own.
BERT's embedding is not multiplied by sqrt(d_model), and segments are added to it before
its norm; so BERT's E is ours times sqrt(d_model).
"""

from dataclasses import dataclass

import numpy as np

from minillm import functional as F
from minillm.functional.ids import check_array, check_ids
from minillm.functional.masks import check_mask
from minillm.layers import Dropout, Embedding, Module, TiedVocabulary
from minillm.models import assembly
from minillm.models.config import TransformerConfig, check_size
from minillm.models.embedding import check_length, embed
from minillm.models.parts import part
from minillm.models.stack import maps_through, through
from minillm.types import Array, BackwardNone


@dataclass(frozen=True)
class EncoderConfig(TransformerConfig):
    """The shape of an EncoderOnly; the defaults are BERT's parts.

    n_segments is 2 where the input may be a pair of texts, as in BERT, else 0. The
    vocabulary is tied: the masked-token head scores with the embedding.
    """

    embed_norm: str = "layer_norm"
    block: str = "post_norm"
    activation: str = "gelu_exact"
    n_segments: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size("n_segments", self.n_segments, least=0)
        if self.vocabulary != "tied":
            raise ValueError(f"vocabulary {self.vocabulary!r:.80}: an encoder's is 'tied'")


class EncoderOnly(Module):
    """Embed, transform n_layers times, every token in sight of every other.

        h_0 = dropout(norm(embed(ids) + P + S[segment_ids]))
        h_l = block_l(h_{l-1})
        h   = norm(h_L)                    exactly 0 where the mask is False

    Padding is looked at by nobody, says nothing and learns nothing.
    """

    def __init__(self, config: EncoderConfig, *, rng: np.random.Generator) -> None:
        self.config = config
        positions = part("positions", config.positions).absolute
        self.vocabulary = TiedVocabulary(config.vocab_size, config.d_model, rng=rng)
        self.positions = positions(config.max_seq_len, config.d_model, rng=rng)
        self.segments = (
            Embedding(config.n_segments, config.d_model, rng=rng)
            if config.n_segments
            else None
        )
        self.embed_norm = assembly.embed_norm(config)
        self.embed_dropout = Dropout(config.dropout)
        self.blocks = assembly.blocks(config, config.n_layers, causal=False, rng=rng)
        self.final_norm = assembly.final_norm(config)

    def __call__(
        self,
        ids: Array,
        mask: Array | None = None,
        segment_ids: Array | None = None,
        rng: F.Draws | None = None,
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> h (batch, seq_len, d_model)

        mask (batch, seq_len) of bool, True where there is a token: everywhere unless it
        is given. segment_ids (batch, seq_len), 0 unless they are given. Raises
        ValueError for ids outside the vocabulary, a mask or segment_ids that do not
        fit the ids, and sequences beyond max_seq_len.
        """
        h, embed_backward = self.embed(ids, mask, segment_ids, rng)
        may_look = None if mask is None else F.padding_mask(mask, like=h)
        h, blocks_backward = through(self.blocks, h, may_look, rng)
        h, norm_backward = self.final_norm(h)
        h, hide_backward = F.hide_padding(h, mask)

        def backward(dh: Array) -> None:
            embed_backward(blocks_backward(norm_backward(hide_backward(dh))))

        return h, backward

    def embed(
        self,
        ids: Array,
        mask: Array | None = None,
        segment_ids: Array | None = None,
        rng: F.Draws | None = None,
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> h_0 (batch, seq_len, d_model); the door of the model."""
        check_length("ids", ids, self.config.max_seq_len)
        check_mask("mask", mask, ids.shape)
        segments = None
        if self.segments is not None:
            chosen = np.zeros_like(ids) if segment_ids is None else segment_ids
            check_array("segment_ids", chosen)
            if chosen.shape != ids.shape:
                raise ValueError(f"segment_ids {chosen.shape} do not fit ids {ids.shape}")
            check_ids("segment_ids", chosen, self.config.n_segments)
            segments = self.segments, chosen
        elif segment_ids is not None:
            raise ValueError("segment_ids: this encoder has none, its n_segments is 0")
        h, embed_backward = embed(
            self.vocabulary, self.positions, self.embed_norm, ids, segments=segments
        )
        h, dropout_backward = self.embed_dropout(h, None if rng is None else rng.child(0))
        return h, lambda dh: embed_backward(dropout_backward(dh))

    def attention_maps(
        self,
        ids: Array,
        mask: Array | None = None,
        segment_ids: Array | None = None,
    ) -> list[Array]:
        """One (batch, n_heads, seq_len, seq_len) for each layer.

        Rows sum to 1, or to 0 where a sequence is nothing but padding.
        """
        h, _ = self.embed(ids, mask, segment_ids)
        may_look = None if mask is None else F.padding_mask(mask, like=h)
        return maps_through(self.blocks, h, may_look)
