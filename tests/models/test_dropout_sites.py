"""Where in a model dropout draws: child 0 is the embedding's, child l that of layer l.

A place is part of the key of what it drops, so a saved run goes on with the same numbers
only if every place keeps its own.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm import functional as F
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
from tests.strategies import examples

SIZES = {"vocab_size": 5, "max_seq_len": 4, "d_model": 4, "n_heads": 2, "dropout": 0.5}
READER = {"vocab_size": 5, "d_model": 4, "dropout": 0.5}
IDS = np.array([[1, 2, 3]])
layers = st.integers(1, 3)
few = examples(3)
sites: list[int] = []


class Watched(F.Draws):
    """Draws that note where they are drawn."""

    def random(self, size, dtype=np.float32):
        sites.append(self.site)
        return super().random(size, dtype)


DRAWS = Watched(seed=1, step=2, examples=range(1))


def drawn_by(model, *inputs):
    sites.clear()
    model(*inputs, rng=DRAWS)
    return sites


def made(kind, config):
    return kind(config, rng=np.random.default_rng(0))


def stack(place, n_layers, branches):
    """The embedding's site, and those of the branches of each block."""
    blocks = [place.child(i) for i in range(1, n_layers + 1)]
    return [place.child(0).site] + [
        b.child(k).site for b in blocks for k in range(branches)
    ]


@pytest.mark.parametrize("kind", [DecoderOnly, PrefixLM, EncoderOnly, MaskedLanguageModel])
@few
@given(L=layers, block=st.sampled_from(["pre_norm", "post_norm"]))
def test_one_stack_draws_at_its_embedding_and_in_both_branches_of_its_blocks(
    kind, L, block
):
    config_kind = DecoderConfig if kind in (DecoderOnly, PrefixLM) else EncoderConfig
    model = made(kind, config_kind(**SIZES, n_layers=L, block=block))
    inputs = (IDS, np.array([1])) if kind is PrefixLM else (IDS,)
    assert drawn_by(model, *inputs) == stack(DRAWS, L, 2)


@pytest.mark.parametrize("kind", [SequenceClassifier, TokenClassifier])
@few
@given(L=layers)
def test_a_classifier_draws_at_the_place_after_its_last_block(kind, L):
    model = made(kind, ClassifierConfig(**SIZES, n_layers=L, labels=("a", "b")))
    assert drawn_by(model, IDS) == [*stack(DRAWS, L, 2), DRAWS.child(L + 1).site]


@few
@given(L=layers, n_encoder_layers=layers)
def test_of_two_stacks_the_encoder_is_child_0_and_the_decoder_child_1(L, n_encoder_layers):
    config = EncoderDecoderConfig(**SIZES, n_layers=L, n_encoder_layers=n_encoder_layers)
    encoder = stack(DRAWS.child(0), n_encoder_layers, 2)
    decoder = stack(DRAWS.child(1), L, 3)
    assert drawn_by(made(EncoderDecoder, config), IDS, IDS) == encoder + decoder


@few
@given(L=layers)
def test_a_reader_draws_at_its_embedding_and_after_each_layer(L):
    for kind, config_kind in (
        (RecurrentLM, RecurrentConfig),
        (ConvolutionalLM, ConvolutionalConfig),
    ):
        model = made(kind, config_kind(**READER, n_layers=L))
        assert drawn_by(model, IDS) == [DRAWS.child(i).site for i in range(L + 1)]
