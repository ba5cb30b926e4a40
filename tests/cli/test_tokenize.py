"""tokenize: a text falls into tokens, and nothing of it is lost."""

import pytest

from minillm.cli.draw import visible
from minillm.cli.tokenize import token_text
from minillm.tokenizers import BPETokenizer


@pytest.fixture
def tokenize(command, model_folder):
    return lambda *options: command("tokenize", "--model", model_folder, *options)


def test_the_ids_are_the_tokenizers_and_decode_to_the_text(tokenize, model_folder):
    text = "the cat sees a café 🌍"
    said = tokenize("--ids", text)
    tokenizer = BPETokenizer.load(model_folder / "tokenizer.json")
    assert (said.code, said.err) == (0, "")
    assert [int(word) for word in said.out.split()] == tokenizer.encode(text)
    assert tokenizer.decode(map(int, said.out.split())) == text


def test_every_token_has_a_line_and_the_last_line_counts_them(tokenize):
    *tokens, summary = tokenize("the dog").out.splitlines()
    assert [line.split()[1] for line in tokens] == ["the", "␣dog"]
    assert summary.startswith("2 tokens of a vocabulary of ")
    assert summary.endswith("7 bytes, 3.50 bytes per token")


def test_a_token_that_is_part_of_a_character_shows_its_bytes():
    tokenizer = BPETokenizer()
    shown = [visible(token_text(tokenizer, i)) for i in tokenizer.encode("é\\")]
    assert shown == [r"\xc3", r"\xa9", "\\\\"]


def test_a_text_comes_from_a_file_too(tokenize, text_file, tmp_path):
    said = tokenize("--text", text_file, "--ids", "--out", tmp_path / "ids.txt")
    assert (tmp_path / "ids.txt").read_text() == said.out
    assert said.out == tokenize(text_file.read_text(encoding="utf-8"), "--ids").out


def test_an_empty_text_has_no_tokens(tokenize):
    assert tokenize("").out.startswith("0 tokens")
    assert tokenize("", "--ids").out == "\n"


def test_what_is_no_text_or_no_tokenizer_is_refused(command, tokenize, tmp_path):
    tokenize("a\udcff").refuses(2, "TEXT", "character 1", r"\udcff")
    tokenize("--text", tmp_path).refuses(2, tmp_path, "folder")
    tokenize("--text", tmp_path / "none").refuses(2, "none", "does not exist")
    command("tokenize", "--model", tmp_path, "x").refuses(1, tmp_path, "tokenizer.json")
    command("tokenize", "--model", tmp_path / "none", "x").refuses(2, "--model", "none")


def test_the_words_of_a_task_are_its_tokens(command, trained):
    said = command("tokenize", "--model", trained("sentiment"), "the soup was fine")
    assert [line.split()[1] for line in said.out.splitlines()[:4]] == [
        *("the", "soup", "was", "fine")
    ]
