"""How good is a model? Units, and baselines that it has to beat."""

from minillm.evaluation.baselines import token_baselines
from minillm.evaluation.compression import compression_baselines
from minillm.evaluation.interpolated import InterpolatedNgram
from minillm.evaluation.kneser_ney import KneserNey
from minillm.evaluation.ngram_lm import NgramLM
from minillm.evaluation.perplexity import perplexity
from minillm.evaluation.units import bits_per_byte

__all__ = [
    "InterpolatedNgram",
    "KneserNey",
    "NgramLM",
    "bits_per_byte",
    "compression_baselines",
    "perplexity",
    "token_baselines",
]
