"""What is written well before it is made hostile: tiny models of every kind, and texts."""

import numpy as np

from minillm.models import (
    ClassifierConfig,
    ConvolutionalConfig,
    ConvolutionalLM,
    DecoderConfig,
    DecoderOnly,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    EncoderOnly,
    MaskedLanguageModel,
    PrefixLM,
    RecurrentConfig,
    RecurrentLM,
    SequenceClassifier,
    TokenClassifier,
)
from minillm.tokenizers import SPECIAL_TOKENS, BPETokenizer, WordTokenizer

BPE = BPETokenizer.train("the cat's mat, the rat's hat: été 123", 275, SPECIAL_TOKENS)
WORDS = WordTokenizer(f"word{i}" for i in range(BPE.vocab_size - len(SPECIAL_TOKENS)))
N = BPE.vocab_size
SHAPE = {"d_model": 4, "n_layers": 1, "n_heads": 2, "d_ff": 4}
CLASSES = {"labels": ("good", "bad", "neither")}

CONFIGS = [
    (DecoderOnly, DecoderConfig(N, 24, **SHAPE)),
    (DecoderOnly, DecoderConfig(N, 24, **SHAPE, positions="rotary", vocabulary="untied")),
    (PrefixLM, DecoderConfig(N, 24, **SHAPE, positions="relative", n_kv_heads=1)),
    (EncoderOnly, EncoderConfig(N, 24, **SHAPE, n_segments=2)),
    (MaskedLanguageModel, EncoderConfig(N, 24, **SHAPE, positions="alibi")),
    (SequenceClassifier, ClassifierConfig(N, 24, **SHAPE, **CLASSES)),
    (TokenClassifier, ClassifierConfig(N, 24, **SHAPE, **CLASSES, block="pre_norm")),
    (EncoderDecoder, EncoderDecoderConfig(N, 24, **SHAPE, n_encoder_layers=2)),
    (RecurrentLM, RecurrentConfig(N, d_model=4, n_layers=2, cell="gru")),
    (ConvolutionalLM, ConvolutionalConfig(N, d_model=4, n_layers=2)),
]
MODELS = [kind(config, rng=np.random.default_rng(0)) for kind, config in CONFIGS]

TEXT = "\n\n".join(
    f"the cat {i} sat on the mat,\nand the rat {i} did not." for i in range(40)
)
LABELLED = "\n".join(f"text {i}\t{'good' if i % 2 else 'bad'}" for i in range(30))
TAGGED = "\n".join(f"the/DET cat{i}/NOUN" for i in range(30))
PAIRS = "\n".join(f"source {i}\t{i} target" for i in range(30))
MATERIAL = {"causal": TEXT, "classify": LABELLED, "tag": TAGGED, "translate": PAIRS}
