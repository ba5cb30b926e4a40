"""The tour: a language model is made before your eyes, in a folder of its own."""

import re

import pytest

from minillm.cli import tour
from minillm.data import tour_text
from minillm.model_folder import ModelFolder
from minillm.pretrained import load

BASELINES = {
    "unigram",
    "interpolated bigram",
    "Kneser-Ney 5-gram",
    "zlib",
    "lzma",
    "zlib primed",
    "lzma primed",
}


def scores(out):
    """The bits per byte of each predictor in the table."""
    rows = re.findall(r"^  (\d+\.\d{3})  (.+?)(?:  <--)?$", out, re.MULTILINE)
    return {name: float(bits) for bits, name in rows}


def test_without_arguments_a_model_is_made_scored_and_left_to_play_with(process, tmp_path):
    one = process("--steps", 3)
    out, err = one.communicate()
    assert one.returncode == 0, err
    assert "There will be 3 steps" in out
    assert re.search("^Before training it writes: ['\"]The", out, re.MULTILINE)
    assert re.search("^after step 2: ['\"]The", err, re.MULTILINE)
    assert re.search("^Now it writes: ['\"]The", out, re.MULTILINE)
    bits = scores(out)
    assert bits.keys() == BASELINES | {"this model"}
    assert list(bits.values()) == sorted(bits.values(), reverse=True)
    assert bits["lzma primed"] < bits["zlib primed"] < bits["zlib"]
    assert bits["interpolated bigram"] < bits["unigram"]

    model, tokenizer = load(tmp_path / "minillm-tour")
    assert f"{model.n_parameters():,} parameters" in out
    assert tokenizer.vocab_size == 1024
    nats = float(re.search(r"Held-out text: (\d+\.\d+) nats", out).group(1))
    history = ModelFolder(tmp_path / "minillm-tour").current()["state"]["history"]
    assert [entry["step"] for entry in history] == [1, 2, 3]
    assert history[0]["valid"] > history[-1]["valid"]
    assert nats == pytest.approx(history[-1]["valid"], abs=0.3)
    assert "python -m minillm generate --prompt 'The class'" in out


@pytest.fixture
def short_tour(command, monkeypatch, tmp_path):
    """A tour of a tenth of the text, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tour, "tour_text", lambda: tour_text()[:30_000])
    return command


def test_a_second_tour_overwrites_the_first_and_nothing_beside_it(
    short_tour, contents, tmp_path
):
    folder = tmp_path / "minillm-tour"
    assert short_tour("--steps", 2).code == 0
    first = contents(folder)
    (folder / "notes.txt").write_text("mine")
    assert short_tour("--steps", 1, "--seed", 5).code == 0
    second = contents(folder)
    assert second.pop("notes.txt") == b"mine"
    assert second.keys() == {name.replace("-000002", "-000001") for name in first}
    assert second["tokenizer.json"] == first["tokenizer.json"]
    load(folder)


def test_a_tour_that_ends_before_it_trains_leaves_the_earlier_model(
    short_tour, contents, tmp_path, monkeypatch
):
    assert short_tour("--steps", 1).code == 0
    before = contents(tmp_path / "minillm-tour")

    def interrupt(*settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(tour, "_choose_steps", interrupt)
    short_tour("--steps", 2).ends_with_a_fault(130, "interrupted")
    assert contents(tmp_path / "minillm-tour") == before


def test_the_number_of_steps_fills_the_time_that_there_is(short_tour, monkeypatch):
    monkeypatch.setattr(tour, "STEPS", range(2, 50))
    monkeypatch.setattr(tour, "TIMED_STEPS", 3)
    monkeypatch.setattr(tour, "_seconds", lambda work: work() and 0.5)
    monkeypatch.setattr(tour, "SECONDS", 2)
    said = short_tour("--out", "elsewhere", "--threads", 1)
    assert "A step takes 500 ms here, so there will be 4 steps." in said.out
    assert ModelFolder("elsewhere").current()["step"] == 4
    assert "generate --model elsewhere --prompt" in said.out


def test_a_folder_in_other_use_is_refused_and_nothing_in_it_changes(
    short_tour, contents, model_folder, tmp_path
):
    (tmp_path / "minillm-tour").mkdir()
    (tmp_path / "minillm-tour" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = contents(model_folder)
    short_tour().refuses(2, "--out minillm-tour", "thesis.txt", "empty or a new folder")
    short_tour("--out", model_folder).refuses(2, "--out", "the tour has not made")
    short_tour("--out", "file").refuses(2, "--out file", "give a folder")
    short_tour("--out", "file/below").refuses(1, "file/below", "Not a directory")
    assert contents(model_folder) == before
    assert contents(tmp_path / "minillm-tour") == {"thesis.txt": b"mine"}
