"""Encoder-decoder transformers: read one sequence, write another.

The default parts are those of Vaswani et al. 2017; T5 (Raffel et al. 2020) has
positions "relative", block "pre_norm", norm "rms_norm" and no bias. T5 does not divide
its scores by sqrt(d_head): its q_proj is ours divided by it.
"""

from dataclasses import dataclass

import numpy as np

from minillm import functional as F
from minillm.functional.ids import check_array
from minillm.functional.masks import check_mask
from minillm.layers import Dropout, Module
from minillm.models import assembly
from minillm.models.config import TransformerConfig, check_size
from minillm.models.embedding import check_length, embed
from minillm.models.parts import part
from minillm.models.reading import Reading
from minillm.models.stack import maps_through, through
from minillm.types import Array, Backward, BackwardNone


@dataclass(frozen=True)
class EncoderDecoderConfig(TransformerConfig):
    """The shape of an EncoderDecoder; the defaults are the parts of Vaswani et al. 2017.

    max_seq_len holds for source and target alike. n_layers counts the decoder's
    blocks; the encoder has as many unless n_encoder_layers is given. Source and target
    share one vocabulary and one embedding, which "tied" also scores the output with
    (sec. 3.4) and "untied" does not.
    """

    positions: str = "sinusoidal"
    block: str = "post_norm"
    activation: str = "relu"
    n_encoder_layers: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_encoder_layers is not None:
            check_size("n_encoder_layers", self.n_encoder_layers)


@dataclass(frozen=True)
class AttentionMaps:
    """How much each query looks at each key, one array for each layer.

    encoder (batch, n_heads, n_source, n_source), decoder (batch, n_heads, n_target,
    n_target), cross (batch, n_heads, n_target, n_source); rows sum to 1, or to 0 where
    there is nothing but padding to look at.
    """

    encoder: list[Array]
    decoder: list[Array]
    cross: list[Array]


class EncoderDecoder(Module):
    """The encoder reads the source; each block of the decoder reads what it wrote.

        memory = encoder(source)
        h_0    = dropout(embed(target) + P)
        h_l    = block_l(h_{l-1}, memory)       sees target positions up to its own
        logits = unembed(norm(h_L))

    (Vaswani et al. 2017, fig. 1). The target is what was written so far: a start token,
    and then all but the last of what there is to write.
    """

    def __init__(self, config: EncoderDecoderConfig, *, rng: np.random.Generator) -> None:
        self.config = config
        vocabulary = part("vocabulary", config.vocabulary)
        positions = part("positions", config.positions).absolute
        width, longest = config.d_model, config.max_seq_len
        self.vocabulary = vocabulary(config.vocab_size, width, rng=rng)
        self.dropout = Dropout(config.dropout)
        self.encoder_positions = positions(longest, width, rng=rng)
        self.encoder_embed_norm = assembly.embed_norm(config)
        n_encoder_layers = config.n_encoder_layers or config.n_layers
        self.encoder = assembly.blocks(config, n_encoder_layers, causal=False, rng=rng)
        self.encoder_norm = assembly.final_norm(config)
        self.decoder_positions = positions(longest, width, rng=rng)
        self.decoder_embed_norm = assembly.embed_norm(config)
        self.decoder = assembly.cross_blocks(config, config.n_layers, rng=rng)
        self.decoder_norm = assembly.final_norm(config)

    def __call__(
        self,
        source: Array,
        target: Array,
        source_mask: Array | None = None,
        target_mask: Array | None = None,
        rng: F.Draws | None = None,
    ) -> tuple[Array, BackwardNone]:
        """source (batch, n_source), target (batch, n_target) -> logits (batch, n_target, V)

        The masks are of bool and of their ids' shape, True where there is a token:
        everywhere unless they are given. Raises ValueError for batches of unequal size,
        masks that do not fit, ids outside the vocabulary, and sequences too long.
        """
        self._check(source, target, target_mask)
        encoder_rng, decoder_rng = (
            (None, None) if rng is None else (rng.child(0), rng.child(1))
        )
        memory, encode_backward = self.encode(source, source_mask, encoder_rng)
        h, decode_backward = self.decode(
            target, memory, source_mask, target_mask, decoder_rng
        )
        logits, unembed_backward = self.vocabulary.unembed(h)

        def backward(dlogits: Array) -> None:
            encode_backward(decode_backward(unembed_backward(dlogits)))

        return logits, backward

    def encode(
        self, source: Array, source_mask: Array | None = None, rng: F.Draws | None = None
    ) -> tuple[Array, BackwardNone]:
        """source (batch, n_source) -> memory (batch, n_source, d_model), 0 at padding"""
        check_array("source", source)
        check_mask("source_mask", source_mask, source.shape)
        h, embed_backward = self.embed_source(source, rng)
        may_look = None if source_mask is None else F.padding_mask(source_mask, like=h)
        h, blocks_backward = through(self.encoder, h, may_look, rng)
        h, norm_backward = self.encoder_norm(h)
        memory, hide_backward = F.hide_padding(h, source_mask)

        def backward(dmemory: Array) -> None:
            embed_backward(blocks_backward(norm_backward(hide_backward(dmemory))))

        return memory, backward

    def decode(
        self,
        target: Array,
        memory: Array,
        source_mask: Array | None = None,
        target_mask: Array | None = None,
        rng: F.Draws | None = None,
    ) -> tuple[Array, Backward]:
        """target (batch, n_target) beside memory -> norm(h_L) (batch, n_target, d_model)

        The backward returns dmemory.
        """
        check_array("target", target)
        check_same_batch("memory", memory, target)
        check_mask("source_mask", source_mask, memory.shape[:2])
        check_mask("target_mask", target_mask, target.shape)
        h, embed_backward = self.embed_target(target, rng)
        mask, memory_mask = self._masks(h, source_mask, target_mask)
        block_backwards = []
        for i, block in enumerate(self.decoder):
            block_rng = None if rng is None else rng.child(i + 1)
            h, block_backward = block(h, memory, mask, memory_mask, block_rng)
            block_backwards.append(block_backward)
        h, norm_backward = self.decoder_norm(h)
        h, hide_backward = F.hide_padding(h, target_mask)

        def backward(dh: Array) -> Array:
            dh = norm_backward(hide_backward(dh))
            dmemory = np.zeros_like(memory)
            for block_backward in reversed(block_backwards):
                dh, dread = block_backward(dh)
                dmemory += dread  # every block has read the same memory
            embed_backward(dh)
            return dmemory

        return h, backward

    def embed_source(
        self, source: Array, rng: F.Draws | None = None
    ) -> tuple[Array, BackwardNone]:
        """source (batch, n_source) -> h_0 (batch, n_source, d_model)"""
        check_length("source", source, self.config.max_seq_len)
        h, embed_backward = embed(
            self.vocabulary, self.encoder_positions, self.encoder_embed_norm, source
        )
        h, dropout_backward = self.dropout(h, None if rng is None else rng.child(0))
        return h, lambda dh: embed_backward(dropout_backward(dh))

    def embed_target(
        self, target: Array, rng: F.Draws | None = None, start: int = 0
    ) -> tuple[Array, BackwardNone]:
        """target (batch, n_target), the first at `start` -> h_0 (..., d_model)"""
        check_length("target", target, self.config.max_seq_len, start)
        h, embed_backward = embed(
            self.vocabulary, self.decoder_positions, self.decoder_embed_norm, target, start
        )
        h, dropout_backward = self.dropout(h, None if rng is None else rng.child(0))
        return h, lambda dh: embed_backward(dropout_backward(dh))

    def reading(self, source: Array, source_mask: Array | None = None) -> Reading:
        """The model beside a source (batch, n_source), ready to write step by step."""
        return Reading(self, source, source_mask)

    def attention_maps(
        self,
        source: Array,
        target: Array,
        source_mask: Array | None = None,
        target_mask: Array | None = None,
    ) -> AttentionMaps:
        """Who looks at whom in the encoder, in the decoder, and from one to the other."""
        self._check(source, target, target_mask)
        memory, _ = self.encode(source, source_mask)
        h, _ = self.embed_source(source)
        may_look = None if source_mask is None else F.padding_mask(source_mask, like=h)
        maps = AttentionMaps(maps_through(self.encoder, h, may_look), [], [])
        h, _ = self.embed_target(target)
        mask, memory_mask = self._masks(h, source_mask, target_mask)
        for block in self.decoder:
            own, cross = block.attention_maps(h, memory, mask, memory_mask)
            maps.decoder.append(own)
            maps.cross.append(cross)
            h, _ = block(h, memory, mask, memory_mask)
        return maps

    def _check(self, source: Array, target: Array, target_mask: Array | None) -> None:
        """What would else be refused late, when the source has been encoded."""
        check_length("source", source, self.config.max_seq_len)
        check_length("target", target, self.config.max_seq_len)
        check_same_batch("source", source, target)
        check_mask("target_mask", target_mask, target.shape)

    def _masks(
        self, h: Array, source_mask: Array | None, target_mask: Array | None
    ) -> tuple[Array, Array | None]:
        """What the decoder's positions h (batch, n_target, d_model) may see."""
        mask = F.causal_mask(h.shape[1], h.shape[1], like=h)
        if target_mask is not None:
            mask = mask & F.padding_mask(target_mask, like=h)
        return mask, None if source_mask is None else F.padding_mask(source_mask, like=h)


def check_same_batch(name: str, source: Array, target: Array) -> None:
    if source.shape[0] != target.shape[0]:
        raise ValueError(
            f"{name} has a batch of {source.shape[0]}, target one of {target.shape[0]}: "
            "give each source its target"
        )
