"""What both sides compute: the command line's `small` and `medium`, here S and M."""

import numpy as np

from minillm.cli.presets import PRESETS, Preset
from minillm.models import DecoderConfig, DecoderOnly
from minillm.types import Array

SIZES = {"S": PRESETS["small"], "M": PRESETS["medium"]}
N_BATCHES = 20


def decoder(size: Preset) -> DecoderOnly:
    """Pre-norm, tanh GELU, learned positions, tied head; the same weights every time."""
    config = DecoderConfig(
        size.vocab_size, size.max_seq_len, size.d_model, size.n_layers, size.n_heads
    )
    return DecoderOnly(config, rng=np.random.default_rng(0))


def batches(size: Preset) -> list[tuple[Array, Array]]:
    """Inputs and targets (batch, seq_len) of N_BATCHES steps.

    Low ids are the commonest, so that there is something to learn at once: losses that
    fall alike say more than losses that stand still.
    """
    rng = np.random.default_rng(1)
    shape = (N_BATCHES, size.batch, size.max_seq_len + 1)
    windows = (size.vocab_size * rng.random(shape) ** 3).astype(np.int64)
    return [(ids[:, :-1].copy(), ids[:, 1:].copy()) for ids in windows]
