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
from minillm.data.examples import ClassExamples, PairExamples, TagExamples
from minillm.data.padding import pad
from minillm.data.pretraining import (
    MaskedExamples,
    MaskedWindows,
    PrefixWindows,
    SpanCorruptedWindows,
)

__all__ = [
    "ClassExamples",
    "MaskedExamples",
    "MaskedWindows",
    "PairExamples",
    "PrefixWindows",
    "SpanCorruptedWindows",
    "Split",
    "TagExamples",
    "Windows",
    "evaluation_windows",
    "keep_paragraphs_once",
    "pad",
    "read_text",
    "split_tail",
    "text_sha256",
    "tour_text",
]
