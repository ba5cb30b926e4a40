"""The run that each architecture makes of each objective that fits it."""

from collections.abc import Mapping
from typing import Any

from minillm.cli.gap_runs import MaskedRun, SpanRun
from minillm.cli.label_runs import ClassifyRun, TagRun
from minillm.cli.pair_runs import TranslateRun
from minillm.cli.text_runs import LanguageModelRun, PrefixRun, RecurrentRun

# each takes (settings, material, tokenizer, folder), the material as material.parse
# reads it for the objective; choices.FITS has the same pairs, in the order of preference
RUNS: Mapping[tuple[str, str], Any] = {
    ("decoder", "causal"): LanguageModelRun,
    ("decoder", "prefix"): PrefixRun,
    ("encoder", "masked"): MaskedRun,
    ("encoder", "classify"): ClassifyRun,
    ("encoder", "tag"): TagRun,
    ("encoder-decoder", "spans"): SpanRun,
    ("encoder-decoder", "translate"): TranslateRun,
    ("rnn", "causal"): RecurrentRun,
    ("lstm", "causal"): RecurrentRun,
    ("gru", "causal"): RecurrentRun,
}
