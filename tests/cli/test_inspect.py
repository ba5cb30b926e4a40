"""inspect: what a model is made of, and what it looks at."""

import re
import sys

import numpy as np
import pytest

from minillm.cli.inspect import parameter_table
from minillm.pretrained import load


@pytest.fixture
def inspect(command, model_folder):
    return lambda *options: command("inspect", "--model", model_folder, *options)


def test_layers_and_parameters_both_add_up_to_the_model(model_folder):
    model, _ = load(model_folder)
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
