"""Storey two: equations that own their parameters."""

from minillm.layers.alibi import Alibi
from minillm.layers.attention import MultiHeadAttention
from minillm.layers.block import PostNormBlock, PreNormBlock
from minillm.layers.convolution import CausalConvolution
from minillm.layers.convolution_block import ConvolutionBlock
from minillm.layers.cross_block import PostNormCrossBlock, PreNormCrossBlock
from minillm.layers.dropout import Dropout
from minillm.layers.embedding import Embedding
from minillm.layers.feed_forward import FeedForward
from minillm.layers.gated_feed_forward import GatedFeedForward
from minillm.layers.kv_cache import CrossCache, KVCache, Memory
from minillm.layers.linear import Linear
from minillm.layers.module import Buffer, Module, Parameter
from minillm.layers.norms import Identity, LayerNorm, RMSNorm
from minillm.layers.order import NoOrder
from minillm.layers.positions import LearnedPositions, NoPositions, SinusoidalPositions
from minillm.layers.recurrent import GRU, LSTM, Elman, Recurrent
from minillm.layers.relative import BidirectionalRelativeBias, CausalRelativeBias
from minillm.layers.rotary import RotaryHalf, RotaryInterleaved
from minillm.layers.state_cache import StateCache
from minillm.layers.vocabulary import TiedVocabulary, UntiedVocabulary

__all__ = [
    "GRU",
    "LSTM",
    "Alibi",
    "BidirectionalRelativeBias",
    "Buffer",
    "CausalConvolution",
    "CausalRelativeBias",
    "ConvolutionBlock",
    "CrossCache",
    "Dropout",
    "Elman",
    "Embedding",
    "FeedForward",
    "GatedFeedForward",
    "Identity",
    "KVCache",
    "LayerNorm",
    "LearnedPositions",
    "Linear",
    "Memory",
    "Module",
    "MultiHeadAttention",
    "NoOrder",
    "NoPositions",
    "Parameter",
    "PostNormBlock",
    "PostNormCrossBlock",
    "PreNormBlock",
    "PreNormCrossBlock",
    "RMSNorm",
    "Recurrent",
    "RotaryHalf",
    "RotaryInterleaved",
    "SinusoidalPositions",
    "StateCache",
    "TiedVocabulary",
    "UntiedVocabulary",
]
