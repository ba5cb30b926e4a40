"""What a text is turned into before a model learns from it: questions and answers."""

from minillm.data.objectives.masking import mask_tokens
from minillm.data.objectives.prefix import split_prefix
from minillm.data.objectives.spans import corrupt, noise_and_spans, restore, sentinel_ids

__all__ = [
    "corrupt",
    "mask_tokens",
    "noise_and_spans",
    "restore",
    "sentinel_ids",
    "split_prefix",
]
