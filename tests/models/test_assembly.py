"""Parts are made as the config names them, in every stack."""

import numpy as np
import pytest

from minillm.layers import Identity, LayerNorm, RMSNorm
from minillm.models import (
    DecoderConfig,
    DecoderOnly,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    EncoderOnly,
)

SIZES = {"vocab_size": 5, "max_seq_len": 4, "d_model": 4, "n_layers": 1, "n_heads": 2}
MODELS = {
    DecoderOnly: (DecoderConfig, ["final_norm"]),
    EncoderOnly: (EncoderConfig, ["final_norm"]),
    EncoderDecoder: (EncoderDecoderConfig, ["encoder_norm", "decoder_norm"]),
}
every_model = pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)


def made(kind, **parts):
    return kind(MODELS[kind][0](**SIZES, **parts), rng=np.random.default_rng(0))


@every_model
def test_a_norm_stands_at_the_end_of_pre_norm_blocks_alone(kind):
    for name in MODELS[kind][1]:
        assert type(getattr(made(kind, block="post_norm"), name)) is Identity
        assert type(getattr(made(kind, block="pre_norm"), name)) is LayerNorm
        pre_rms = made(kind, block="pre_norm", norm="rms_norm")
        assert type(getattr(pre_rms, name)) is RMSNorm


@every_model
@pytest.mark.parametrize("feed_forward", ["plain", "gated"])
def test_every_linear_map_of_a_block_has_a_bias_or_none_has(kind, feed_forward):
    for bias in True, False:
        model = made(kind, bias=bias, feed_forward=feed_forward)
        names = [name for name, _ in model.named_parameters()]
        maps = [name.removesuffix(".weight") for name in names if "_proj.weight" in name]
        assert maps
        assert {name for name in names if name.endswith(".bias")} == {
            f"{name}.bias" for name in maps if bias
        }


@every_model
def test_the_width_and_the_sharing_of_heads_are_the_configs(kind):
    model = made(kind, d_head=6, n_kv_heads=1, d_ff=7)
    for name, p in model.named_parameters():
        if name.endswith("q_proj.weight"):
            assert p.data.shape == (4, 2 * 6)
        if name.endswith(("k_proj.weight", "v_proj.weight")):
            assert p.data.shape == (4, 6)
        if name.endswith("up_proj.weight"):
            assert p.data.shape == (4, 7)
