"""What models learn from: text, and the batches made of it."""

from minillm.data.batching import Windows, evaluation_windows
from minillm.data.corpus import (
    Split,
    keep_paragraphs_once,
    read_text,
    split_tail,
    text_sha256,
    tour_text,
)

__all__ = [
    "Split",
    "Windows",
    "evaluation_windows",
    "keep_paragraphs_once",
    "read_text",
    "split_tail",
    "text_sha256",
    "tour_text",
]
