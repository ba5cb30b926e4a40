"""--device: every command computes on a device what it computes on the host.

The device is the strict stand-in for CuPy, handed to `main` as the converter it takes.
"""

import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from minillm.cli import main, tour
from minillm.data import tour_text
from minillm.device import check_device, to_cupy
from minillm.model_folder import ModelFolder
from tests.device.devices import StandIn
from tests.device.strict_backend import DeviceArray

TRAINED = (
    "prefix",
    "masked",
    "classify",
    "tag",
    "spans",
    "translate",
    "rnn",
    "lstm",
    "gru",
)
COMPUTE = {
    "tour": "--out new",
    "train": "--text text --out new",
    "generate": "--prompt x",
    "fill": "--text [MASK]",
    "classify": "--text x",
    "translate": "--text x",
    "inspect": "",
}


@pytest.fixture
def on_device(command):
    """Give a command with --device gpu; it must have used the device."""

    def give(*argv):
        before = DeviceArray.syncs
        said = command(*argv, "--device", "gpu", gpu=DeviceArray)
        assert said.code != 0 or DeviceArray.syncs > before
        return said

    return give


@pytest.mark.parametrize("kind", TRAINED)
def test_a_run_leaves_the_same_folder(
    kind, of_kind, trained, on_device, contents, tmp_path
):
    """Weights, moments, losses, figures: bit for bit, after training and evaluation."""
    assert on_device(*of_kind(kind, tmp_path / kind), "--steps", 8).code == 0
    assert contents(tmp_path / kind) == contents(trained(kind))


ASK = {
    "prefix": ["inspect --prompt the,cat"],
    "masked": ["fill --text [MASK]", "inspect --prompt the,cat"],
    "classify": ["classify --text sun", "inspect --prompt the,cat"],
    "tag": ["classify --text sun"],
    "spans": ["fill --text the[MASK]cat", "inspect --prompt the,cat"],
    "translate": [
        "translate --text cat",
        "translate --text cat --beam 3 --coverage-penalty 0.2 --length-penalty 0.5",
    ],
    "lstm": ["generate --prompt the --max-new-tokens 9", "inspect --prompt the,cat"],
}
ASKED = [(kind, words) for kind, several in ASK.items() for words in several]


@pytest.mark.parametrize(("kind", "words"), ASKED, ids=str)
def test_a_command_says_the_same(kind, words, trained, command, on_device):
    name, *options = words.split()
    ask = (name, "--model", trained(kind), *options)
    said = command(*ask)
    assert said.code == 0
    assert on_device(*ask) == said


READS = {
    "classify --text sun": ("classify", 1),
    "fill --text the[MASK]cat[MASK]": ("masked", 1),
    "generate --prompt the --max-new-tokens 9": ("lstm", 9),
    "inspect --prompt the,cat": ("prefix", 2 + 1),  # a map for each layer, and what is next
    "inspect --prompt cat,dog": ("translate", 2),
}


@pytest.mark.parametrize("words", READS)
def test_a_command_reads_what_it_needs_once(words, trained, on_device):
    kind, n_reads = READS[words]
    name, *options = words.split()
    with StandIn().waits(n_reads):
        assert on_device(name, "--model", trained(kind), *options).code == 0


@pytest.mark.parametrize("options", ["", "--temperature 0", "--max-new-tokens 80"])
def test_a_decoder_writes_the_same(options, model_folder, command, on_device):
    """Greedily, by chance, and past the end of its context."""
    ask = ("generate", "--model", model_folder, "--prompt", "the cat", *options.split())
    said = command(*ask)
    assert said.code == 0
    assert on_device(*ask) == said


def test_a_picture_of_attention_is_drawn_from_the_host(trained, on_device, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "map.png"
    ask = ("translate", "--model", trained("translate"), "--text", "cat")
    assert on_device(*ask, "--picture", path).code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_tour_is_the_same(command, on_device, contents, monkeypatch, tmp_path):
    monkeypatch.setattr(tour, "tour_text", lambda: tour_text()[:10_000])
    ask = ("tour", "--steps", 2, "--threads", 1, "--out")
    assert command(*ask, tmp_path / "host").code == 0
    assert on_device(*ask, tmp_path / "device").code == 0
    assert contents(tmp_path / "device") == contents(tmp_path / "host")


@pytest.fixture
def half_way(train_tiny, tmp_path):
    """half_way(...): a run of 6 steps that ended when its first set was there, after 2."""

    def run(*options, **gpu):
        folder, fsync = tmp_path / "half", os.fsync

        def stop_at_the_first_set(descriptor):
            fsync(descriptor)
            if ModelFolder(folder).has_set():
                raise KeyboardInterrupt

        every = ("--steps", 6, "--checkpoint-every", 2)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("os.fsync", stop_at_the_first_set)
            assert train_tiny(folder, *every, *options, **gpu).code == 130
        assert ModelFolder(folder).current()["step"] == 2
        return folder

    return run


DEVICE = (("--device", "gpu"), {"gpu": DeviceArray})
HOST = ((), {})


@pytest.mark.parametrize(
    ("first", "then"), [(HOST, DEVICE), (DEVICE, HOST)], ids=["to it", "from it"]
)
def test_a_run_is_resumed_on_another_device_bit_for_bit(
    first, then, half_way, train_tiny, command, contents, tmp_path
):
    options, gpu = first
    folder = half_way(*options, **gpu)
    options, gpu = then
    assert command("train", "--resume", "--out", folder, *options, **gpu).code == 0
    train_tiny(tmp_path / "whole", "--steps", 6, "--checkpoint-every", 2)
    assert contents(folder) == contents(tmp_path / "whole")


def test_one_thread_feeds_a_gpu_unless_more_are_asked_for(
    text_file, command, monkeypatch, tmp_path
):
    monkeypatch.setattr("minillm.cli.settings.available_cores", lambda: 3)
    tiny = ("train", "--text", text_file, "--config", "tiny", "--batch", 4, "--steps", 1)

    def threads(out, *options, **gpu):
        assert command(*tiny, "--out", tmp_path / out, *options, **gpu).code == 0
        return json.loads((tmp_path / out / "config.json").read_text())["run"]["threads"]

    options, gpu = DEVICE
    assert threads("host") == 3
    assert threads("device", *options, **gpu) == 1
    assert threads("asked", *options, "--threads", 2, **gpu) == 2


def missing(array):
    raise ValueError("the device has gone")


@pytest.mark.parametrize("name", COMPUTE)
def test_a_device_that_is_not_there_is_told_in_a_line_before_any_work(
    name, command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    ask = (name, *COMPUTE[name].split(), "--device", "gpu")
    command(*ask, gpu=missing).refuses(2, "the device has gone")
    assert list(tmp_path.iterdir()) == []


def test_every_command_but_tokenize_computes():
    names = {command.__name__.rpartition(".")[2] for command in main.COMMANDS}
    assert names == {*COMPUTE, "tokenize"}


@pytest.mark.parametrize("name", COMPUTE)
def test_only_a_cpu_and_a_gpu_are_known(name, command):
    command(name, "--device", "tpu").refuses(2, "--device", "'tpu'", "cpu", "gpu")


def test_what_computes_nothing_takes_no_device(command):
    command("tokenize", "x", "--device", "gpu").refuses(2, "--device")


@pytest.fixture
def cupy(monkeypatch):
    """Let `import cupy` find this, whatever is installed."""

    def found(module):
        monkeypatch.setitem(sys.modules, "cupy", module)

    return found


def test_cupy_that_is_not_installed_is_told_in_a_line(command, cupy):
    cupy(None)  # Python's own way to say that there is no such module
    said = command("generate", "--prompt", "x", "--device", "gpu")
    said.refuses(2, "a GPU needs CuPy", "cannot be imported", "pip install cupy-cuda12x")


def test_a_missing_driver_is_told_in_a_line(command, cupy):
    def asarray(array):
        raise RuntimeError("cudaErrorInsufficientDriver: too old\nand more")

    cupy(SimpleNamespace(asarray=asarray))
    said = command("generate", "--prompt", "x", "--device", "gpu")
    said.refuses(2, "CuPy finds no GPU that it can use: cudaErrorInsufficientDriver")
    assert "and more" not in said.err


def test_a_missing_library_is_told_in_a_line(command, cupy):
    class Broken:
        def __matmul__(self, other):
            raise ImportError("no libcublas")

    cupy(SimpleNamespace(asarray=lambda array: Broken()))
    said = command("generate", "--prompt", "x", "--device", "gpu")
    said.refuses(2, "the device cannot compute: no libcublas")


def test_an_error_without_words_is_told_by_its_name(cupy):
    def asarray(array):
        raise RuntimeError

    cupy(SimpleNamespace(asarray=asarray))
    with pytest.raises(ValueError, match="RuntimeError"):
        to_cupy(np.zeros(1))


def test_a_device_is_tried_without_waiting_for_it():
    before = DeviceArray.syncs
    check_device(DeviceArray)
    assert DeviceArray.syncs == before
