"""inspect: what a model is made of, and what it looks at."""

import re
import sys

import numpy as np
import pytest

from minillm.cli.draw import attention_map
from minillm.cli.inspect import parameter_table
from minillm.pretrained import load


@pytest.fixture
def inspect(command, model_folder):
    return lambda *options: command("inspect", "--model", model_folder, *options)


@pytest.mark.parametrize("kind", [None, "masked", "tag", "translate", "lstm"])
def test_layers_and_parameters_both_add_up_to_the_model(kind, model_folder, trained):
    model, _ = load(trained(kind) if kind else model_folder)
    parameters, layers = parameter_table(model).split("\n\n")
    size = re.compile(r"([\d,]+)(?:  x (\d+))?$")
    rows = [size.search(line).groups() for line in parameters.splitlines()[1:]]
    number = sum(int(n.replace(",", "")) * int(times or 1) for n, times in rows)
    *parts, total = [int(x.split()[-1].replace(",", "")) for x in layers.splitlines()[1:]]
    assert number == sum(parts) == total == model.n_parameters()


def test_without_a_prompt_there_are_parameters_only(inspect):
    said = inspect()
    assert (said.code, said.err) == (0, "")
    assert "attention in layer" not in said.out


def test_the_map_has_a_row_for_each_token_and_nobody_sees_the_future(inspect):
    said = inspect("--prompt", "the cat sees")
    rows = re.findall(r"^(?:the|␣cat|␣sees) +(\d) (.*)$", said.out, re.MULTILINE)
    assert [int(number) for number, _ in rows] == [0, 1, 2]
    assert [len(cells.split()) for _, cells in rows] == [1, 2, 3]


def test_layer_and_head_choose_what_is_shown(inspect):
    said = inspect("--prompt", "the cat sees", "--layer", 1, "--head", 2)
    assert "attention in layer 1, head 2" in said.out
    assert said.out != inspect("--prompt", "the cat sees", "--layer", 1, "--head", 3).out


def test_the_likeliest_next_tokens_are_the_models(inspect, model_folder):
    model, tokenizer = load(model_folder)
    logits = model(np.array([tokenizer.encode("the cat")]))[0][0, -1].astype(np.float64)
    p = np.exp(logits - logits.max())
    p /= p.sum()
    lines = inspect("--prompt", "the cat").out.splitlines()[-10:]
    assert float(lines[0].split()[-1]) == pytest.approx(p.max(), rel=0.01)
    best = tokenizer.decode([int(p.argmax())])
    assert lines[0].startswith(best.replace(" ", "␣").replace("\n", "\\n"))


def test_the_file_holds_what_was_printed(inspect, tmp_path):
    said = inspect("--prompt", "the cat", "--out", tmp_path / "map.txt")
    assert (tmp_path / "map.txt").read_text(encoding="utf-8") == said.out


def test_what_the_model_has_not_is_refused(inspect):
    inspect("--prompt", "a", "--layer", 2).refuses(2, "--layer 2", "0 to 1")
    inspect("--prompt", "a", "--head", 4).refuses(2, "--head 4", "0 to 3")
    inspect("--prompt", "").refuses(2, "--prompt", "empty")
    inspect("--prompt", "the cat " * 50).refuses(2, "--prompt", "101 tokens", "64")


def test_a_picture_is_drawn_where_matplotlib_is(inspect, tmp_path):
    pytest.importorskip("matplotlib")
    for name, magic in (
        ("map.png", b"\x89PNG"),
        ("map.svg", b"<?xml"),
        ("map.pdf", b"%PDF"),
    ):
        said = inspect("--prompt", "the $cat$ \xe9", "--picture", tmp_path / name)
        assert (said.code, said.err) == (0, "")
        assert (tmp_path / name).read_bytes().startswith(magic)


def test_a_picture_that_cannot_be_drawn_is_refused(inspect, tmp_path, monkeypatch):
    inspect("--picture", tmp_path / "a.png").refuses(2, "--picture", "--prompt")
    ask = ("--prompt", "the", "--picture")
    inspect(*ask, tmp_path).refuses(2, "--picture", tmp_path)
    inspect(*ask, tmp_path / "a.bmp").refuses(2, "--picture", ".png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    inspect(*ask, tmp_path / "a.png").refuses(2, "--picture", "matplotlib", "pip install")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["masked", "classify", "tag", "prefix", "spans"])
def test_who_reads_both_ways_sees_the_future_too(kind, command, trained):
    said = command("inspect", "--model", trained(kind), "--prompt", "the cat sees")
    assert (said.code, said.err) == (0, "")
    rows = re.findall(r"^(?:the|␣cat|␣sees) +(\d) (.*)$", said.out, re.MULTILINE)
    framed = kind in ("classify", "tag")  # by [CLS] and [SEP]
    assert [int(number) for number, _ in rows] == [0 + framed, 1 + framed, 2 + framed]
    assert [len(cells.split()) for _, cells in rows] == [3 + 2 * framed] * 3
    assert ("[CLS]" in said.out) == framed
    assert ("likeliest next" in said.out) == (kind == "prefix")
    assert ("attention of the encoder in layer 0" in said.out) == (kind == "spans")


def test_an_encoders_map_is_the_models(command, trained):
    model, tokenizer = load(trained("tag"))
    ids = tokenizer.encode("the cat")
    special = tokenizer.special_tokens
    whole = np.array([[special["[CLS]"], *ids, special["[SEP]"]]])
    weights = model.attention_maps(whole)[1][0, 2]
    labels = ["[CLS]", *(tokenizer.decode([i]) for i in ids), "[SEP]"]
    ask = ("--prompt", "the cat", "--layer", 1, "--head", 2)
    assert (
        attention_map(weights, labels)
        in command("inspect", "--model", trained("tag"), *ask).out
    )


def test_a_recurrent_network_has_no_attention_and_says_so(command, trained, tmp_path):
    def inspect(*options):
        return command("inspect", "--model", trained("lstm"), *options)

    said = inspect("--prompt", "the cat")
    assert (said.code, said.err) == (0, "")
    assert "this model has no attention to show" in said.out
    assert "the likeliest next tokens" in said.out and "rows look" not in said.out
    assert "no attention" not in inspect().out
    inspect("--prompt", "a", "--layer", 0).refuses(2, "--layer 0", "no attention")
    inspect("--prompt", "a", "--head", 0).refuses(2, "--head 0", "no attention")
    pytest.importorskip("matplotlib")
    said = inspect("--prompt", "a", "--picture", tmp_path / "a.png")
    said.refuses(2, "--picture", "no attention")


def test_words_that_a_task_has_not_are_named(command, trained):
    said = command("inspect", "--model", trained("sentiment"), "--prompt", "the dog was")
    said.refuses(2, "--prompt: the model does not know 'dog'")
