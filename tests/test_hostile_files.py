"""Whatever a file, a folder or a command line says: a clear refusal, or what it promises.

The fuzzer's targets (tests/fuzz), each with a few hundred inputs; then single lies.
"""

import hashlib
import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minillm import pretrained, safetensors
from minillm.cli.settings import RunSettings
from minillm.model_folder import FolderError, ModelFolder
from minillm.safetensors import SafetensorsError
from tests.fuzz.choices import Choices
from tests.fuzz.folders import Folder, Resume, files_of
from tests.fuzz.small import MODELS
from tests.fuzz.targets import TARGETS, scratch_folder
from tests.fuzz.watch import OutsideError, only_within
from tests.strategies import examples, rngs

INPUTS = {"command": 100, "folder": 250, "resume": 150}  # the others: 400
streams = rngs.map(lambda rng: rng.bytes(64))


@pytest.fixture(scope="module", autouse=True)
def impatient():
    """No disk needs to be waited for here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.mark.parametrize("name", TARGETS)
def test_only_documented_errors_come_back(name):
    @settings(examples(INPUTS.get(name, 400)), database=None)
    @given(streams)
    def check(data):
        target(data)

    with scratch_folder() as folder:
        target = TARGETS[name](folder)
        check()


@given(st.binary(max_size=40))
def test_choices_never_run_out(data):
    choices = Choices(data)
    for n in (1, 2, 256, 257, 10**6) * 9:
        assert 0 <= choices.below(n) < n
    assert choices.rest() == b"" and choices.below(7) == 0 and not choices.one_in(2)


def test_a_file_touched_elsewhere_is_noticed(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out.txt").write_text("nobody's business")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out.txt")
    with only_within(tmp_path / "in"):
        (tmp_path / "in" / "file").write_text("mine")
    for path in (tmp_path / "out.txt", tmp_path / "in" / "link"):
        with pytest.raises(OutsideError, match=r"out\.txt"), only_within(tmp_path / "in"):
            path.read_text()
    with only_within(tmp_path / "in", reads=False):
        (tmp_path / "out.txt").read_text()
    with (
        pytest.raises(OutsideError, match=r"new\.txt"),
        only_within(tmp_path / "in", reads=False),
    ):
        (tmp_path / "new.txt").write_text("mine?")


# --- lies about size, told before any memory is taken


DECODER, CONVOLUTIONAL = MODELS[0], MODELS[-1]


def tell(path, model, change):
    """A folder whose config.json says something else, signed as an enemy would."""
    files = files_of(model, path)
    config = json.loads(files["config.json"])
    config["config"] |= change
    (path / "config.json").write_text(json.dumps(config))
    sign(path)


def sign(path):
    trainer = json.loads((path / "trainer.json").read_text())
    trainer["sha256"] = {
        name: hashlib.sha256((path / name).read_bytes()).hexdigest()
        for name in trainer["sha256"]
        if name != "trainer.json"
    }
    (path / "trainer.json").write_text(json.dumps(trainer))


LIES = [
    (DECODER, {"d_model": 2**30}, "numbers; what config.json describes has"),
    (DECODER, {"n_layers": 10**9}, "numbers; what config.json describes has"),
    (DECODER, {"d_ff": 2**31 - 1}, "numbers; what config.json describes has"),
    (DECODER, {"d_model": 2**40}, "d_model 1099511627776: give at most 2147483647"),
    (DECODER, {"vocab_size": 2**31 - 1}, "tokens, the model 2147483647"),
    (DECODER, {"max_seq_len": 10**6}, "numbers; what config.json describes has"),
    (DECODER, {"max_seq_len": 2**31 - 1, "positions": "sinusoidal"}, "max_seq_len 2,14"),
    (DECODER, {"max_seq_len": 2**31 - 1, "positions": "rotary"}, "max_seq_len 2,147,"),
    (DECODER, {"max_seq_len": 2**31 - 1, "positions": "alibi"}, "at most 67,108,864"),
    (CONVOLUTIONAL, {"dilation": 2**31 - 1}, "dilation 2,147,483,647, width 3"),
    (CONVOLUTIONAL, {"width": 2**31 - 1}, "numbers; what config.json describes has"),
    (CONVOLUTIONAL, {"n_layers": 2**31 - 1}, "n_layers 2,147,483,647"),
]


@pytest.mark.parametrize(("model", "change", "message"), LIES, ids=lambda x: str(x)[:50])
def test_a_config_cannot_ask_for_memory(model, change, message, tmp_path):
    tell(tmp_path / "model", model, change)
    tracemalloc.start()
    try:
        with pytest.raises(FolderError, match=message):
            pretrained.load(tmp_path / "model")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_file_of_weights_cannot_ask_for_memory_though_the_disk_bears_it_out(tmp_path):
    """A hole in a file takes no room on the disk; its array would take all memory."""
    path = tmp_path / "model"
    files_of(DECODER, path)
    entry = {"dtype": "F32", "shape": [2**36], "data_offsets": [0, 2**38]}
    header = json.dumps({"x": entry}).encode()
    with open(path / "model-000003.safetensors", "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 2**38)
    with pytest.raises(FolderError, match="holds 68,719,476,736 numbers; what config"):
        pretrained.load(path)


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "alibi"])
def test_a_long_context_that_is_in_proportion_is_no_lie(positions, tmp_path):
    change = {"max_seq_len": 50_000, "positions": positions}
    described = pretrained.own.describe(DECODER)
    described["config"] = described["config"] | change
    _, config, _ = pretrained.own.read_description(described, Path("config.json"))
    assert config.max_seq_len == 50_000


# --- lies about what stands where


@pytest.mark.parametrize("target", ["../secret", "/etc/hostname", "tokenizer.json"])
@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "trainer.json", "model-000003.safetensors"]
)
def test_no_link_is_followed_out_of_a_folder(name, target, tmp_path):
    path = tmp_path / "model"
    (tmp_path / "secret").write_bytes(files_of(DECODER, path)[name])
    (path / name).unlink()
    (path / name).symlink_to(target)
    with (
        only_within(path),
        pytest.raises(FolderError, match=rf"{name} is a symbolic link: put the file"),
    ):
        pretrained.load(path)


def test_what_is_saved_replaces_a_link_and_leaves_its_target(tmp_path):
    files_of(DECODER, tmp_path / "model")
    folder = ModelFolder(tmp_path / "model")
    (tmp_path / "secret").write_text("nobody's business")
    for name in ("model-000004.safetensors", "result.json"):
        (folder.path / name).symlink_to(tmp_path / "secret")
    folder.write_set(4, DECODER.state_dict(), {}, {})
    folder.write_json("result.json", {})
    assert (tmp_path / "secret").read_text() == "nobody's business"
    assert not (folder.path / "model-000004.safetensors").is_symlink()


@pytest.mark.parametrize("read", [safetensors.load, safetensors.load_shapes])
def test_a_pipe_is_not_waited_for(read, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    both_ends = os.open(tmp_path / "pipe", os.O_RDWR)
    os.write(both_ends, bytes(8))  # for a reader that does not look first
    with pytest.raises(SafetensorsError, match="pipe: not a regular file"):
        read(tmp_path / "pipe")
    os.close(both_ends)


# --- lies about numbers


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.astype(np.int64), "is int64: weights are floats"),
        (lambda x: x > 0, "is bool: weights are floats"),
        (lambda x: np.full_like(x, np.nan), "holds infinity or NaN"),
        (lambda x: np.full(x.shape, 1e300), "holds infinity or NaN"),
    ],
)
def test_weights_that_no_training_saves_are_refused(change, message, tmp_path):
    path = tmp_path / "model"
    files_of(DECODER, path)
    weights = DECODER.state_dict()
    name = next(iter(weights))
    safetensors.save(
        path / "model-000003.safetensors", weights | {name: change(weights[name])}
    )
    sign(path)
    with pytest.raises(FolderError, match=f"{name} {message}"):
        pretrained.load(path)


RUN = RunSettings("train", "t", "0", "tiny", 9, 2, 0.1, 0, 1, 256)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("lr", x) for x in (float("nan"), float("inf"), 0.0, -0.1)],
        *[("weight_decay", x) for x in (float("nan"), float("inf"), -0.1)],
        *[("dropout", x) for x in (float("nan"), 1.0, -0.1)],
        *[(name, 0) for name in ("steps", "batch", "threads", "accumulate")],
        *[(name, -1) for name in ("seed", "warmup", "vocab_size", "sample_every")],
        *[(name, 2**31) for name in ("steps", "batch", "checkpoint_every", "vocab_size")],
        *[
            ("prompt", ""),
            ("prompt", "a\ud800"),
            ("seed", 2**63),
            ("warmup", 10),
            ("lr", 1),
            ("batch", True),
            ("text", None),
        ],
    ],
)
def test_a_stored_run_says_no_more_than_an_option_could(name, value, tmp_path):
    folder = ModelFolder(tmp_path)
    folder.write_json("config.json", {"run": vars(RUN)})
    assert RunSettings.stored(folder) == RUN
    folder.write_json("config.json", {"run": vars(RUN) | {name: value}})
    with pytest.raises(FolderError, match=rf"config\.json: {name} "):
        RunSettings.stored(folder)


# --- lies about the past


def test_a_history_that_was_altered_is_noticed(tmp_path):
    files_of(DECODER, tmp_path)
    path = tmp_path / "trainer.json"
    path.write_text(path.read_text().replace("2.5", "0.5"))
    with pytest.raises(FolderError, match=r"trainer\.json is not the one that was saved"):
        pretrained.load(tmp_path)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"history": [{"step": 2}]}, "an entry is a step and its loss"),
        ({"history": [{"loss": 2.5}]}, "an entry is a step and its loss"),
        ({"history": [{"step": True, "loss": 2.5}]}, "an entry is a step and its loss"),
        ({"history": [{"step": 2, "loss": "2"}]}, "an entry is a step and its loss"),
        ({"history": [{"step": 2, "loss": 2.5, "x": 1.0}]}, "an entry is a step"),
        ({"history": {"step": 2}}, "an entry is a step and its loss"),
        ({"history": [{"step": 4, "loss": 2.5}]}, "steps rise up to 3"),
        ({"history": [{"step": 0, "loss": 2.5}]}, "steps rise up to 3"),
        ({"history": 2 * [{"step": 2, "loss": 2.5}]}, "steps rise up to 3"),
        ({"losses": [2]}, "losses are finite numbers"),
        ({"losses": [float("inf")]}, "losses are finite numbers"),
        ({"losses": 2.5}, "losses are finite numbers"),
        ({"losses": [2.5] * 4}, "more losses than steps"),
        ({"history": [{"step": 2, "loss": 2.5}], "losses": [1.0] * 2}, "more losses"),
    ],
)
def test_a_past_that_cannot_have_been_is_not_gone_on_from(state, message, tmp_path):
    resume = Resume(tmp_path)
    path = resume.folder / "trainer.json"
    trainer = json.loads(path.read_text())
    path.write_text(json.dumps(trainer | {"state": state}))
    sign(resume.folder)
    with pytest.raises(FolderError, match=rf"trainer\.json: .*{message}"):
        resume.trainer().resume()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rng.step": np.array(4)}, "step 4 was saved as step 3"),
        ({"rng.step": np.array([3])}, "without its random state: rng.step"),
        ({"rng.step": np.array(3.0)}, "without its random state: rng.step"),
        ({"rng.seed": np.array(-1)}, "without its random state: rng.seed"),
        ({"rng.seed": np.array(1)}, "it was trained with seed 1, not 0"),
        ({"optimizer.t": np.array(-1)}, "optimizer state t is -1"),
    ],
)
def test_an_optimizer_that_cannot_have_been_is_not_gone_on_with(change, message, tmp_path):
    resume = Resume(tmp_path)
    path = resume.folder / "optimizer-000003.safetensors"
    safetensors.save(path, safetensors.load(path) | change)
    sign(resume.folder)
    with pytest.raises(FolderError, match=message):
        resume.trainer().resume()


def test_the_good_folders_of_these_tests_are_good(tmp_path):
    (tmp_path / "folder").mkdir()
    loaded = Folder(tmp_path / "folder")
    loaded(b"")
    trainer = Resume(tmp_path).trainer()
    trainer.resume()
    assert trainer.step == 3 and trainer.losses == [2.25]
