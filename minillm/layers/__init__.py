"""Storey two: equations that own their parameters."""

from minillm.layers.attention import MultiHeadAttention
from minillm.layers.block import PostNormBlock, PreNormBlock
from minillm.layers.cross_block import PostNormCrossBlock, PreNormCrossBlock
from minillm.layers.dropout import Dropout
from minillm.layers.embedding import Embedding
from minillm.layers.feed_forward import FeedForward
from minillm.layers.kv_cache import KVCache
from minillm.layers.linear import Linear
from minillm.layers.module import Buffer, Module, Parameter
from minillm.layers.norms import Identity, LayerNorm, RMSNorm
from minillm.layers.positions import LearnedPositions, SinusoidalPositions
from minillm.layers.vocabulary import TiedVocabulary, UntiedVocabulary

__all__ = [
    "Buffer",
    "Dropout",
    "Embedding",
    "FeedForward",
    "Identity",
    "KVCache",
    "LayerNorm",
    "LearnedPositions",
    "Linear",
    "Module",
    "MultiHeadAttention",
    "Parameter",
    "PostNormBlock",
    "PostNormCrossBlock",
    "PreNormBlock",
    "PreNormCrossBlock",
    "RMSNorm",
    "SinusoidalPositions",
    "TiedVocabulary",
    "UntiedVocabulary",
]
