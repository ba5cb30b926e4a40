"""From a model's scores to text: which token comes next, and the one after that."""

from minillm.generation.batch import greedy_batch, translate
from minillm.generation.beam import Hypothesis, beam_search
from minillm.generation.decoding import Token, generate
from minillm.generation.sampling import (
    greedy,
    min_p,
    probabilities,
    repetition_penalty,
    sample,
    temperature,
    top_k,
    top_p,
    top_p_at_most,
)
from minillm.generation.scoring import coverage_penalty, length_penalty, score
from minillm.generation.settings import SamplingSettings

__all__ = [
    "Hypothesis",
    "SamplingSettings",
    "Token",
    "beam_search",
    "coverage_penalty",
    "generate",
    "greedy",
    "greedy_batch",
    "length_penalty",
    "min_p",
    "probabilities",
    "repetition_penalty",
    "sample",
    "score",
    "temperature",
    "top_k",
    "top_p",
    "top_p_at_most",
    "translate",
]
