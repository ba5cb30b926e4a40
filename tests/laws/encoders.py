"""Models with an encoder, end to end: padding, unequal lengths, dropout and the loss."""

import numpy as np

from minillm import functional as F
from minillm.models import (
    ClassifierConfig,
    DecoderConfig,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    EncoderOnly,
    MaskedLanguageModel,
    PrefixLM,
    SequenceClassifier,
    TokenClassifier,
)
from tests.laws.modules import module_case

LABELS = ("yes", "no", "neither")


def shape(rng, sizes):
    """Two layers, as wide as the laws can afford."""
    return {
        "max_seq_len": max(sizes) + 1,
        "d_model": 6,
        "n_layers": 2,
        "n_heads": 3,
        "d_ff": sizes[2],
        "vocab_size": sizes[3] + 1,
        "dropout": 0.1,
    }


def some_tokens(rng, batch, seq_len):
    """Padding here and there; the last sequence of the batch is nothing else."""
    is_token = rng.random((batch, seq_len)) < 0.7
    is_token[:, 0] = True
    is_token[-1] = batch == 1
    return is_token


def draws(batch):
    return F.Draws(seed=1, step=2, examples=range(batch))


def through_the_loss(model, rng, targets, constants, call=None):
    """The model's gradient, started by cross-entropy."""

    def loss(targets, **given):
        logits, model_backward = (call or model)(**given)
        value, loss_backward = F.cross_entropy(logits, targets)
        return value, lambda dloss: model_backward(loss_backward(dloss))

    return module_case(model, rng, (), {"targets": targets, **constants}, loss)


def encoder_inputs(rng, sizes):
    batch, seq_len, _, vocab_size, *_ = sizes
    return {
        "ids": rng.integers(0, vocab_size + 1, (batch, seq_len)),
        "mask": some_tokens(rng, batch, seq_len),
        "rng": draws(batch),
    }


def encoder(**names):
    def case(rng, sizes):
        model = EncoderOnly(EncoderConfig(**shape(rng, sizes), **names), rng=rng)
        inputs = encoder_inputs(rng, sizes)
        if model.segments is not None:
            inputs["segment_ids"] = rng.integers(0, 2, inputs["ids"].shape)
        return module_case(model, rng, (), inputs)

    return case


def masked_language_model(rng, sizes):
    model = MaskedLanguageModel(EncoderConfig(**shape(rng, sizes)), rng=rng)
    inputs = encoder_inputs(rng, sizes)
    targets = rng.integers(0, model.config.vocab_size, inputs["ids"].shape)
    targets = np.where(inputs["mask"], targets, F.IGNORED)
    return through_the_loss(model, rng, targets, inputs)


def sequence_classifier(rng, sizes):
    config = ClassifierConfig(**shape(rng, sizes), labels=LABELS)
    targets = rng.integers(0, len(LABELS), sizes[0])
    model = SequenceClassifier(config, rng=rng)
    return through_the_loss(model, rng, targets, encoder_inputs(rng, sizes))


def token_classifier(rng, sizes):
    config = ClassifierConfig(**shape(rng, sizes), labels=LABELS, block="pre_norm")
    targets = rng.integers(0, len(LABELS), sizes[:2])
    model = TokenClassifier(config, rng=rng)
    return through_the_loss(model, rng, targets, encoder_inputs(rng, sizes))


def encoder_decoder(**names):
    def case(rng, sizes):
        batch, n_source, _, vocab_size, n_target, *_ = sizes
        config = EncoderDecoderConfig(**shape(rng, sizes), **names)
        model = EncoderDecoder(config, rng=rng)
        target_mask = some_tokens(rng, batch, n_target)
        targets = rng.integers(0, vocab_size + 1, (batch, n_target))
        inputs = {
            "source": rng.integers(0, vocab_size + 1, (batch, n_source)),
            "target": rng.integers(0, vocab_size + 1, (batch, n_target)),
            "source_mask": some_tokens(rng, batch, n_source),
            "target_mask": target_mask,
            "rng": draws(batch),
        }
        return through_the_loss(
            model, rng, np.where(target_mask, targets, F.IGNORED), inputs
        )

    return case


def prefix_lm(rng, sizes):
    batch, seq_len, _, vocab_size, *_ = sizes
    model = PrefixLM(DecoderConfig(**shape(rng, sizes)), rng=rng)
    inputs = {
        "ids": rng.integers(0, vocab_size + 1, (batch, seq_len)),
        "prefix_lengths": rng.integers(0, seq_len + 1, batch),
        "rng": draws(batch),
    }
    targets = rng.integers(0, vocab_size + 1, (batch, seq_len))
    return through_the_loss(model, rng, targets, inputs)


MODELS = {
    "EncoderOnly/BERT": encoder(n_segments=2),
    "EncoderOnly/pre-norm, sinusoids": encoder(
        block="pre_norm", positions="sinusoidal", embed_norm="none", activation="gelu"
    ),
    "EncoderOnly/rotary, gated": encoder(
        positions="rotary", feed_forward="gated", n_kv_heads=1, d_head=4
    ),
    "EncoderOnly/relative": encoder(positions="relative"),
    "MaskedLanguageModel": masked_language_model,
    "SequenceClassifier": sequence_classifier,
    "TokenClassifier": token_classifier,
    "EncoderDecoder/of the paper": encoder_decoder(n_encoder_layers=1),
    "EncoderDecoder/pre-norm, untied": encoder_decoder(
        block="pre_norm",
        norm="rms_norm",
        vocabulary="untied",
        positions="learned",
        embed_norm="layer_norm",
        bias=False,
        n_encoder_layers=1,
    ),
    "EncoderDecoder/T5": encoder_decoder(
        block="pre_norm",
        norm="rms_norm",
        positions="relative",
        feed_forward="gated",
        activation="gelu",
        bias=False,
        n_kv_heads=1,
    ),
    "PrefixLM": prefix_lm,
}
