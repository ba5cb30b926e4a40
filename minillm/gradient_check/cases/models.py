"""Every model, its parameters scattered, through the loss that it is trained on.

Dropout is on, some targets do not count, sequences are padded and of unequal lengths.
An encoder without a head has no loss: its output is taken as it is.
"""

from collections.abc import Callable
from typing import Any

from minillm.gradient_check.cases import batches
from minillm.gradient_check.cases.case import Build, Case, Rng, Sizes, module_case
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
from minillm.training import (
    MaskedTokens,
    NextToken,
    Objective,
    PrefixNextToken,
    SequenceClass,
    SequenceToSequence,
    TokenClass,
)

Batches = Callable[[Rng, Sizes], batches.Batch]


def shape(sizes: Sizes) -> dict[str, Any]:
    """Two layers, as wide as finite differences can afford."""
    return {
        "max_seq_len": max(sizes) + 1,
        "d_model": 6,
        "n_layers": 2,
        "n_heads": 3,
        "d_ff": sizes[2],
        "vocab_size": sizes[3] + 1,
        "dropout": 0.1,
    }


def trained(
    model: Any, rng: Rng, sizes: Sizes, objective: Objective, batch: batches.Batch
) -> Case:
    """The model's gradient, started by its loss."""

    def loss(objective: Objective, batch: batches.Batch, rng: Any) -> Any:
        return objective(model, batch, rng)

    constants = {"objective": objective, "batch": batch, "rng": batches.draws(sizes)}
    return whole(module_case(model, rng, (), constants, loss))


def whole(case: Case) -> Case:
    """Its vectors are tested entry by entry; its matrices were, as those of layers."""
    case.small = 8
    return case


def transformer(
    model: Any, config: Any, objective: Objective, batch: Batches, **parts: Any
) -> Build:
    """A model of this config with these parts, through the loss of this objective."""

    def case(rng: Rng, sizes: Sizes) -> Case:
        made = model(config(**shape(sizes), **parts), rng=rng)
        return trained(made, rng, sizes, objective, batch(rng, sizes))

    return case


def decoder_only(objective: Objective | None = None, **parts: Any) -> Build:
    """A decoder with these parts, through the loss of the next token or another."""
    objective = objective or NextToken()
    return transformer(
        DecoderOnly, DecoderConfig, objective, batches.next_token_batch, **parts
    )


def encoder_decoder(objective: Objective | None = None, **parts: Any) -> Build:
    """An encoder-decoder with these parts, through the loss of pairs or another."""
    objective = objective or SequenceToSequence()
    return transformer(
        EncoderDecoder, EncoderDecoderConfig, objective, batches.pair_batch, **parts
    )


def encoder(**parts: Any) -> Build:
    """The bare encoder with these parts, which has no loss: its vectors are the output."""

    def case(rng: Rng, sizes: Sizes) -> Case:
        model = EncoderOnly(EncoderConfig(**shape(sizes), **parts), rng=rng)
        inputs: dict[str, Any] = {
            "ids": batches.some_ids(rng, sizes),
            "mask": batches.some_tokens(rng, sizes),
            "rng": batches.draws(sizes),
        }
        if model.segments is not None:
            inputs["segment_ids"] = rng.integers(0, 2, inputs["ids"].shape)
        return whole(module_case(model, rng, (), inputs))

    return case


def recurrent(cell: str, vocabulary: str) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        config = RecurrentConfig(
            sizes[3] + 1, sizes[2] + 2, 2, cell, vocabulary, dropout=0.1
        )
        batch = batches.next_token_batch(rng, sizes)
        return trained(RecurrentLM(config, rng=rng), rng, sizes, NextToken(), batch)

    return case


def convolutional(vocabulary: str, width: int) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        config = ConvolutionalConfig(
            sizes[3] + 1, sizes[2] + 2, 2, width, vocabulary=vocabulary, dropout=0.1
        )
        batch = batches.next_token_batch(rng, sizes)
        model = ConvolutionalLM(config, rng=rng)
        case = trained(model, rng, sizes, NextToken(), batch)
        case.step = 1e-4  # of relu's kinks
        return case

    return case


MODELS: dict[str, Build] = {
    "DecoderOnly/gpt-2": decoder_only(),
    "DecoderOnly/gpt": decoder_only(
        NextToken(label_smoothing=0.1), block="post_norm", activation="gelu_exact"
    ),
    "DecoderOnly/bloom": decoder_only(positions="alibi", embed_norm="layer_norm"),
    "DecoderOnly/llama": decoder_only(
        positions="rotary",
        norm="rms_norm",
        feed_forward="gated",
        activation="silu",
        vocabulary="untied",
        n_kv_heads=1,
        d_head=4,
        bias=False,
    ),
    "DecoderOnly/interleaved": decoder_only(
        positions="rotary_interleaved", vocabulary="untied", feed_forward="gated"
    ),
    "DecoderOnly/sinusoidal": decoder_only(
        positions="sinusoidal", block="post_norm", norm="rms_norm", vocabulary="untied"
    ),
    "DecoderOnly/relative": decoder_only(positions="relative", n_kv_heads=1, d_head=5),
    "DecoderOnly/none": decoder_only(positions="none", activation="relu"),
    "PrefixLM": transformer(
        PrefixLM, DecoderConfig, PrefixNextToken(0.1), batches.prefix_batch
    ),
    "EncoderOnly/bert": encoder(n_segments=2),
    "EncoderOnly/pre-norm, sinusoids": encoder(
        block="pre_norm", positions="sinusoidal", embed_norm="none", activation="gelu"
    ),
    "EncoderOnly/rotary, gated": encoder(
        positions="rotary", feed_forward="gated", n_kv_heads=1, d_head=4
    ),
    "EncoderOnly/relative": encoder(positions="relative"),
    "MaskedLanguageModel": transformer(
        MaskedLanguageModel, EncoderConfig, MaskedTokens(), batches.masked_batch
    ),
    "SequenceClassifier": transformer(
        SequenceClassifier,
        ClassifierConfig,
        SequenceClass(),
        batches.text_label_batch,
        labels=batches.LABELS,
    ),
    "TokenClassifier": transformer(
        TokenClassifier,
        ClassifierConfig,
        TokenClass(),
        batches.token_label_batch,
        labels=batches.LABELS,
        block="pre_norm",
    ),
    "EncoderDecoder/of the paper": encoder_decoder(
        SequenceToSequence(label_smoothing=0.1), n_encoder_layers=1
    ),
    "EncoderDecoder/bart": encoder_decoder(
        positions="learned",
        embed_norm="layer_norm",
        activation="gelu_exact",
        n_encoder_layers=1,
    ),
    "EncoderDecoder/t5": encoder_decoder(
        block="pre_norm",
        norm="rms_norm",
        positions="relative",
        feed_forward="gated",
        activation="gelu",
        bias=False,
        n_kv_heads=1,
        n_encoder_layers=1,
        vocabulary="untied",
    ),
    "RecurrentLM/rnn": recurrent("rnn", "tied"),
    "RecurrentLM/lstm": recurrent("lstm", "untied"),
    "RecurrentLM/gru": recurrent("gru", "tied"),
    "ConvolutionalLM": convolutional("tied", width=2),
    "ConvolutionalLM/untied": convolutional("untied", width=3),
}
