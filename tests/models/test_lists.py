"""A list where an array belongs is refused by name, in every model and objective."""

import numpy as np
import pytest

from minillm import functional as F
from minillm import training
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

SMALL = {"vocab_size": 9, "max_seq_len": 4, "d_model": 4, "n_layers": 1, "n_heads": 2}
READER = {"vocab_size": 9, "d_model": 4, "n_layers": 1}
LABELLED = ClassifierConfig(**SMALL, labels=("a", "b"))
CONFIGS = {
    DecoderOnly: DecoderConfig(**SMALL),
    PrefixLM: DecoderConfig(**SMALL),
    EncoderOnly: EncoderConfig(**SMALL, n_segments=2),
    MaskedLanguageModel: EncoderConfig(**SMALL),
    SequenceClassifier: LABELLED,
    TokenClassifier: LABELLED,
    EncoderDecoder: EncoderDecoderConfig(**SMALL),
    RecurrentLM: RecurrentConfig(**READER),
    ConvolutionalLM: ConvolutionalConfig(**READER),
}
MODELS = {k: k(config, rng=np.random.default_rng(0)) for k, config in CONFIGS.items()}
IDS, MASK, ONE = np.array([[1, 2, 3]]), np.ones((1, 3), bool), np.array([1])
SQUARE = np.tri(3, dtype=bool)
TAKES = {
    DecoderOnly: {"ids": IDS, "mask": SQUARE},
    PrefixLM: {"ids": IDS, "prefix_lengths": ONE},
    EncoderOnly: {"ids": IDS, "mask": MASK, "segment_ids": 0 * IDS},
    MaskedLanguageModel: {"ids": IDS, "mask": MASK},
    SequenceClassifier: {"ids": IDS, "mask": MASK},
    TokenClassifier: {"ids": IDS, "mask": MASK},
    EncoderDecoder: {
        "source": IDS,
        "target": IDS,
        "source_mask": MASK,
        "target_mask": MASK,
    },
    RecurrentLM: {"ids": IDS},
    ConvolutionalLM: {"ids": IDS},
}
LEARNS = {
    training.NextToken: (DecoderOnly, {"inputs": IDS, "targets": IDS}),
    training.PrefixNextToken: (
        PrefixLM,
        {"inputs": IDS, "targets": IDS, "prefix_lengths": ONE},
    ),
    training.MaskedTokens: (
        MaskedLanguageModel,
        {"inputs": IDS, "targets": IDS, "mask": MASK},
    ),
    training.SequenceClass: (
        SequenceClassifier,
        {"inputs": IDS, "labels": ONE, "mask": MASK},
    ),
    training.TokenClass: (
        TokenClassifier,
        {"inputs": IDS, "targets": 0 * IDS, "mask": MASK},
    ),
    training.SequenceToSequence: (
        EncoderDecoder,
        {
            "source": IDS,
            "inputs": IDS,
            "targets": IDS,
            "source_mask": MASK,
            "target_mask": MASK,
        },
    ),
}


def refused(name, call):
    with pytest.raises(ValueError, match=f"^{name} of type list: give an array"):
        call()


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_a_model_names_the_argument_that_is_a_list(kind):
    MODELS[kind](**TAKES[kind])
    for name, array in TAKES[kind].items():
        listed = TAKES[kind] | {name: array.tolist()}
        refused(name, lambda listed=listed: MODELS[kind](**listed))


@pytest.mark.parametrize("objective", LEARNS, ids=lambda kind: kind.__name__)
def test_an_objective_names_the_part_of_a_batch_that_is_a_list(objective):
    kind, batch = LEARNS[objective]
    objective()(MODELS[kind], tuple(batch.values()), None)
    for name, array in batch.items():
        listed = tuple((batch | {name: array.tolist()}).values())
        refused(name, lambda listed=listed: objective()(MODELS[kind], listed, None))
        refused(name, lambda listed=listed: objective().n_targets(listed))


@pytest.mark.parametrize("kind", [DecoderOnly, RecurrentLM, ConvolutionalLM])
def test_a_step_names_ids_that_are_a_list(kind):
    model = MODELS[kind]
    refused("ids", lambda: model.step(IDS.tolist(), model.caches()))


def test_what_reads_a_source_or_scores_targets_names_a_list_too():
    refused("source", lambda: MODELS[EncoderDecoder].reading(IDS.tolist()))
    memory, _ = MODELS[EncoderDecoder].encode(IDS)
    refused("target", lambda: MODELS[EncoderDecoder].decode(IDS.tolist(), memory))
    refused("targets", lambda: F.cross_entropy(np.zeros((1, 3, 9)), IDS.tolist()))
