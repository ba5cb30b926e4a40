"""translate: what an encoder-decoder writes for a source, greedily or by beam search."""

import sys

import numpy as np
import pytest

from minillm.generation import beam_search
from minillm.pretrained import load

SOURCE = "the cat sees"


@pytest.fixture
def translate(command, trained):
    def ask(text, *options, kind="translate"):
        return command("translate", "--model", trained(kind), "--text", text, *options)

    return ask


def found(folder, text, **settings):
    """The texts that beam search finds, the best first."""
    model, tokenizer = load(folder)
    start, end = (tokenizer.special_tokens[name] for name in ("[START]", "[END]"))
    best = beam_search(
        model.reading(np.array([tokenizer.encode(text)])),
        np.array([start]),
        max_new_tokens=64,
        end_id=end,
        **settings,
    )
    return [(tokenizer.decode(i for i in one.ids if i != end), one) for one in best]


def greedy(folder, text):
    """The likeliest token every time, each time from the whole of what was written."""
    model, tokenizer = load(folder)
    start, end = (tokenizer.special_tokens[name] for name in ("[START]", "[END]"))
    source, written = np.array([tokenizer.encode(text)]), [start]
    while written[-1] != end and len(written) <= 64:
        logits, _ = model(source, np.array([written]))
        written.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(i for i in written[1:] if i != end)


@pytest.mark.parametrize(
    ("kind", "text"), [("translate", SOURCE), ("translation", "the dog sees a house")]
)
def test_without_a_beam_the_likeliest_token_is_taken_every_time(
    kind, text, translate, trained
):
    said = translate(text, kind=kind)
    assert (said.code, said.err) == (0, "")
    assert said.out == greedy(trained(kind), text) + "\n"


def test_a_beam_shows_what_it_found_with_scores_the_best_first(translate, trained):
    said = translate(
        SOURCE, "--beam", 3, "--length-penalty", 0.6, "--coverage-penalty", 0.2
    )
    best = found(
        trained("translate"), SOURCE, width=3, length_penalty=0.6, coverage_penalty=0.2
    )
    table = "".join(
        f"{one.score:<7.3f} {one.log_probability:<7.3f} {text}\n" for text, one in best
    )
    assert said.out == f"{best[0][0]}\n\nscore   log P   text\n{table}"


def test_the_options_reach_the_search(translate, monkeypatch):
    asked = []

    def search(*given, **settings):
        asked.append(settings)
        return beam_search(*given, **settings)

    monkeypatch.setattr("minillm.cli.translate.beam_search", search)
    options = ("--beam", 2, "--length-penalty", 0.7, "--coverage-penalty", 0.3)
    assert translate(SOURCE).code == translate(SOURCE, *options).code == 0
    names = ("width", "length_penalty", "coverage_penalty")
    assert [tuple(map(one.get, names)) for one in asked] == [(1, 0, 0), (2, 0.7, 0.3)]


def test_the_file_holds_what_was_printed(translate, tmp_path):
    said = translate(SOURCE, "--out", tmp_path / "text.txt")
    assert (tmp_path / "text.txt").read_text(encoding="utf-8") == said.out


def test_the_source_that_was_looked_at_is_drawn(translate, tmp_path):
    pytest.importorskip("matplotlib")
    said = translate(SOURCE, "--picture", tmp_path / "map.svg")
    assert (said.code, said.err) == (0, "")
    assert (tmp_path / "map.svg").read_bytes().startswith(b"<?xml")


def test_what_cannot_be_translated_is_refused(translate, tmp_path, monkeypatch):
    translate("").refuses(2, "--text", "empty")
    translate(SOURCE, "--beam", 0).refuses(2, "--beam", "'0'", "at least 1")
    translate(SOURCE, "--length-penalty", -1).refuses(2, "--length-penalty", "at least 0")
    translate(SOURCE, "--coverage-penalty", "nan").refuses(2, "--coverage-penalty")
    translate("the cat " * 40).refuses(2, "--text has", "the model's context 64")
    unknown = translate("the hovercraft sees eels", kind="translation")
    unknown.refuses(2, "--text: the model does not know 'hovercraft', 'eels'")
    translate(SOURCE, "--picture", tmp_path / "a.bmp").refuses(2, "--picture", ".png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    translate(SOURCE, "--picture", tmp_path / "a.png").refuses(2, "pip install matplotlib")


def test_a_model_of_another_kind_says_what_it_is_for(translate):
    translate(SOURCE, kind="spans").refuses(2, "trained to fill gaps", "use fill")
    translate(SOURCE, kind="classify").refuses(2, "cannot translate: use classify")
    translate(SOURCE, kind="lstm").refuses(2, "cannot translate: use generate")
