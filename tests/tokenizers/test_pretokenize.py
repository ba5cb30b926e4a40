import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.tokenizers import pretokenize
from minillm.tokenizers.pretokenize import Splitter, shadows, split

# every class inside and beyond ASCII, the letters of contractions, the deceptive spaces
NASTY = "'strevlmdA'éЖ字 1²५Ⅷ \n\t\x1c\x1f\x85\xa0\u3000\u2028\u200b.’!<|>\U0001f600\u0301"
nasty_text = st.text(alphabet=NASTY, max_size=40)
any_text = st.one_of(st.text(max_size=40), nasty_text)


@given(any_text)
def test_words_join_to_the_text(text):
    assert "".join(split(text)) == text
    assert "" not in split(text)


@given(any_text, any_text)
def test_an_appended_text_changes_at_most_the_last_two_words(text, more):
    settled = split(text)[:-2]
    assert split(text + more)[: len(settled)] == settled


@given(st.lists(any_text, max_size=8), st.integers(1, 20))
def test_a_text_in_pieces_gives_the_words_of_the_whole(pieces, block):
    splitter = Splitter(block)
    for _ in range(2):  # finish starts anew
        words = [word for piece in pieces for word in splitter.push(piece)]
        assert words + splitter.finish() == split("".join(pieces))


def class_of(character):
    """As Unicode names it: letter, number, White_Space (PropList.txt), or any other."""
    spaces = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    if character in spaces or "\u2000" <= character <= "\u200a":
        return "space"
    return {"L": "letter", "N": "number"}.get(unicodedata.category(character)[0], "other")


def next_word(text):
    """GPT-2's seven alternatives, tried in their order at the beginning of a text."""
    for ending in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
        if text.startswith(ending):
            return ending
    space = text[0] == " " and len(text) > 1 and class_of(text[1]) != "space"
    end = start = int(space)
    while end < len(text) and class_of(text[end]) == class_of(text[start]):
        end += 1
    if class_of(text[start]) != "space" or end == len(text) or end == 1:
        return text[:end]
    return text[: end - 1]  # the last space is left to the word that follows


@given(any_text | st.text(alphabet="a1. '\n", max_size=20))
def test_words_are_cut_as_the_alternatives_say_one_by_one(text):
    words, rest = [], text
    while rest:
        words.append(next_word(rest))
        rest = rest[len(words[-1]) :]
    assert split(text) == words


def test_a_long_word_in_small_pieces_is_not_scanned_again_for_every_piece(monkeypatch):
    scanned = []
    monkeypatch.setattr(
        pretokenize, "split", lambda text: scanned.append(len(text)) or split(text)
    )
    splitter = Splitter(block=10)
    for _ in range(10_000):
        assert splitter.push("a") == []
    assert splitter.finish() == ["a" * 10_000]
    assert sum(scanned) < 4 * 10_000


def test_words_are_settled_whenever_a_block_has_come():
    splitter = Splitter(block=4)
    assert [splitter.push(c) for c in "a b c"] == [[], [], [], ["a"], []]
    assert splitter.finish() == [" b", " c"]
    assert [splitter.push(c) for c in "d e f"] == [[], [], [], ["d"], []]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("we'll say it's", ["we", "'ll", " say", " it", "'s"]),
        ("IT'S", ["IT", "'", "S"]),  # contractions are lower case only
        ("x = 12345;", ["x", " =", " 12345", ";"]),
        ("a   b", ["a", "  ", " b"]),  # the last space belongs to the word
        ("a\n\n  b", ["a", "\n\n ", " b"]),
        ("a \t", ["a", " \t"]),
        ("café très", ["café", " très"]),
        ("x² Ⅷ", ["x", "²", " Ⅷ"]),
        ("你好。", ["你好", "。"]),
        ("\x1c\x1f", ["\x1c\x1f"]),  # controls, not spaces
    ],
)
def test_the_cut_is_gpt2s(text, words):
    assert split(text) == words


def test_white_space_is_unicodes_not_pythons():
    """Two of a kind after a letter: spaces part, so that the last can join what follows."""
    both = [chr(i) for i in [*range(9, 14), 0x85, 0xA0, 0x1680, 0x202F, 0x205F, 0x3000]]
    for space in [*both, *map(chr, range(0x2000, 0x200B)), "\u2028", "\u2029"]:
        assert split(f"a{space}{space}b") == ["a", space, space, "b"]
    for other in "\x1c\x1d\x1e\x1f\u180e\u200b\ufeff":
        assert split(f"a{other}{other}b") == ["a", other + other, "b"]


def test_a_shadow_keeps_the_class_of_its_character():
    table = shadows.__wrapped__()  # made anew
    assert len(table) == 0x110000 and table.isascii()
    assert table[:128] == "".join(map(chr, range(128)))
    for character in map(chr, range(128, 0x110000)):
        category, shadow = unicodedata.category(character), table[ord(character)]
        assert (shadow == "a") == category.startswith("L")
        assert (shadow == "0") == category.startswith("N")
        if category in ("Zs", "Zl", "Zp"):
            assert shadow == "\t"
