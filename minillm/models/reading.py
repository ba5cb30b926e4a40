"""An encoder-decoder that has read its source, and writes beside it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from minillm import functional as F
from minillm.layers import CrossCache
from minillm.models.one_by_one import one_by_one
from minillm.types import Array

if TYPE_CHECKING:
    from minillm.models.encoder_decoder import EncoderDecoder


class Reading:
    """What `generate` and `beam_search` ask of a model, for one batch of sources.

        reading = model.reading(source)
        logits  = reading.step(ids, caches)         caches = reading.caches()

    The source is encoded once, when this is made, and the keys and values that each
    block reads of it once for each set of caches. No gradients.
    """

    def __init__(
        self, model: "EncoderDecoder", source: Array, source_mask: Array | None = None
    ) -> None:
        self.model, self.config, self.source_mask = model, model.config, source_mask
        self.memory, _ = model.encode(source, source_mask)

    def caches(self) -> list[CrossCache]:
        """Nothing written yet beside this source: one cache for each block."""
        longest, mask = self.config.max_seq_len, None
        if self.source_mask is not None:
            mask = F.padding_mask(self.source_mask, like=self.memory)
        return [block.cache(longest, self.memory, mask) for block in self.model.decoder]

    def step(self, ids: Array, caches: list[CrossCache]) -> Array:
        """ids (batch, n_new) that go on -> logits (batch, n_new, vocab_size)"""
        return self.step_with_attention(ids, caches)[0]

    def step_with_attention(
        self, ids: Array, caches: list[CrossCache]
    ) -> tuple[Array, Array]:
        """Also how the last block looked at the source, averaged over its heads.

        -> logits (batch, n_new, vocab_size), weights (batch, n_new, n_source)
        Raises ValueError unless there is one row of ids for each source.
        """
        model, n_sources = self.model, len(caches[0].memory.k)
        if ids.shape[:1] != (n_sources,):
            raise ValueError(
                f"ids {ids.shape} beside {n_sources} sources: give one row for each"
            )
        h, _ = model.embed_target(ids, start=len(caches[0]))
        for block, cache in zip(model.decoder, caches, strict=True):
            h, weights = block.step(h, cache)
        logits, _ = model.vocabulary.unembed(model.decoder_norm(h)[0])
        return logits, weights.mean(1)

    def single_step(self, caches: list[CrossCache]) -> Callable[[int], Array]:
        """`step` for one token of one sequence at a time."""
        return one_by_one(self, caches)
