"""The shapes of models that made history, from their papers, in order of their years."""

from collections.abc import Mapping

from minillm.models.published.decoder_only import DECODERS
from minillm.models.published.encoder_decoder import ENCODER_DECODERS
from minillm.models.published.encoder_only import ENCODERS
from minillm.models.published.entry import Published

PUBLISHED: Mapping[str, Published] = {
    model.name: model
    for model in sorted(
        [*ENCODER_DECODERS, *ENCODERS, *DECODERS], key=lambda model: model.year
    )
}

__all__ = ["PUBLISHED", "Published"]
