"""A decoder that reads its prompt both ways, and only then writes from left to right."""

import numpy as np

from minillm import functional as F
from minillm.functional.ids import check_array
from minillm.models.decoder_only import DecoderOnly
from minillm.models.embedding import check_length
from minillm.types import Array, BackwardNone


class PrefixLM(DecoderOnly):
    """The decoder with one mask changed (Raffel et al. 2020, sec. 3.2.1, fig. 3).

        may look = key <= query or key < prefix_length

    Parameters, config and everything else are DecoderOnly's. It is trained on what
    follows the prefix, which need not be predicted (training.PrefixNextToken). When
    it writes, the ids of the first step are the prefix.

    With positions "relative", whose buckets here look back, all that is ahead within the
    prefix counts as distance 0.
    """

    def __call__(  # type: ignore[override]
        self, ids: Array, prefix_lengths: Array, rng: F.Draws | None = None
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len), prefix_lengths (batch,) -> logits as DecoderOnly

        Raises ValueError for prefix_lengths that are no integers (batch,) in
        [0, seq_len].
        """
        return super().__call__(ids, rng, self._mask(ids, prefix_lengths))

    def attention_maps(self, ids: Array, prefix_lengths: Array) -> list[Array]:  # type: ignore[override]
        """One (batch, n_heads, seq_len, seq_len) for each layer; rows sum to 1."""
        return super().attention_maps(ids, self._mask(ids, prefix_lengths))

    def step_mask(self, h: Array, start: int) -> Array | None:
        """The first ids all see what the last of them sees; later ones look back."""
        return F.causal_mask(1, h.shape[1], like=h) if start == 0 else None

    def _mask(self, ids: Array, prefix_lengths: Array) -> Array:
        check_length("ids", ids, self.config.max_seq_len)
        check_prefix_lengths(prefix_lengths, ids)
        like = self.vocabulary.token_embed.weight.data
        return F.prefix_mask(prefix_lengths, ids.shape[1], like=like)


def check_prefix_lengths(prefix_lengths: Array, ids: Array) -> None:
    """Only arrays on the host are looked into, so that a device is not waited for."""
    batch, seq_len = ids.shape
    check_array("prefix_lengths", prefix_lengths)
    if prefix_lengths.shape != (batch,) or prefix_lengths.dtype.kind not in "iu":
        raise ValueError(
            f"prefix_lengths {prefix_lengths.dtype} {prefix_lengths.shape}: give "
            f"integers ({batch},), one for each sequence"
        )
    if (
        isinstance(prefix_lengths, np.ndarray)
        and not ((prefix_lengths >= 0) & (prefix_lengths <= seq_len)).all()
    ):
        raise ValueError(f"prefix_lengths: give 0 to seq_len, which is {seq_len}")
