"""Model sizes by name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """A model's shape, and the batch and learning rate that suit it."""

    d_model: int
    n_layers: int
    n_heads: int
    max_seq_len: int
    vocab_size: int
    batch: int
    lr: float


PRESETS = {
    "tiny": Preset(64, 2, 4, 64, 512, batch=8, lr=3e-3),
    "small": Preset(128, 4, 4, 128, 1024, batch=16, lr=2e-3),
    "medium": Preset(384, 6, 6, 256, 4096, batch=8, lr=1e-3),
}
