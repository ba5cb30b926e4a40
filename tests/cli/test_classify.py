"""classify: the label of a text, or of each of its words."""

import numpy as np
import pytest

from minillm import functional as F
from minillm.pretrained import load


@pytest.fixture
def classify(command, trained):
    def ask(text, *options, kind="classify"):
        return command("classify", "--model", trained(kind), "--text", text, *options)

    return ask


def probabilities(folder, *pieces):
    """The model's, for token ids between [CLS] and [SEP]."""
    model, tokenizer = load(folder)
    ids = [i for piece in pieces for i in tokenizer.encode(piece)]
    special = tokenizer.special_tokens
    logits, _ = model(np.array([[special["[CLS]"], *ids, special["[SEP]"]]]))
    return model.config.labels, F.softmax(logits[0].astype(np.float64))[0]


@pytest.mark.parametrize(
    ("kind", "text"),
    [("classify", "the café [SEP] sun"), ("sentiment", "the soup was fine")],
)
def test_labels_come_with_their_probabilities_the_likeliest_first(
    kind, text, classify, trained
):
    labels, p = probabilities(trained(kind), text)
    said = classify(text, kind=kind)
    assert (said.code, said.err) == (0, "")
    best, empty, *rows = said.out.splitlines()
    assert (best, empty) == (labels[p.argmax()], "")
    shown = {row.split()[0]: float(row.split()[-1]) for row in rows}
    assert list(shown) == [labels[i] for i in np.argsort(-p)]
    assert shown == pytest.approx(dict(zip(labels, p, strict=True)), rel=0.006)


def test_each_word_has_the_tag_of_its_first_token(classify, trained):
    labels, p = probabilities(trained("tag"), "the", " unheard", " cat")
    said = classify("the  unheard cat", kind="tag")
    rows = [line.split() for line in said.out.splitlines()]
    assert [row[0] for row in rows] == ["the", "unheard", "cat"]
    _, tokenizer = load(trained("tag"))
    places = [1, 2, 2 + len(tokenizer.encode(" unheard"))]
    assert places[2] > 3, "the word must be of several tokens"
    for row, place in zip(rows, places, strict=True):
        assert row[1] == labels[p[place].argmax()]
        assert float(row[2]) == pytest.approx(p[place].max(), rel=0.006)


def test_words_of_a_task_are_tagged_and_unknown_ones_named(classify):
    said = classify("paris met anna", kind="entities")
    assert [line.split()[0] for line in said.out.splitlines()] == ["paris", "met", "anna"]
    said = classify("paris meets [CLS] anna meets", kind="entities")
    said.refuses(2, "--text: the model does not know 'meets', '[CLS]'; it knows")
    classify("sentiment", kind="sentiment").refuses(2, "does not know 'sentiment'")


def test_the_file_holds_what_was_printed(classify, tmp_path):
    said = classify("the sun", "--out", tmp_path / "label.txt")
    assert (tmp_path / "label.txt").read_text(encoding="utf-8") == said.out


def test_what_cannot_be_classified_is_refused(classify):
    classify("").refuses(2, "--text", "empty")
    classify("  ", kind="tag").refuses(2, "--text", "holds no word")
    classify(" ", kind="sentiment").refuses(2, "--text", "holds no word")
    classify("the cat " * 40).refuses(2, "--text has", "the model's context 64")
    classify("the cat " * 40, kind="tag").refuses(2, "the model's context 64")


def test_a_model_of_another_kind_says_what_it_is_for(classify):
    classify("a", kind="masked").refuses(
        2, "hidden tokens, which cannot classify: use fill"
    )
    classify("a", kind="spans").refuses(2, "cannot classify: use translate or fill")
    classify("a", kind="rnn").refuses(2, "use generate")
