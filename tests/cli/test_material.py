"""Files of pairs: what is read, what is held out, and which line is at fault."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.cli.material import Pairs, parse
from minillm.cli.tasks import N_EXAMPLES, TASKS, task_text
from minillm.tokenizers import WordTokenizer

LABELLED = [f"text {i}\t{'ab'[i % 2]}" for i in range(20)]


def test_labelled_lines_are_split_at_their_tab_and_blank_lines_are_nothing():
    lines = [*LABELLED[:3], "", " padded \t b ", "  ", *LABELLED[3:]]
    pairs = parse("classify", "\n".join(lines), "file")
    assert pairs.train[2:5] == [("text 2", "a"), ("padded", "b"), ("text 3", "b")]
    assert pairs.classes == ("a", "b")
    assert len(pairs.train) == 19
    assert pairs.valid == [("text 18", "a"), ("text 19", "b")]


def test_a_tag_stands_behind_the_last_slash_of_its_word():
    lines = ["and/or/C  x/Y"] * 9 + ["1/2/C x/Y"]
    pairs = parse("tag", "\n".join(lines), "file")
    assert pairs.train[0] == ("and/or x", "C Y")
    assert pairs.valid == [("1/2 x", "C Y")]
    assert pairs.classes == ("C", "Y")


def test_a_translation_may_have_any_target():
    pairs = parse("translate", "\n".join(f"s {i}\ta {i} b" for i in range(10)), "file")
    assert pairs.valid == [("s 9", "a 9 b")]


@given(st.lists(st.sampled_from("abcdefgh"), min_size=10, max_size=60))
def test_nothing_that_is_held_out_is_asked_in_training(sources):
    text = "\n".join(f"{source}\tanswer {i}" for i, source in enumerate(sources))
    try:
        pairs = parse("translate", text, "file")
    except ValueError as error:
        assert "all stand" in str(error)
    else:
        assert isinstance(pairs, Pairs)
        assert not {q for q, _ in pairs.valid} & {q for q, _ in pairs.train}
        assert len(pairs.train) == len(sources) - max(1, round(len(sources) / 10))


FAULTS = {
    "no tab": ("classify", "no tab here", "line 21 has 0 tabs: give text<TAB>label"),
    "two tabs": ("translate", "a\tb\tc", "line 21 has 2 tabs: give source<TAB>target"),
    "no label": ("classify", "text\t ", "line 21 has an empty part: give text<TAB>label"),
    "no text": ("translate", "\tb", "line 21 has an empty part"),
    "two words": ("classify", "text\ta b", "line 21 has the label 'a b': give one word"),
    "a new label": ("classify", "text\tc", "line 21 is held out and has the label 'c'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_line_that_is_not_as_it_should_be_is_named(name):
    objective, line, message = FAULTS[name]
    with pytest.raises(ValueError, match="the file: ") as caught:
        parse(objective, "\n".join([*LABELLED, line]), "the file")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("objective", "line"),
    [
        ("tag", "x" * 20_000),
        ("classify", "text\t" + "x y" * 10_000),
        ("classify", "text\t" + "x" * 20_000),
    ],
)
def test_a_fault_quotes_no_more_of_a_file_than_a_line_can_hold(objective, line):
    good = LABELLED if objective == "classify" else ["a/X b/Y"] * 20
    with pytest.raises(ValueError, match="the file: line 21 ") as caught:
        parse(objective, "\n".join([*good, line]), "the file")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("token", ["word", "/TAG", "word/"])
def test_a_word_without_its_tag_is_named(token):
    lines = ["a/X b/Y"] * 12 + [f"a/X {token} b/Y"]
    with pytest.raises(
        ValueError, match=f"line 13 has '{token.strip('/')}': give word/TAG"
    ):
        parse("tag", "\n".join(lines), "the file")


def test_too_few_examples_one_label_and_nothing_new_to_be_judged_by_are_refused():
    with pytest.raises(ValueError, match="holds 9 examples: give at least 10"):
        parse("classify", "\n".join(LABELLED[:9]), "the file")
    with pytest.raises(ValueError, match="'a' is the only label to learn"):
        parse("classify", "\n".join(LABELLED[::2]), "the file")
    with pytest.raises(ValueError, match="its last 2 examples, which are held out, all"):
        parse("classify", "\n".join(LABELLED[:10] * 2), "the file")


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_a_file_of_its_objective_in_words_that_it_names(name, monkeypatch):
    assert N_EXAMPLES >= 1000
    monkeypatch.setattr("minillm.cli.tasks.N_EXAMPLES", 50)
    task, text = TASKS[name], task_text(name, 3)
    assert text == task_text(name, 3) != task_text(name, 4)
    pairs = parse(task.objective, text, name)
    assert (len(pairs.train), len(pairs.valid)) == (45, 5)
    tokenizer = WordTokenizer(dict.fromkeys(task.words))
    both = task.objective == "translate"
    texts = [part for pair in pairs.train for part in (pair if both else pair[:1])]
    unknown = tokenizer.special_tokens["[UNK]"]
    assert not any(np.isin(unknown, tokenizer.encode(text)) for text in texts)
