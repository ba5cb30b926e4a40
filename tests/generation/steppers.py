"""Every kind of model that writes, small, with its full pass: for tests of generation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minillm.models import (
    DecoderConfig,
    DecoderOnly,
    EncoderDecoder,
    EncoderDecoderConfig,
    PrefixLM,
)
from minillm.models.convolutional import ConvolutionalConfig, ConvolutionalLM
from minillm.models.recurrent import RecurrentConfig, RecurrentLM
from tests.strategies import scatter

VOCAB_SIZE, MAX_SEQ_LEN, N_SOURCE = 7, 9, 5
SIZES = (VOCAB_SIZE, MAX_SEQ_LEN, 8, 2, 2)  # d_model 8, two layers, two heads


@dataclass(frozen=True)
class Family:
    """A model that writes `batch` texts at once.

    full(rows, ids, n_first) is a full pass over ids (len(rows), n), texts that continue
    those rows of the batch, of which n_first were read in the first step.
    """

    model: Any
    stepper: Any
    alone: Callable[[int], Any]  # a stepper for one row of the batch
    full: Callable[[list[int], np.ndarray, int], np.ndarray]


def without_a_source(make):
    def family(rng, batch):
        model = scatter(make(rng), rng).astype(np.float64)
        return Family(model, model, lambda row: model, lambda rows, ids, n: model(ids)[0])

    return family


def prefix_lm(rng, batch):
    model = scatter(PrefixLM(DecoderConfig(*SIZES), rng=rng), rng).astype(np.float64)

    def full(rows, ids, n_first):
        return model(ids, np.full(len(ids), n_first))[0]

    return Family(model, model, lambda row: model, full)


def draw_sources(rng, batch):
    """Sources (batch, N_SOURCE) and masks: of unequal lengths, padded behind."""
    lengths = 1 + rng.permutation(np.arange(batch) % N_SOURCE)
    mask = np.arange(N_SOURCE) < lengths[:, None]
    return rng.integers(0, VOCAB_SIZE, mask.shape), mask


def beside_a_source(**parts):
    def family(rng, batch):
        config = EncoderDecoderConfig(*SIZES, n_encoder_layers=1, **parts)
        model = scatter(EncoderDecoder(config, rng=rng), rng).astype(np.float64)
        source, mask = draw_sources(rng, batch)

        def full(rows, ids, n_first):
            return model(source[rows], ids, mask[rows])[0]

        def alone(row):
            return model.reading(source[[row]], mask[[row]])

        return Family(model, model.reading(source, mask), alone, full)

    return family


def decoder(**parts):
    return without_a_source(
        lambda rng: DecoderOnly(DecoderConfig(*SIZES, **parts), rng=rng)
    )


def recurrent(cell):
    config = RecurrentConfig(VOCAB_SIZE, 6, 2, cell=cell)
    return without_a_source(lambda rng: RecurrentLM(config, rng=rng))


T5 = {
    "positions": "relative",
    "block": "pre_norm",
    "norm": "rms_norm",
    "feed_forward": "gated",
    "bias": False,
}

FAMILIES = {
    "gpt2": decoder(),
    "bloom": decoder(positions="alibi", embed_norm="layer_norm"),
    "llama": decoder(positions="rotary", norm="rms_norm", n_kv_heads=1),
    "relative": decoder(positions="relative", block="post_norm"),
    "prefix": prefix_lm,
    "rnn": recurrent("rnn"),
    "lstm": recurrent("lstm"),
    "gru": recurrent("gru"),
    "convolution": without_a_source(
        lambda rng: ConvolutionalLM(ConvolutionalConfig(VOCAB_SIZE, 6, 2), rng=rng)
    ),
    "vaswani": beside_a_source(),
    "t5": beside_a_source(**T5),
    "beside_rotary": beside_a_source(positions="rotary_interleaved", n_kv_heads=1),
}
