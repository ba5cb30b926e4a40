"""A config tells how many parameters its model holds, before any is made."""

import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    count_parameters,
    parameter_table,
)
from minillm.models.parts import PARTS
from minillm.models.recurrent import CELLS
from tests.strategies import examples

SMALL = {"vocab_size": 5, "max_seq_len": 7, "d_model": 6, "n_layers": 2, "n_heads": 3}
VOCABULARIES = list(PARTS["vocabulary"])


def made(kind, config):
    return kind(config, rng=np.random.default_rng(0)).n_parameters()


@st.composite
def shapes(draw, tied=False):
    """Fields of a transformer: every size, and every part by every name it has."""
    n_kv_heads, group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    n_heads = n_kv_heads * group
    d_head = draw(st.sampled_from([2, 4]))
    own_d_head = draw(st.booleans())
    fields = {
        "vocab_size": draw(st.integers(1, 9)),
        "max_seq_len": draw(st.integers(1, 9)),
        "d_model": draw(st.integers(1, 9)) if own_d_head else n_heads * d_head,
        "d_head": d_head if own_d_head else None,
        "n_layers": draw(st.integers(1, 3)),
        "n_heads": n_heads,
        "n_kv_heads": n_kv_heads if group > 1 else None,
        "d_ff": draw(st.none() | st.integers(1, 9)),
        "bias": draw(st.booleans()),
    }
    for kind, names in PARTS.items():
        fields[kind] = draw(st.sampled_from(list(names)))
    return fields | ({"vocabulary": "tied"} if tied else {})


@examples(60)
@given(shapes())
def test_a_decoder_has_as_many_as_are_counted(fields):
    config = DecoderConfig(**fields)
    assert count_parameters(config) == made(DecoderOnly, config) == made(PrefixLM, config)


@examples(60)
@given(shapes(tied=True), st.integers(0, 3), st.integers(2, 4))
def test_an_encoder_has_as_many_as_are_counted_with_each_head(fields, n_segments, n_labels):
    labels = tuple(f"label {i}" for i in range(n_labels))
    config = ClassifierConfig(**fields, n_segments=n_segments, labels=labels)
    plain = EncoderConfig(**fields, n_segments=n_segments)
    assert count_parameters(plain) == count_parameters(config) == made(EncoderOnly, plain)
    assert count_parameters(plain, "masked") == made(MaskedLanguageModel, plain)
    assert count_parameters(config, "token") == made(TokenClassifier, config)

    classifier = SequenceClassifier(config, rng=np.random.default_rng(0))
    whole = classifier.n_parameters()
    assert count_parameters(config, "sequence") == whole
    without_answer = whole - classifier.classifier.n_parameters()
    assert count_parameters(plain, "pooler") == without_answer


@examples(60)
@given(shapes(), st.none() | st.integers(1, 3))
def test_an_encoder_decoder_has_as_many_as_are_counted(fields, n_encoder_layers):
    config = EncoderDecoderConfig(**fields, n_encoder_layers=n_encoder_layers)
    assert count_parameters(config) == made(EncoderDecoder, config)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@examples(5)
@given(V=st.integers(1, 9), d=st.integers(1, 9), n_layers=st.integers(1, 3))
def test_a_recurrent_model_has_as_many_as_are_counted(cell, vocabulary, V, d, n_layers):
    config = RecurrentConfig(V, d, n_layers, cell=cell, vocabulary=vocabulary)
    assert count_parameters(config) == made(RecurrentLM, config)


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@examples(10)
@given(
    V=st.integers(1, 9),
    d=st.integers(1, 9),
    n_layers=st.integers(1, 3),
    width=st.integers(1, 4),
)
def test_a_convolutional_model_has_as_many_as_are_counted(
    vocabulary, V, d, n_layers, width
):
    config = ConvolutionalConfig(V, d, n_layers, width=width, vocabulary=vocabulary)
    assert count_parameters(config) == made(ConvolutionalLM, config)


def named(model, pattern):
    return sum(
        p.data.size for name, p in model.named_parameters() if re.search(pattern, name)
    )


def test_each_row_of_the_table_is_what_the_parameters_of_that_name_hold():
    config = EncoderDecoderConfig(
        **SMALL,
        n_encoder_layers=1,
        n_kv_heads=1,
        positions="relative",
        embed_norm="layer_norm",
        block="pre_norm",
        vocabulary="untied",
        feed_forward="gated",
    )
    model = EncoderDecoder(config, rng=np.random.default_rng(0))
    assert parameter_table(config) == {
        "token embedding": named(model, "token_embed"),
        "output layer": named(model, "lm_head"),
        "positions": named(model, r"order\.weight"),
        "attention": named(model, r"\.attn\.._proj"),
        "cross-attention": named(model, r"cross_attn\.._proj"),
        "feed-forward": named(model, "ffn\\."),
        "norms": named(model, "norm"),
    }


def test_parts_that_hold_nothing_are_left_out_of_the_table():
    plain = parameter_table(DecoderConfig(**SMALL, positions="alibi"))
    assert set(plain) == {"token embedding", "attention", "feed-forward", "norms"}
    bert = parameter_table(EncoderConfig(**SMALL, n_segments=2), "masked")
    assert bert["segments"] == 2 * 6
    assert bert["head"] == (6 * 6 + 6) + 2 * 6 + 5
    assert set(bert) == {*plain, "positions", "segments", "head"}


def test_a_model_that_no_machine_here_could_hold_is_counted_in_a_few_kilobytes():
    config = DecoderConfig(250_880, 2_048, 14_336, 70, 112, positions="alibi")
    count_parameters(config)  # Python makes what it keeps for good at the first call
    tracemalloc.start()
    n = count_parameters(config)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n > 176e9
    assert type(n) is int
    assert peak < 10_000


@pytest.mark.parametrize(
    ("config", "head", "message"),
    [
        (
            EncoderConfig(**SMALL),
            "pool",
            "unknown: give one of masked, pooler, seq",
        ),
        (DecoderConfig(**SMALL), "masked", "'masked': DecoderConfig has none"),
        (RecurrentConfig(5, 6, 2), "pooler", "'pooler': RecurrentConfig has none"),
        (EncoderConfig(**SMALL), "sequence", "has labels: give a ClassifierConfig"),
        (EncoderConfig(**SMALL), "token", "has labels: give a ClassifierConfig"),
    ],
)
def test_a_head_that_is_not_there_is_refused(config, head, message):
    with pytest.raises(ValueError, match=message):
        count_parameters(config, head)


@pytest.mark.parametrize("config", [None, {"vocab_size": 5}, DecoderConfig])
def test_what_is_no_config_is_refused(config):
    with pytest.raises(ValueError, match="belongs to no model"):
        count_parameters(config)
