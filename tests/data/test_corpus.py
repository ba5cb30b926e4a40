"""The text a model learns from is whole, and the text that judges it is new."""

from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from minillm.data import (
    keep_paragraphs_once,
    read_text,
    split_tail,
    text_sha256,
    tour_text,
)

lines = st.text(alphabet="abc d", max_size=60)
texts = st.lists(lines, max_size=60).map("\n".join)


def paragraphs_of(text):
    """Blank lines part paragraphs: the same rule, told line by line."""
    paragraphs = [[]]
    for line in text.split("\n"):
        if line.strip():
            paragraphs[-1].append(line)
        else:
            paragraphs.append([])
    return ["\n".join(lines) for lines in paragraphs if lines]


def seen_in(train, valid):
    """Long lines of valid that stand anywhere in training."""
    cores = [line.strip() for line in valid.split("\n")]
    return [core for core in cores if len(core) >= 40 and core in train]


@pytest.fixture(scope="module")
def tour_split():
    return split_tail(keep_paragraphs_once(tour_text()))


# -- the embedded text ---------------------------------------------------------------


def test_the_tour_text_is_the_language_reference():
    text = tour_text()
    assert 350_000 < len(text) < 600_000
    assert 'The "assert" statement' in text[:30]
    assert text == tour_text()


def test_no_paragraph_of_the_tour_is_met_twice():
    paragraphs = keep_paragraphs_once(tour_text()).split("\n\n")
    assert len(paragraphs) == len(set(paragraphs)) > 1000


def test_no_long_line_of_the_held_out_tour_occurs_in_training(tour_split):
    assert not seen_in(tour_split.train, tour_split.valid)


def test_the_tour_holds_out_about_a_tenth(tour_split):
    n_train, n_valid = len(tour_split.train), len(tour_split.valid)
    assert 0.07 < n_valid / (n_train + n_valid) < 0.11


def test_the_hash_is_that_of_the_bytes():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert text_sha256("") == empty
    assert text_sha256("é") != text_sha256("e")


# -- keep_paragraphs_once ------------------------------------------------------------


@given(texts)
@example("a\n ")
@example(" \na")
def test_first_occurrences_stay_in_order(text):
    kept = keep_paragraphs_once(text)
    assert kept.split("\n\n") == (list(dict.fromkeys(paragraphs_of(text))) or [""])
    assert keep_paragraphs_once(kept) == kept


def test_indentation_is_part_of_a_paragraph():
    assert keep_paragraphs_once("a\n\n  a\n \t\n\n\na\n\n") == "a\n\n  a"


# -- split_tail ----------------------------------------------------------------------


@given(texts, st.floats(0.05, 0.95))
def test_what_is_held_out_is_new_and_ends_the_text(text, held_out):
    try:
        split = split_tail(text, held_out)
    except ValueError:
        assume(False)
    assert text.strip("\n").startswith(split.train)
    rest = text.split("\n")
    assert all(line in rest or line in text for line in split.valid.split("\n"))
    assert not seen_in(split.train, split.valid)


@given(st.lists(st.integers(0, 20), min_size=4, max_size=40), st.floats(0.2, 0.8))
def test_a_long_line_that_training_shows_is_never_held_out(numbers, held_out):
    """Few different lines, so that many are met again; those that are not all stay."""
    text = "\n\n".join(f"line {n} " + "of forty characters or more, " * 2 for n in numbers)
    try:
        split = split_tail(text, held_out)
    except ValueError:
        assume(False)
    train, valid = paragraphs_of(split.train), paragraphs_of(split.valid)
    assert not {line.strip() for line in train} & {line.strip() for line in valid}
    rest = paragraphs_of(text)[len(train) :]
    assert valid == [line for line in rest if line.strip() not in split.train]


def test_the_cut_is_the_nearest_paragraph_break():
    text = "\n\n".join(f"paragraph {i:02d}" for i in range(20))
    split = split_tail(text, 0.1)
    assert split.train.endswith("paragraph 17")
    assert split.valid == "paragraph 18\n\nparagraph 19"


def test_without_paragraphs_a_line_break_is_cut_and_else_a_character():
    in_lines = "\n".join(f"line {i:02d}" for i in range(20))
    assert split_tail(in_lines).valid == "line 18\nline 19"
    assert split_tail("abcdefghijklmnopqrst").valid == "st"


def test_a_paragraph_break_far_from_the_wanted_place_is_no_cut():
    text = "title\n\n" + "\n".join(f"line {i:02d}" for i in range(20))
    assert split_tail(text).valid == "line 18\nline 19"


@pytest.mark.parametrize("width, stays", [(39, True), (40, False)])
def test_lines_of_forty_characters_are_dropped_when_seen(width, stays):
    line = "".join(chr(ord("a") + i % 26) for i in range(width))
    fresh = "0123456789" * 5
    training = f"in another line: {line}, too\n\n" + "x\n\n" * 10
    split = split_tail(f"{training}{fresh}\n  {line}  \n\nend", 0.5)
    assert (f"  {line}  " in split.valid) == stays
    assert fresh in split.valid and split.valid.endswith("end")


def test_what_the_held_out_text_itself_repeats_stays():
    fresh = "0123456789" * 5
    split = split_tail("x\n\n" * 70 + f"{fresh}\n\n{fresh} and more\n\n{fresh}", 0.5)
    assert split.valid.endswith(f"{fresh}\n\n{fresh} and more\n\n{fresh}")


def test_only_whole_lines_count_as_seen_not_their_beginnings():
    start = "0123456789" * 4
    text = f"{start} one\n\n{'x' * 30}\n\n{start} two\n\n{start} three"
    assert split_tail(text, 0.5).valid == f"{start} two\n\n{start} three"


@pytest.mark.parametrize("held_out", [0, 1, -0.1, 1.5])
def test_a_share_outside_zero_and_one_is_refused(held_out):
    with pytest.raises(ValueError, match=f"held_out {held_out} is not between 0 and 1"):
        split_tail("a\n\nb", held_out)


def test_a_text_that_only_repeats_itself_leaves_nothing_to_hold_out():
    with pytest.raises(ValueError, match="leaves no held-out text"):
        split_tail(("the same long line again and again, nothing new\n") * 100)
    with pytest.raises(ValueError, match="leaves no training text"):
        split_tail("a", 0.9)


# -- read_text -----------------------------------------------------------------------


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_is_read_as_it_was_written(tmp_path_factory, text):
    assume(text.strip() and not text.startswith("\ufeff"))
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(text.encode())
    assert read_text(path) == text.replace("\r\n", "\n").replace("\r", "\n")


def test_line_ends_are_made_equal_and_the_byte_order_mark_is_dropped(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n\r\nfour")
    assert read_text(str(path)) == "one\ntwo\nthree\n\nfour"


@pytest.mark.parametrize(
    "content, complaint",
    [
        (b"", "is empty: 0 bytes"),
        (b" \n\t\r\n", "is empty: 5 bytes"),
        (b"\xef\xbb\xbf", "is empty: 3 bytes"),
        (b"abc\0def", "is not text: byte 3 is NUL"),
        ("text".encode("utf-16"), "is not text: byte 3 is NUL"),
        (b"caf\xe9 noir", "is not UTF-8 text: byte 3 is 0xe9"),
        (b"\xef\xbb\xbfcaf\xe9 noir", "is not UTF-8 text: byte 6 is 0xe9"),
        (b"cut off \xe2\x82", "is not UTF-8 text: byte 8 is 0xe2"),
        (b"surrogate \xed\xa0\x80", "is not UTF-8 text: byte 10 is 0xed"),
    ],
)
def test_a_file_that_is_not_text_is_refused(tmp_path, content, complaint):
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint) as refusal:
        read_text(path)
    assert str(path) in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero here")
def test_a_device_that_never_ends_is_not_read():
    with pytest.raises(ValueError, match="/dev/zero is a device"):
        read_text("/dev/zero")


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.txt does not exist"):
        read_text(tmp_path / "nowhere.txt")
    with pytest.raises(ValueError, match="is a folder"):
        read_text(tmp_path)


def test_a_file_inside_a_file_cannot_be_read(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(ValueError, match="cannot be read: Not a directory"):
        read_text(tmp_path / "file" / "inside.txt")
