"""What was saved comes back: the same model, the same tokenizer, to the last bit."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm import pretrained
from minillm.model_folder import FolderError, ModelFolder
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
from minillm.pretrained.own import ARCHITECTURES, describe, read_description
from minillm.safetensors import SafetensorsError
from minillm.tokenizers import BPETokenizer, TokenizerFileError, WordTokenizer
from tests.ordinary_user import folder_of_an_ordinary_user
from tests.strategies import examples, rngs, scatter

TEXT = "the cat's mat, the rat's hat: été 123"
TOKENIZER = BPETokenizer.train(TEXT, 270, ["<|end|>"])
CONFIG = DecoderConfig(TOKENIZER.vocab_size, 8, d_model=8, n_layers=2, n_heads=2, d_ff=8)


def save(path, model, tokenizer=TOKENIZER, description=None):
    folder = ModelFolder(path)
    folder.claim()
    folder.write_json("config.json", description or describe(model))
    if tokenizer is not None:
        tokenizer.save(folder.path / "tokenizer.json")
    folder.write_set(3, model.state_dict(), {}, {})
    return path


def draw_model(rng, config=CONFIG):
    return scatter(DecoderOnly(config, rng=rng), rng)


def build(description, *, rng):
    """A new model as described, and as large as was foretold."""
    make, config, n_parameters = read_description(description, Path("config.json"))
    model = make(config, rng=rng)
    assert model.n_parameters() == n_parameters
    return model


MODEL = draw_model(np.random.default_rng(0))
configs = st.builds(
    replace,
    st.just(CONFIG),
    n_layers=st.integers(1, 2),
    d_ff=st.sampled_from([None, 5]),
    n_kv_heads=st.sampled_from([None, 1]),
    d_head=st.sampled_from([None, 3]),
    positions=st.sampled_from(["learned", "sinusoidal"]),
    vocabulary=st.sampled_from(["tied", "untied"]),
    block=st.sampled_from(["pre_norm", "post_norm"]),
    norm=st.sampled_from(["layer_norm", "rms_norm"]),
    activation=st.sampled_from(["relu", "silu"]),
    bias=st.booleans(),
    dropout=st.sampled_from([0.0, 0.1]),
)


@given(rngs, configs)
@examples(10)
def test_model_and_tokenizer_come_back_bit_for_bit(tmp_path_factory, rng, config):
    saved = draw_model(rng, config)
    path = save(tmp_path_factory.mktemp("model"), saved)
    model, tokenizer = pretrained.load(str(path))
    assert model.config == config and tokenizer == TOKENIZER
    ids = tokenizer.encode("the hat<|end|>", allowed_special="all")[-8:]
    assert ids == TOKENIZER.encode("the hat<|end|>", allowed_special="all")[-8:]
    assert_array_equal(model(np.array([ids]))[0], saved(np.array([ids]))[0])
    assert all(p.data.dtype == np.float32 for _, p in model.named_parameters())


def refused(path, message, error=FolderError):
    with pytest.raises(error, match=message) as caught:
        pretrained.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value) or "config.json" in str(caught.value)


def test_a_folder_that_holds_no_model_says_what_is_missing(tmp_path):
    refused(tmp_path / "nowhere", "is not a folder: give one that training wrote")
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "is not a folder")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", r"holds no model: config\.json is missing")
    ModelFolder(tmp_path / "begun").claim()
    ModelFolder(tmp_path / "begun").write_json("config.json", describe(MODEL))
    refused(tmp_path / "begun", r"holds no weights yet: trainer\.json is missing")
    refused(save(tmp_path / "mute", MODEL, tokenizer=None), r"tokenizer\.json is missing")


FILES = ["config.json", "tokenizer.json", "trainer.json", "model-000003.safetensors"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_is_named(tmp_path, name):
    path = save(tmp_path / "model", MODEL)
    (path / name).unlink()
    refused(path, name)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_opened_is_the_systems_error(name):
    with folder_of_an_ordinary_user() as folder:
        path = save(folder / "model", MODEL)
        (path / name).chmod(0)
        refused(path, name, PermissionError)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = save(tmp_path_factory.mktemp("saved"), MODEL)
    return path, {file.name: file.read_bytes() for file in path.iterdir()}


@given(st.sampled_from(FILES), st.integers(0, 10**6), st.integers(0, 255), st.booleans())
@examples(60)
def test_a_damaged_folder_is_refused_or_gives_the_model_that_was_saved(
    saved, name, place, flip, truncate
):
    path, good = saved
    data = bytearray(good[name])
    place %= len(data)
    data[place] ^= flip
    (path / name).write_bytes(data[:place] if truncate else data)
    try:
        model, tokenizer = pretrained.load(path)
    except (FolderError, SafetensorsError, TokenizerFileError) as error:
        assert str(path) in str(error)
        assert flip or truncate
    else:
        assert tokenizer == TOKENIZER
        for key, array in model.state_dict().items():
            assert_array_equal(array, MODEL.state_dict()[key])
        assert name == "trainer.json" or not (flip or truncate)
    finally:
        (path / name).write_bytes(good[name])


def test_a_tokenizer_that_does_not_fit_is_refused(tmp_path):
    path = save(tmp_path / "model", MODEL, BPETokenizer())
    refused(path, f"the tokenizer has 256 tokens, the model {CONFIG.vocab_size}")


def test_weights_that_do_not_fit_the_config_are_refused(tmp_path):
    wider = describe(MODEL) | {"config": vars(CONFIG) | {"d_ff": 9}}
    path = save(tmp_path / "model", MODEL, description=wider)
    refused(path, r"model-000003\.safetensors holds 3,168 numbers; .* has 3,202")


def test_a_tokenizer_file_that_is_none_is_refused_under_its_own_name(tmp_path):
    path = tmp_path / "model"
    folder = ModelFolder(path)
    folder.claim()
    folder.write_json("config.json", describe(MODEL))
    (path / "tokenizer.json").write_text("{}")
    folder.write_set(1, MODEL.state_dict(), {}, {})
    refused(path, r"tokenizer\.json: no minillm tokenizer", TokenizerFileError)


def test_a_description_says_all_that_json_can_and_builds_the_same():
    description = json.loads(json.dumps(describe(MODEL)))
    assert description["architecture"] == "DecoderOnly"
    assert build(description, rng=np.random.default_rng(0)).config == CONFIG


GOOD = vars(CONFIG)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({}, r"config\.json: architecture None is unknown: give one of DecoderOnly"),
        ({"architecture": "GPT-5", "config": GOOD}, "architecture 'GPT-5' is unknown"),
        ({"architecture": ["DecoderOnly"], "config": GOOD}, "is unknown"),
        ({"architecture": {}, "config": GOOD}, "is unknown"),
        ({"architecture": "DecoderOnly"}, "config.json has no config"),
        ({"architecture": "DecoderOnly", "config": [1]}, "config.json has no config"),
        ({"architecture": "DecoderOnly", "config": {}}, "missing 5 required"),
    ],
)
def test_a_description_of_nothing_is_refused(description, message):
    with pytest.raises(FolderError, match=message):
        build(description, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"more": 1}, "'more' is unexpected: DecoderOnly takes activation, bias"),
        ({"vocab_size": 0}, "vocab_size 0: give a whole number"),
        ({"d_model": "8"}, "d_model '8': give a whole number"),
        ({"n_layers": 2.0}, "n_layers 2.0: give a whole number"),
        ({"n_heads": True}, "n_heads True: give a whole number"),
        ({"n_heads": 3}, "n_heads 3 does not divide d_model 8"),
        ({"block": "sandwich"}, "block 'sandwich' is unknown: give one of"),
        ({"norm": ["layer_norm"]}, r"config\.json: "),
        ({"activation": {}}, r"config\.json: "),
        ({"bias": 1}, "bias 1 is neither true nor false"),
        ({"dropout": 1.0}, "dropout 1.0: give 0 <= dropout < 1"),
        ({"dropout": None}, "dropout None"),
        ({"dropout": False}, "dropout False: give"),
        ({"d_model": 10**1000}, "d_model 10{79}: give at most 2147483647"),
    ],
)
def test_a_config_that_does_not_hold_is_refused_by_field(change, message):
    description = {"architecture": "DecoderOnly", "config": GOOD | change}
    with pytest.raises(FolderError, match=message):
        build(description, rng=np.random.default_rng(0))


N = TOKENIZER.vocab_size
SMALL = {"d_model": 8, "n_layers": 1, "n_heads": 2, "d_ff": 8}
ENCODER = EncoderConfig(N, 8, **SMALL)
CLASSIFIER = ClassifierConfig(N, 8, **SMALL, labels=("good", "bad", "neither"))
MODELS = {
    PrefixLM: CONFIG,
    EncoderOnly: EncoderConfig(N, 8, **SMALL, n_segments=2, positions="relative"),
    MaskedLanguageModel: ENCODER,
    SequenceClassifier: CLASSIFIER,
    TokenClassifier: replace(CLASSIFIER, positions="alibi", block="pre_norm"),
    EncoderDecoder: EncoderDecoderConfig(N, 8, **SMALL, n_encoder_layers=2),
    RecurrentLM: RecurrentConfig(N, d_model=8, n_layers=2, cell="gru"),
    ConvolutionalLM: ConvolutionalConfig(N, d_model=8, n_layers=2),
}


def test_every_architecture_that_is_described_is_known():
    assert {model.__name__ for model in MODELS} | {"DecoderOnly"} == set(ARCHITECTURES)


@pytest.mark.parametrize("tokenizer", ["bytes", "words"])
@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_every_architecture_comes_back_bit_for_bit(kind, tokenizer, tmp_path):
    words = WordTokenizer(f"word{i}" for i in range(N - 7))
    used = {"bytes": TOKENIZER, "words": words}[tokenizer]
    rng = np.random.default_rng(1)
    saved = scatter(kind(MODELS[kind], rng=rng), rng)
    model, loaded = pretrained.load(save(tmp_path / "model", saved, used))
    assert type(model) is kind and model.config == saved.config and loaded == used
    before, after = saved.state_dict(), model.state_dict()
    assert before.keys() == after.keys()
    for name, array in before.items():
        assert_array_equal(after[name], array)
        assert after[name].dtype == array.dtype


def test_a_word_tokenizer_that_does_not_fit_is_refused(tmp_path):
    model = MaskedLanguageModel(ENCODER, rng=np.random.default_rng(0))
    path = save(tmp_path / "model", model, WordTokenizer(["word"]))
    refused(path, f"the tokenizer has 8 tokens, the model {N}")


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (SequenceClassifier, {"labels": ["one"]}, r"labels \['one'\]: give at least two"),
        (TokenClassifier, {"labels": "good"}, "labels 'good': give at least two"),
        (TokenClassifier, {"labels": [["a"], "b"]}, "give at least two"),
        (TokenClassifier, {"labels": None}, "labels None"),
        (
            TokenClassifier,
            {"labels": ["a", "\ud800"]},
            r"label '\\ud800' cannot be written",
        ),
        (TokenClassifier, {"labels": ["a", ""]}, "label '' cannot be written"),
        (RecurrentLM, {"dropout": True}, "dropout True: give"),
        (MaskedLanguageModel, {"labels": ["a", "b"]}, "is unexpected"),
        (MaskedLanguageModel, {"vocabulary": "untied"}, "an encoder's is 'tied'"),
        (EncoderDecoder, {"n_encoder_layers": 0}, "n_encoder_layers 0: give"),
        (RecurrentLM, {"cell": "brain"}, "cell 'brain' is unknown: give one of"),
        (RecurrentLM, {"cell": ["gru"]}, "is unknown"),
        (RecurrentLM, {"max_seq_len": 8}, "is unexpected"),
        (ConvolutionalLM, {"width": 0}, "width 0: give"),
        (PrefixLM, {"positions": "left"}, "positions 'left' is unknown"),
    ],
)
def test_a_config_of_any_kind_that_does_not_hold_is_refused(kind, change, message):
    description = {"architecture": kind.__name__, "config": vars(MODELS[kind]) | change}
    with pytest.raises(FolderError, match=message):
        build(description, rng=np.random.default_rng(0))


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_a_config_of_another_architecture_is_refused(kind):
    other = CONFIG if kind in (RecurrentLM, ConvolutionalLM) else MODELS[RecurrentLM]
    with pytest.raises(FolderError, match="is unexpected"):
        build(
            {"architecture": kind.__name__, "config": vars(other)},
            rng=np.random.default_rng(0),
        )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 12) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


FIELDS = [
    (kind, field)
    for kind, config in {DecoderOnly: CONFIG, **MODELS}.items()
    for field in [*vars(config), "more"]
]


@given(st.sampled_from(FIELDS), json_values)
@examples(300)
def test_any_value_in_any_field_builds_a_model_or_is_refused(place, value):
    kind, field = place
    config = vars({DecoderOnly: CONFIG, **MODELS}[kind]) | {field: value}
    try:
        description = {"architecture": kind.__name__, "config": config}
        model = build(description, rng=np.random.default_rng(0))
    except FolderError as error:
        assert "config.json" in str(error)
    else:
        built = getattr(model.config, field)
        assert (list(built) if field == "labels" else built) == value
