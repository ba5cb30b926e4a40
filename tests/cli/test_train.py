"""train: a model of one's own text; and whatever goes wrong, what was saved stays."""

import errno
import json
import os
import shutil
import signal
import stat

import numpy as np
import pytest

from minillm import functional as F
from minillm.data import read_text, split_tail
from minillm.model_folder import ModelFolder
from minillm.pretrained import load


def saved_step(folder):
    return ModelFolder(folder).current()["step"]


def nats_one_by_one(model, tokenizer, text):
    """The held-out loss, token by token: windows of 64 that begin at every 32nd token."""
    ids = tokenizer.encode(text.train)[-1:] + tokenizer.encode(text.valid)
    surprises = []
    for target in range(1, len(ids)):
        start = 0 if target <= 64 else 32 * -(-(target - 64) // 32)
        logits, _ = model(np.array([ids[start:target]]))
        log_p, _ = F.log_softmax(logits[0, -1])
        surprises.append(-log_p[ids[target]])
    return np.mean(surprises)


def test_a_text_becomes_a_model_that_predicts_it(train_tiny, text_file, tmp_path):
    said = train_tiny(tmp_path / "model", "--steps", 25, "--evaluate-every", 5)
    assert said.code == 0
    model, tokenizer = load(tmp_path / "model")
    assert saved_step(tmp_path / "model") == 25
    history = ModelFolder(tmp_path / "model").current()["state"]["history"]
    assert [entry["step"] for entry in history] == [5, 10, 15, 20, 25]
    nats = float(said.out.split()[2])
    text = split_tail(read_text(text_file))
    assert nats == pytest.approx(nats_one_by_one(model, tokenizer, text), abs=0.0006)
    assert nats < np.log(tokenizer.vocab_size) - 1
    assert f"{model.n_parameters():,} parameters" in said.err
    assert f"generate --model {tmp_path / 'model'}" in said.out


def test_the_same_seed_gives_the_same_files_and_another_seed_others(
    train_tiny, contents, tmp_path
):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert train_tiny(tmp_path / name, "--steps", 3, "--seed", seed).code == 0
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    assert a["model-000003.safetensors"] != c["model-000003.safetensors"]


def test_options_reach_the_training(train_tiny, tmp_path):
    options = "--steps 4 --accumulate 2 --schedule noam --warmup 2 --positions sinusoidal"
    more = "--lr 0.001 --vocab-size 280 --weight-decay 0 --dropout 0 --sample-every 2"
    said = train_tiny(tmp_path / "m", *options.split(), *more.split())
    assert said.code == 0
    assert "2 x 4 windows" in said.err
    assert "after step 2: " in said.err
    model, tokenizer = load(tmp_path / "m")
    assert tokenizer.vocab_size == model.config.vocab_size == 280
    assert (model.config.positions, model.config.dropout) == ("sinusoidal", 0)


def test_a_vocabulary_that_the_text_cannot_fill_is_smaller_and_said_so(
    train_tiny, tmp_path
):
    said = train_tiny(tmp_path / "m", "--steps", 1, "--vocab-size", 5000)
    model, tokenizer = load(tmp_path / "m")
    assert tokenizer.vocab_size == model.config.vocab_size < 5000
    assert f"the text gives {tokenizer.vocab_size} tokens, not 5000" in said.err


def test_a_held_out_part_that_is_shorter_than_a_window_is_scored(train_tiny, tmp_path):
    words = np.random.default_rng(1).choice(["cat", "dog", "tree", "house"], 150)
    (tmp_path / "short.txt").write_text(" ".join(words), encoding="utf-8")
    said = train_tiny(tmp_path / "m", "--steps", 2, text=tmp_path / "short.txt")
    assert said.code == 0
    n_tokens = int(said.out.split(" held-out")[0].split("(")[-1])
    assert 1 <= n_tokens < 64


TEXTS = {
    "missing": (None, "does not exist"),
    "empty": (b"", "is empty"),
    "blank": (b" \n\n\t ", "is empty"),
    "binary": (b"text\0text", "byte 4 is NUL"),
    "latin-1": ("Grüße".encode("latin-1"), "byte 2 is 0xfc"),
    "one word": (b"word", "character"),
    "shorter than a window": (b"a few words and no more\n\n" * 4, ""),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_nothing_can_be_learned_from_is_refused(name, train_tiny, tmp_path):
    content, words = TEXTS[name]
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    said = train_tiny(tmp_path / "m", text=path)
    said.ends_with_a_fault(2, words)
    assert not (tmp_path / "m" / "config.json").exists()


def test_a_text_of_fewer_tokens_than_a_window_says_how_many_it_needs(train_tiny, tmp_path):
    (tmp_path / "text.txt").write_text("one two three four five six seven", "utf-8")
    said = train_tiny(tmp_path / "m", text=tmp_path / "text.txt")
    said.ends_with_a_fault(2, "shorter than one window of 65")


def test_a_folder_in_use_is_refused_and_nothing_in_it_changes(
    train_tiny, contents, model_folder, tmp_path
):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    before = contents(model_folder)
    train_tiny(model_folder).refuses(2, "--out", model_folder, "--resume")
    train_tiny(tmp_path / "mine").refuses(2, "--out", "notes.txt", "empty or a new folder")
    train_tiny(tmp_path / "mine", "--resume").refuses(2, "--out", "notes.txt")
    train_tiny(tmp_path / "mine" / "notes.txt").refuses(2, "--out", "is a file")
    assert contents(model_folder) == before
    assert contents(tmp_path / "mine") == {"notes.txt": b"mine"}


def test_a_folder_that_cannot_be_made_is_refused(train_tiny, tmp_path):
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "model"
    train_tiny(below).refuses(1, below, "Not a directory")


@pytest.fixture
def half_way(train_tiny, tmp_path):
    """A run of 6 steps that ended as soon as its first set was there, after 2."""
    folder, fsync = tmp_path / "half", os.fsync

    def stop_at_the_first_set(descriptor):
        fsync(descriptor)
        if ModelFolder(folder).has_set():
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", stop_at_the_first_set)
        said = train_tiny(folder, "--steps", 6, "--checkpoint-every", 2)
    assert said.code == 130
    assert saved_step(folder) == 2
    return folder


def test_resume_goes_on_from_the_saved_step_to_the_same_end(
    half_way, train_tiny, command, contents, tmp_path
):
    train_tiny(tmp_path / "whole", "--steps", 6, "--checkpoint-every", 2)
    said = command("train", "--resume", "--out", half_way)
    assert said.code == 0
    assert f"resuming {half_way} at step 2" in said.err
    assert contents(half_way) == contents(tmp_path / "whole")


def test_resume_of_a_finished_run_changes_nothing(
    command, contents, model_folder, train_tiny
):
    before = contents(model_folder)
    said = command("train", "--resume", "--out", model_folder)
    assert said.code == 0
    assert f"resuming {model_folder} at step 30" in said.err
    assert contents(model_folder) == before


def test_resume_before_the_first_set_starts_at_step_0(train_tiny, tmp_path):
    said = train_tiny(tmp_path / "new", "--steps", 2, "--resume")
    assert said.code == 0
    assert "holds no whole set yet: starting at step 0" in said.err


def test_resume_refuses_what_differs_from_the_run(half_way, command, contents, tmp_path):
    before = contents(half_way)
    (tmp_path / "other.txt").write_text("another text", encoding="utf-8")

    def resume(*options):
        return command("train", "--resume", "--out", half_way, *options)

    resume("--steps", 7).refuses(2, "--steps 7", "which has 6")
    resume("--dropout", 0.5).refuses(2, "--dropout 0.5", "which has 0.1")
    resume("--weight-decay", 0).refuses(2, "--weight-decay 0", "which has 0.1")
    resume("--config", "small").refuses(2, "--config small", "which has tiny")
    resume("--text", tmp_path / "other.txt").refuses(2, "--text", "other.txt is not the")
    assert contents(half_way) == before


def test_resume_takes_the_text_from_where_it_is_now(
    train_tiny, command, text_file, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(text_file, "here.txt")
    assert train_tiny("m", "--steps", 2, text="here.txt").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command("train", "--resume", "--out", "../m").code == 0
    (tmp_path / "here.txt").rename("there.txt")
    gone = command("train", "--resume", "--out", "../m")
    gone.refuses(2, "here.txt does not exist", "../m learns from it", "--text")
    assert command("train", "--resume", "--out", "../m", "--text", "there.txt").code == 0


def test_a_run_whose_description_was_changed_is_refused(half_way, command):
    described = json.loads((half_way / "config.json").read_text())
    described["run"]["lr"] = 1.0
    (half_way / "config.json").write_text(json.dumps(described))
    said = command("train", "--resume", "--out", half_way)
    said.refuses(1, "config.json is not the one that was saved")


CHANGES = {"config": "huge", "schedule": "up", "steps": "6", "lr": True, "warmup": 99}


@pytest.mark.parametrize("name", CHANGES)
def test_a_description_that_cannot_be_is_refused(name, half_way, command):
    """Before the first set no checksum watches over it."""
    (half_way / "trainer.json").unlink()
    described = json.loads((half_way / "config.json").read_text())
    described["run"][name] = CHANGES[name]
    (half_way / "config.json").write_text(json.dumps(described))
    command("train", "--resume", "--out", half_way).refuses(1, "config.json", name)
    del described["run"][name]
    (half_way / "config.json").write_text(json.dumps(described))
    said = command("train", "--resume", "--out", half_way)
    said.refuses(1, "config.json", "no training run")


def test_a_full_disk_keeps_the_last_set_and_the_run_can_go_on(
    train_tiny, command, contents, tmp_path, monkeypatch
):
    assert train_tiny(tmp_path / "whole", "--steps", 15).code == 0
    fsync = os.fsync

    def full_once_there_is_a_set(descriptor):
        if (tmp_path / "m" / "trainer.json").exists() and not is_folder(descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full_once_there_is_a_set)
        said = train_tiny(tmp_path / "m", "--steps", 15)
    kept = f"step 5 is kept in {tmp_path / 'm'}"
    said.ends_with_a_fault(1, "model-000010.safetensors", "No space left", kept)
    load(tmp_path / "m")
    assert command("train", "--resume", "--out", tmp_path / "m").code == 0
    assert contents(tmp_path / "m") == contents(tmp_path / "whole")


def is_folder(descriptor):
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


@pytest.mark.filterwarnings("error")  # NumPy's would be lines that explain nothing
def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_set(
    train_tiny, tmp_path
):
    options = ("--lr", 1e30, "--schedule", "constant", "--checkpoint-every", 1)
    said = train_tiny(tmp_path / "m", *options)
    step = saved_step(tmp_path / "m")
    said.ends_with_a_fault(1, f"at step {step + 1}", f"step {step} is kept", "lower lr")
    load(tmp_path / "m")


def test_ctrl_c_finishes_the_step_saves_and_says_how_to_go_on(
    process, command, text_file, tmp_path
):
    options = "--config tiny --batch 2 --threads 1 --steps 100000 --evaluate-every 0"
    ask = ("--text", text_file, "--out", "m", "--checkpoint-every", 100_000)
    one = process("train", *ask, *options.split())
    while "step" not in one.stderr.readline().split("/")[0].split()[:1]:
        assert one.poll() is None
    one.send_signal(signal.SIGINT)
    err = one.communicate()[1]
    assert one.returncode == 130
    step = saved_step(tmp_path / "m")
    assert step >= 1
    last = err.splitlines()[-1]
    assert last == f"minillm: interrupted; step {step} is kept in m; --resume goes on"
    load(tmp_path / "m")


def test_a_tour_cannot_be_resumed(model_folder, command, contents, tmp_path):
    folder = tmp_path / "tour"
    shutil.copytree(model_folder, folder)
    (folder / "trainer.json").unlink()
    described = json.loads((folder / "config.json").read_text())
    described["run"]["command"] = "tour"
    (folder / "config.json").write_text(json.dumps(described))
    before = contents(folder)
    command("train", "--resume", "--out", folder).refuses(2, "--resume", folder, "tour")
    assert contents(folder) == before
