"""From a model's scores to text: which token comes next, and the one after that."""

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
from minillm.generation.settings import SamplingSettings

__all__ = [
    "SamplingSettings",
    "Token",
    "generate",
    "greedy",
    "min_p",
    "probabilities",
    "repetition_penalty",
    "sample",
    "temperature",
    "top_k",
    "top_p",
    "top_p_at_most",
]
