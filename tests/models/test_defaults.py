"""What a config leaves out is what its words say."""

import dataclasses

import pytest

from minillm.models import (
    ClassifierConfig,
    ConvolutionalConfig,
    DecoderConfig,
    EncoderConfig,
    EncoderDecoderConfig,
    RecurrentConfig,
)

SIZES = {"vocab_size": 7, "max_seq_len": 5, "d_model": 12, "n_layers": 2, "n_heads": 4}
READER = {"vocab_size": 7, "d_model": 12, "n_layers": 2}
GPT_2 = {
    "d_ff": None,
    "n_kv_heads": None,
    "d_head": None,
    "positions": "learned",
    "vocabulary": "tied",
    "embed_norm": "none",
    "block": "pre_norm",
    "norm": "layer_norm",
    "feed_forward": "plain",
    "activation": "gelu",
    "bias": True,
    "dropout": 0.0,
}
BERT = GPT_2 | {"embed_norm": "layer_norm", "block": "post_norm"}
BERT |= {"activation": "gelu_exact", "n_segments": 0}
VASWANI = GPT_2 | {"positions": "sinusoidal", "block": "post_norm", "activation": "relu"}
LABELS = {"labels": ("yes", "no")}
DEFAULTS = {
    DecoderConfig: (SIZES, GPT_2),
    EncoderConfig: (SIZES, BERT),
    ClassifierConfig: (SIZES | LABELS, BERT),
    EncoderDecoderConfig: (SIZES, VASWANI | {"n_encoder_layers": None}),
    RecurrentConfig: (READER, {"cell": "lstm", "vocabulary": "tied", "dropout": 0.0}),
    ConvolutionalConfig: (
        READER,
        {"width": 3, "dilation": 2, "vocabulary": "tied", "dropout": 0.0},
    ),
}


@pytest.mark.parametrize("kind", DEFAULTS, ids=lambda kind: kind.__name__)
def test_the_defaults_are_gpt_2s_berts_and_the_transformers_parts(kind):
    given, left_out = DEFAULTS[kind]
    assert dataclasses.asdict(kind(**given)) == given | left_out


@pytest.mark.parametrize("kind", DEFAULTS, ids=lambda kind: kind.__name__)
def test_every_config_refuses_at_the_door(kind):
    given, _ = DEFAULTS[kind]
    for name, wrong in ("d_model", 0), ("dropout", 1.0), ("vocabulary", "shared"):
        with pytest.raises(ValueError, match=f"^{name} "):
            kind(**given | {name: wrong})


def test_a_head_is_its_share_of_the_width_and_the_feed_forward_four_times_as_wide():
    config = DecoderConfig(**SIZES)
    assert (config.head_width, config.ffn_width) == (3, 48)
    config = DecoderConfig(**SIZES, d_head=5, d_ff=7)
    assert (config.head_width, config.ffn_width) == (5, 7)
