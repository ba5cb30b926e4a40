"""train: whatever an architecture learns by is trained, scored, saved and gone on with."""

import json
import os
import shutil
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from minillm import functional as F
from minillm.cli.choices import FITS, OBJECTIVES, default_positions, fitting
from minillm.cli.gap_runs import MaskedRun
from minillm.cli.material import parse
from minillm.cli.objectives import RUNS
from minillm.cli.settings import RunSettings
from minillm.cli.text_runs import PrefixRun
from minillm.data import read_text, split_tail
from minillm.model_folder import ModelFolder
from minillm.models.parts import PARTS
from minillm.pretrained import load
from tests.cli.conftest import KINDS, LINES
from tests.strategies import scatter

CLASSES = {
    "prefix": "PrefixLM",
    "masked": "MaskedLanguageModel",
    "classify": "SequenceClassifier",
    "tag": "TokenClassifier",
    "spans": "EncoderDecoder",
    "translate": "EncoderDecoder",
    "rnn": "RecurrentLM",
    "lstm": "RecurrentLM",
    "gru": "RecurrentLM",
    "sentiment": "SequenceClassifier",
    "entities": "TokenClassifier",
    "translation": "EncoderDecoder",
}


def figures(folder):
    """What result.json says, by measure."""
    result = ModelFolder(folder).read_json("result.json")
    assert result["step"] == ModelFolder(folder).current()["step"]
    return {figure["measure"]: figure for figure in result["figures"]}


def test_there_is_a_run_for_whatever_fits():
    assert set(RUNS) == {(a, objective) for a, fit in FITS.items() for objective in fit}
    assert {objective for _, objective in RUNS} == set(OBJECTIVES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_is_trained_saved_and_loaded(kind, trained):
    model, tokenizer = load(trained(kind))
    assert type(model).__name__ == CLASSES[kind]
    if CLASSES[kind] == "RecurrentLM":
        assert model.config.cell == kind
    assert tokenizer.vocab_size == model.config.vocab_size
    for figure in figures(trained(kind)).values():
        assert np.isfinite(figure["value"]) and figure["baselines"] and figure["n"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_any_kind_goes_on_to_the_bits_of_an_unbroken_one(
    kind, of_kind, command, contents, tmp_path, monkeypatch
):
    monkeypatch.setattr("minillm.cli.tasks.N_EXAMPLES", 40)
    options = ("--steps", 3, "--checkpoint-every", 1, "--dropout", 0.2)
    assert command(*of_kind(kind, tmp_path / "whole"), *options).code == 0
    broken, fsync = tmp_path / "broken", os.fsync

    def stop_at_the_first_set(descriptor):
        fsync(descriptor)
        if ModelFolder(broken).has_set():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", stop_at_the_first_set)
        assert command(*of_kind(kind, broken), *options).code == 130
    assert ModelFolder(broken).current()["step"] == 1
    said = command("train", "--resume", "--out", broken)
    assert said.code == 0, said.err
    assert f"resuming {broken} at step 1" in said.err
    assert contents(broken) == contents(tmp_path / "whole")


def test_labels_that_can_be_learned_are_learned(of_kind, command, tmp_path):
    options = ("--steps", 60, "--batch", 16, "--dropout", 0)
    assert command(*of_kind("classify", tmp_path / "m"), *options).code == 0
    figure = figures(tmp_path / "m")["accuracy"]
    assert figure["value"] == 1 > max(figure["baselines"].values()) + 0.2


def held_out(kind, files):
    return parse(kind, read_text(files[kind]), "file").valid


def test_the_accuracy_of_labels_is_that_of_text_after_text(trained, files):
    model, tokenizer = load(trained("classify"))
    cls, sep = (tokenizer.special_tokens[name] for name in ("[CLS]", "[SEP]"))
    pairs = held_out("classify", files)
    right = [
        model.config.labels[
            model(np.array([[cls, *tokenizer.encode(text), sep]]))[0].argmax()
        ]
        == label
        for text, label in pairs
    ]
    figure = figures(trained("classify"))["accuracy"]
    assert (figure["value"], figure["n"]) == (np.mean(right), len(pairs))
    labels = [label for _, label in pairs]
    shares = {f"always {one!r}": labels.count(one) / len(labels) for one in labels}
    assert figure["baselines"].items() <= shares.items()
    assert list(figure["baselines"].values()) == [max(shares.values())]


def test_a_word_has_the_tag_of_its_first_token(trained, files):
    model, tokenizer = load(trained("tag"))
    cls, sep = (tokenizer.special_tokens[name] for name in ("[CLS]", "[SEP]"))
    right = []
    for text, tags in held_out("tag", files):
        words = text.split()
        pieces = [
            tokenizer.encode(words[0]),
            *(tokenizer.encode(f" {w}") for w in words[1:]),
        ]
        logits = model(np.array([[cls, *chain(*pieces), sep]]))[0][0]
        place = 1
        for piece, tag in zip(pieces, tags.split(), strict=True):
            right.append(model.config.labels[logits[place].argmax()] == tag)
            place += len(piece)
    figure = figures(trained("tag"))["accuracy"]
    assert (figure["value"], figure["n"]) == (np.mean(right), len(right))
    assert figure["baselines"]["each word's most frequent tag"] == 1  # its length decides


def test_an_exact_match_is_what_translate_writes_for_each_source(
    of_kind, command, tmp_path
):
    pairs = [(f"{a} {b}", b) for a in "abcdefgh" for b in "abcdefgh"]
    order = np.random.default_rng(0).permutation(len(pairs))
    lines = ["\t".join(pairs[i]) for i in order]
    (tmp_path / "pairs.txt").write_text("\n".join(lines))
    options = (
        "--steps",
        40,
        "--batch",
        16,
        "--dropout",
        0,
        "--text",
        tmp_path / "pairs.txt",
    )
    assert command(*of_kind("translate", tmp_path / "m"), *options).code == 0
    held_out = [line.split("\t") for line in lines[-6:]]
    said = [
        command("translate", "--model", tmp_path / "m", "--text", source).out.strip()
        for source, _ in held_out
    ]
    right = np.mean(
        [answer == target for answer, (_, target) in zip(said, held_out, strict=True)]
    )
    figure = figures(tmp_path / "m")["exact match"]
    assert (figure["value"], figure["n"]) == (right, 6)
    assert right > max(figure["baselines"].values())


def test_a_prefix_model_is_scored_from_half_a_window_that_it_reads_both_ways(
    trained, text_file
):
    settings = RunSettings.stored(ModelFolder(trained("prefix")))
    _, tokenizer = load(trained("prefix"))
    text = split_tail(read_text(text_file))
    run = PrefixRun(settings, text, tokenizer, quiet=True)
    scatter(run.model, np.random.default_rng(0))  # so that each token that is seen counts
    ids = tokenizer.encode(text.train)[-1:] + tokenizer.encode(text.valid)
    surprises = []
    for target in range(1, len(ids)):
        start = 0 if target <= 64 else 32 * -(-(target - 64) // 32)
        prefix = np.array([1 if start == 0 else 33])
        logits, _ = run.model(np.array([ids[start:target]]), prefix)
        log_p, _ = F.log_softmax(logits[0, -1])
        surprises.append(-log_p[ids[target]])
    nats, bits = run.figures()
    assert nats.value == pytest.approx(np.mean(surprises), rel=1e-5) == run.glance()
    n_bytes = len(text.valid.encode())
    assert bits.value == pytest.approx(np.sum(surprises) / np.log(2) / n_bytes, rel=1e-5)


@pytest.mark.parametrize("kind", ["masked", "spans"])
def test_gaps_are_scored_at_the_tokens_that_are_missing_and_nowhere_else(
    kind, trained, text_file
):
    settings = replace(RunSettings.stored(ModelFolder(trained(kind))), text="")
    _, tokenizer = load(trained(kind))
    split = split_tail(read_text(text_file))
    run = RUNS[settings.architecture, settings.objective](
        settings, split, tokenizer, ModelFolder(trained(kind)), quiet=True
    )
    run.trainer.resume()
    lengths = [len(row) for row in run.rows]
    assert sum(lengths) in (run.n_valid, run.n_valid - 1)
    n = sum(max(1, round(0.15 * length)) for length in lengths)
    alone = [run.answers(batch) for row in run.rows for batch in run.batches([row])]
    figure = figures(trained(kind))["accuracy"]
    assert figure["n"] == n
    assert {len(truths) for _, truths in alone} <= {
        max(1, round(0.15 * x)) for x in lengths
    }
    assert not np.isin(
        np.concatenate([truths for _, truths in alone]), [*run.special.values(), F.IGNORED]
    ).any()


def test_what_a_masked_model_reads_does_not_hold_what_it_is_asked(trained, text_file):
    settings = RunSettings.stored(ModelFolder(trained("masked")))
    _, tokenizer = load(trained("masked"))
    run = MaskedRun(settings, split_tail(read_text(text_file)), tokenizer, quiet=True)
    [first, again] = [next(run.batches(run.rows)) for _ in range(2)]
    assert all(map(np.array_equal, first, again))
    inputs, targets, _ = first
    asked = targets != F.IGNORED
    hidden = inputs[asked] == tokenizer.special_tokens["[MASK]"]
    assert 0.5 < hidden.mean() < 1
    whole = np.where(asked, targets, inputs)
    assert all(np.array_equal(whole[i, : len(row)], row) for i, row in enumerate(run.rows))


MISFITS = [
    (
        "--architecture decoder --objective masked",
        "causal or prefix",
        "masked fits encoder",
    ),
    (
        "--architecture encoder --objective causal",
        "masked, classify or tag",
        "decoder, rnn",
    ),
    ("--architecture encoder-decoder --objective prefix", "spans or translate", "decoder"),
    ("--architecture lstm --objective spans", "learns by causal", "encoder-decoder"),
    (
        "--architecture decoder --task sentiment",
        "causal or prefix",
        "classify fits encoder",
    ),
    ("--objective translate --task sentiment", "translate", "learned by classify"),
    ("--architecture gru --positions rotary", "--positions rotary", "gru has none"),
    ("--task sentiment --vocab-size 300", "--vocab-size with --task", "its words"),
    ("--task sentiment --text t.txt", "--text and --task", "one of them"),
    ("--objective masked", "--text is missing", "--task"),
]


@pytest.mark.parametrize(("options", "one", "other"), MISFITS, ids=lambda x: x[:40])
def test_what_does_not_fit_is_refused_before_any_work_and_says_what_does(
    options, one, other, command, text_file, tmp_path
):
    if "--task" not in options and options != "--objective masked":
        options += f" --text {text_file}"
    said = command("train", "--out", tmp_path / "m", *options.split())
    said.refuses(2, one, other)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("positions", PARTS["positions"])
@pytest.mark.parametrize("kind", ["prefix", "masked", "translate"])
def test_every_transformer_takes_every_sense_of_order(
    kind, positions, of_kind, command, tmp_path
):
    options = ("--steps", 1, "--positions", positions)
    said = command(*of_kind(kind, tmp_path / "m"), *options)
    assert said.code == 0, said.err
    assert load(tmp_path / "m")[0].config.positions == positions


def test_the_objective_follows_from_the_architecture_and_the_other_way_round():
    assert {a: objectives[0] for a, objectives in FITS.items()} == {
        "decoder": "causal",
        "encoder": "masked",
        "encoder-decoder": "spans",
        "rnn": "causal",
        "lstm": "causal",
        "gru": "causal",
    }
    assert fitting("classify") == ("encoder",) and fitting("causal")[0] == "decoder"


@pytest.mark.parametrize("kind", LINES)
def test_an_example_that_the_model_has_no_room_for_is_shown(
    kind, of_kind, files, command, tmp_path
):
    long = {"classify": "{}\tgood", "tag": "{}/LONG", "translate": "cat\t{}"}[kind]
    path = tmp_path / "long.txt"
    word = "".join(chr(0x4E00 + i) for i in range(40))  # three bytes each
    path.write_text(f"{long.format(word)}\n{read_text(files[kind])}", encoding="utf-8")
    options = ("--vocab-size", 280, "--text", path)
    said = command(*of_kind(kind, tmp_path / "m"), *options)
    said.ends_with_a_fault(2, "of which config tiny reads 64", word[:10], "larger --config")


def test_a_bad_file_is_refused_with_its_name_and_line(of_kind, command, tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text("a\tb\n" * 12 + "no label here\n")
    said = command(*of_kind("classify", tmp_path / "m"), "--text", path)
    said.refuses(2, path, "line 13 has 0 tabs", "text<TAB>label")
    assert not (tmp_path / "m").exists()


def test_a_vocabulary_without_room_for_the_special_tokens_is_refused(
    of_kind, command, tmp_path
):
    said = command(*of_kind("masked", tmp_path / "m"), "--vocab-size", 260)
    said.ends_with_a_fault(2, "vocab_size", "263", "7 special tokens")


def test_a_run_of_before_there_was_a_choice_goes_on(
    of_kind, train_tiny, command, contents, tmp_path
):
    assert train_tiny(tmp_path / "m", "--steps", 2).code == 0
    (tmp_path / "m" / "trainer.json").unlink()
    described = json.loads((tmp_path / "m" / "config.json").read_text())
    for name in ("architecture", "objective", "task"):
        del described["run"][name]
    (tmp_path / "m" / "config.json").write_text(json.dumps(described))
    assert command("train", "--resume", "--out", tmp_path / "m").code == 0
    shutil.copytree(tmp_path / "m", tmp_path / "again")
    assert command("train", "--resume", "--out", tmp_path / "again").code == 0
    assert contents(tmp_path / "again") == contents(tmp_path / "m")
    said = command("train", "--resume", "--out", tmp_path / "m", "--architecture", "lstm")
    said.refuses(2, "--architecture lstm differs", "which has decoder")


CHANGES = {
    "architecture": ("lstm", "objective classify does not fit"),
    "objective": ("guess", "objective 'guess': give one of"),
    "task": ("chess", "task 'chess': give one of"),
    "positions": ("up", "positions 'up': give one of"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_description_that_does_not_fit_is_refused(name, trained, command, tmp_path):
    shutil.copytree(trained("classify"), tmp_path / "m")
    (tmp_path / "m" / "trainer.json").unlink()
    described = json.loads((tmp_path / "m" / "config.json").read_text())
    described["run"][name], message = CHANGES[name]
    (tmp_path / "m" / "config.json").write_text(json.dumps(described))
    said = command("train", "--resume", "--out", tmp_path / "m")
    said.refuses(1, "config.json", message)


def test_a_task_is_drawn_again_for_a_resumed_run_and_must_be_the_same(
    trained, command, monkeypatch, text_file
):
    folder = trained("sentiment")
    said = command("train", "--resume", "--out", folder, "--text", text_file)
    said.refuses(2, "--text", "learns from task sentiment")
    monkeypatch.setattr("minillm.cli.tasks.N_EXAMPLES", 61)
    said = command("train", "--resume", "--out", folder)
    said.refuses(2, "task sentiment draws other examples", "new run")


def test_the_next_command_is_one_that_the_model_is_for(of_kind, command, tmp_path):
    for kind, words in {
        "rnn": "generate --model",
        "masked": "fill --model",
        "tag": "classify --model",
        "translate": "translate --model",
    }.items():
        said = command(*of_kind(kind, tmp_path / kind), "--steps", 1)
        assert f"python -m minillm {words} {tmp_path / kind}" in said.out


@pytest.mark.parametrize(
    ("architecture", "objective", "expected"),
    [
        ("encoder", "masked", "rotary"),
        ("encoder", "classify", "learned"),
        ("decoder", "causal", "learned"),
        ("lstm", "causal", "none"),
    ],
)
def test_positions_suit_what_is_learned_unless_they_are_given(
    architecture, objective, expected
):
    assert default_positions(architecture, objective) == expected
