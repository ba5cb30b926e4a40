import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.tokenizers import BPETokenizer, TokenizerFileError, files, load_tokenizer
from tests.tokenizers.test_pretokenize import any_text

CORPUS = "the cat's mat, the rat's hat: été 123"
TOKENIZER = BPETokenizer.train(CORPUS, 275, ["<|end|>", "<é>\n\U0001f600"])
GOOD = {
    "format": "minillm-bpe",
    "version": 1,
    "merges": [[97, 98], [256, 99]],
    "special_tokens": ["<s>"],
    "ids": None,
}


def refused(path, content, message):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TokenizerFileError, match=message) as caught:
        BPETokenizer.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tokenizers")


@given(any_text.filter(bool), st.integers(258, 290), st.randoms())
def test_a_saved_tokenizer_comes_back(folder, text, vocab_size, random):
    trained = BPETokenizer.train(text, vocab_size, ["<a>", "\x00"])
    ids = list(range(trained.vocab_size))
    random.shuffle(ids)
    for tokenizer in (trained, BPETokenizer(trained.merges, ["<a>", "\x00"], ids)):
        tokenizer.save(folder / "tokenizer.json")
        again = load_tokenizer(folder / "tokenizer.json")
        assert again == tokenizer == BPETokenizer.load(folder / "tokenizer.json")
        assert again.encode(text + "<a>", "all") == tokenizer.encode(text + "<a>", "all")


def test_the_file_is_ascii_json_that_is_readable_as_others_are(tmp_path):
    TOKENIZER.save(str(tmp_path / "tokenizer.json"))
    content = json.loads((tmp_path / "tokenizer.json").read_text("ascii"))
    assert content["format"] == "minillm-bpe" and content["version"] == 1
    (tmp_path / "other").touch()
    mode = stat.S_IMODE(os.stat(tmp_path / "other").st_mode)
    assert stat.S_IMODE(os.stat(tmp_path / "tokenizer.json").st_mode) == mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_save_that_fails_keeps_the_old_file_and_leaves_no_other(
    tmp_path, monkeypatch, step
):
    TOKENIZER.save(tmp_path / "tokenizer.json")

    def fail(*_):
        written = {path.name for path in tmp_path.iterdir()} - {"tokenizer.json"}
        assert len(written) == 1 and written.pop().startswith(".minillm-tmp-")
        raise OSError("no space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="no space left"):
        BPETokenizer().save(tmp_path / "tokenizer.json")
    assert BPETokenizer.load(tmp_path / "tokenizer.json") == TOKENIZER
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]


def test_a_save_is_flushed_to_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda f: (steps.append("fsync"), fsync(f)))
    monkeypatch.setattr(os, "replace", lambda *a: (steps.append("replace"), replace(*a)))
    TOKENIZER.save(tmp_path / "tokenizer.json")
    assert steps[:2] == ["fsync", "replace"]


def test_a_missing_file_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.json"):
        BPETokenizer.load(tmp_path / "missing.json")


def test_the_good_file_of_these_tests_is_good(tmp_path):
    (tmp_path / "t.json").write_text(json.dumps(GOOD))
    expected = BPETokenizer([(97, 98), (256, 99)], ["<s>"])
    assert BPETokenizer.load(tmp_path / "t.json") == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "no minillm tokenizer"),
        ({"format": ["minillm-bpe"] * 1000}, "no minillm tokenizer"),
        ({"version": 2}, '"version" 1, not .* and 2'),
        ({"version": True}, '"version" 1, not .* and True'),
        ({"version": 1.0}, '"version" 1, not .* and 1.0'),
        ({"more": 1}, "'more' is missing or unknown"),
        ({"merges": None}, '"merges" must be a list of pairs'),
        ({"merges": [[97]]}, '"merges" must be a list of pairs'),
        ({"merges": [[97, 98, 99]]}, '"merges" must be a list of pairs'),
        ({"merges": [[97, 98.0]]}, '"merges" must be a list of pairs'),
        ({"merges": [[97, True]]}, '"merges" must be a list of pairs'),
        ({"merges": [["a", "b"]]}, '"merges" must be a list of pairs'),
        ({"merges": {"a": "b"}}, '"merges" must be a list of pairs'),
        ({"merges": [[97, 257], [97, 98]]}, "merge 0 joins tokens 97 and 257"),
        ({"merges": [[97, -1]]}, '"merges" must be a list of pairs'),
        ({"merges": [[97, 10**1000]]}, '"merges" must be a list of pairs'),
        ({"merges": [[97, 98], [97, 98]]}, "merge 1 makes a token that exists"),
        ({"merges": [[97, 97], *([n, n] for n in range(256, 400))]}, "take more than"),
        ({"special_tokens": "<s>"}, '"special_tokens" must be a list of strings'),
        ({"special_tokens": [1]}, '"special_tokens" must be a list of strings'),
        ({"special_tokens": [""]}, "must not be the empty string"),
        ({"special_tokens": ["<s>", "<s>"]}, "'<s>' is given twice"),
        ({"special_tokens": ["s" * 10_000] * 2}, "sss... is given twice"),
        ({"special_tokens": ["\udc80"]}, r"lone surrogate U\+DC80"),
        ({"ids": 5}, '"ids" must be null or a list of token ids'),
        ({"ids": [True] * 259}, '"ids" must be null or a list of token ids'),
        ({"ids": list(range(258))}, "ids must give each of the 259 tokens"),
        ({"ids": [*range(258), 0]}, "ids must give each of the 259 tokens"),
    ],
)
def test_a_tampered_file_is_refused(tmp_path, change, message):
    refused(tmp_path / "t.json", json.dumps(GOOD | change), message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no valid JSON"),
        ("{}", "no minillm tokenizer"),
        ("[]", "must be an object"),
        ("null", "must be an object"),
        ("plain text", "no valid JSON"),
        (b"\xff\xfe\x00", "not UTF-8 at byte 0"),
        ("[" * 100_000, "nested too deeply"),
        ('{"merges": ' * 100_000, "nested too deeply"),
        ('{"version": 1' + "0" * 10_000 + "}", "no valid JSON"),
        ('{"format": "minillm-bpe", "format": "minillm-bpe"}', "a key occurs twice"),
        ('{"version": "1.0", "model": {"type": "BPE"}}', "no minillm tokenizer"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, content, message):
    refused(tmp_path / "t.json", content, message)


@pytest.mark.parametrize("key", sorted(GOOD))
def test_a_file_that_lacks_a_key_is_refused(tmp_path, key):
    content = {k: v for k, v in GOOD.items() if k != key}
    refused(tmp_path / "t.json", json.dumps(content), "missing or unknown|no minillm")


def test_a_file_cut_short_anywhere_is_refused(tmp_path):
    content = json.dumps(GOOD)
    for length in range(len(content)):
        refused(tmp_path / "t.json", content[:length], "no valid JSON")


@given(st.integers(0, len(json.dumps(GOOD)) - 1), st.binary(max_size=3))
def test_a_damaged_file_is_read_or_refused_but_nothing_else(folder, place, damage):
    content = json.dumps(GOOD).encode()
    path = folder / "damaged.json"
    path.write_bytes(content[:place] + damage + content[place + 1 :])
    try:
        tokenizer = BPETokenizer.load(path)
    except TokenizerFileError as error:
        assert str(path) in str(error)
    else:
        assert tokenizer.decode(tokenizer.encode("abc <s>", "all")) == "abc <s>"


def test_a_file_beyond_the_limit_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 100)
    refused(tmp_path / "t.json", json.dumps(GOOD), "longer than 100 bytes")


def test_what_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 100)
    with pytest.raises(ValueError, match="would be longer than 100 bytes"):
        TOKENIZER.save(tmp_path / "t.json")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_or_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # to open it would wait for a writer, for ever
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(TokenizerFileError, match="not a regular file"):
            BPETokenizer.load(path)
