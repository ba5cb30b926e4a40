"""generate: a prompt is continued as the model's distribution says."""

import json
import shutil

import numpy as np
import pytest

from minillm.cli.generate import _until
from minillm.model_folder import ModelFolder
from minillm.models import DecoderConfig, DecoderOnly
from minillm.pretrained import load
from minillm.pretrained.own import describe
from minillm.tokenizers import BPETokenizer, WordTokenizer


@pytest.fixture
def generate(command, model_folder):
    def ask(prompt, *options, model=model_folder):
        return command("generate", "--model", model, "--prompt", prompt, *options)

    return ask


def test_the_same_seed_writes_the_same_text_and_another_seed_another(generate):
    first, again, other = (generate("the cat", "--seed", seed) for seed in (1, 1, 2))
    assert first.code == 0
    assert first.out.startswith("the cat")
    assert first.out == again.out != other.out


def test_temperature_0_takes_the_likeliest_token_every_time(generate, model_folder):
    greedy = ("--temperature", 0, "--max-new-tokens", 20)
    said = [generate("the cat", *greedy, "--seed", seed).out for seed in (0, 7)]
    model, tokenizer = load(model_folder)
    ids = tokenizer.encode("the cat")
    for _ in range(20):
        ids.append(int(np.argmax(model(np.array([ids]))[0][0, -1])))
    assert said == [tokenizer.decode(ids) + "\n"] * 2


def test_as_many_tokens_are_added_as_were_asked_for(generate):
    assert generate("the cat", "--max-new-tokens", 0).out == "the cat\n"
    assert generate("the cat", "--max-new-tokens", 5).err == ""


def test_top_k_of_1_and_a_tiny_top_p_are_greedy(generate):
    greedy = generate("the", "--temperature", 0).out
    assert generate("the", "--top-k", 1).out == greedy
    assert generate("the", "--top-p", 1e-9).out == greedy
    assert generate("the", "--min-p", 1).out == greedy


def test_the_text_ends_with_the_stop_that_was_asked_for(generate):
    whole = generate("the cat", "--temperature", 0).out
    stop = whole[20:23]
    said = generate("the cat", "--temperature", 0, "--stop", stop).out
    written = whole.removeprefix("the cat")
    assert said == "the cat" + written[: written.index(stop) + len(stop)] + "\n"


def test_a_stop_is_found_where_it_spans_tokens_and_ends_before_the_rest_of_one():
    assert list(_until("bcd", ["ab", "", "c", "de", "f"])) == ["ab", "", "c", "d"]
    assert list(_until("x", ["ab", "c"])) == ["ab", "c"]
    assert list(_until("a", ["bab"])) == ["ba"]


def test_the_file_holds_what_was_printed(generate, tmp_path):
    said = generate("the café", "--out", tmp_path / "text.txt")
    assert (tmp_path / "text.txt").read_text(encoding="utf-8") == said.out


def test_a_full_context_slides_and_says_so(generate):
    said = generate("the", "--max-new-tokens", 100)
    assert "64 tokens" in said.err
    assert "--window" in said.err
    assert generate("the", "--max-new-tokens", 100, "--window", 32).out == said.out
    assert generate("the", "--max-new-tokens", 100, "--window", 3).out != said.out


def test_a_prompt_that_the_context_cannot_hold_is_refused_unless_a_window_is_given(
    generate,
):
    long = "the cat " * 100
    generate(long).refuses(2, "--prompt", "201 tokens", "64", "--window")
    assert generate(long, "--window", 8).code == 0
    generate("the", "--window", 64).refuses(2, "window 64", "1 to 63")


def test_an_output_that_is_no_file_is_refused_before_the_model_is_read(generate, tmp_path):
    for path in (tmp_path, tmp_path / "no" / "file", "/dev/null"):
        generate("the", "--out", path, model=tmp_path).refuses(2, "--out", path)


def truncate(folder):
    path = next(folder.glob("model-*"))
    path.write_bytes(path.read_bytes()[:-100])


def change_a_bit(folder):
    path = next(folder.glob("model-*"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def lose(name):
    return lambda folder: next(folder.glob(name)).unlink()


def write(name, text):
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


def take_another_tokenizer(folder):
    """A whole one, with the checksum that says it belongs here."""
    BPETokenizer.train("some other text", 260).save(folder / "tokenizer.json")
    current = json.loads((folder / "trainer.json").read_text())
    current["sha256"]["tokenizer.json"] = ModelFolder(folder)._checksum("tokenizer.json")
    del current["sha256"]["trainer.json"]  # of itself, which older folders lack
    (folder / "trainer.json").write_text(json.dumps(current))


DAMAGE = {
    "a truncated model": (truncate, "model-000030.safetensors"),
    "a changed bit": (change_a_bit, "was changed"),
    "no weights": (lose("model-*"), "model-000030.safetensors is missing"),
    "no set": (lose("trainer.json"), "trainer.json is missing"),
    "no tokenizer": (lose("tokenizer.json"), "tokenizer.json"),
    "no config": (lose("config.json"), "config.json is missing"),
    "a foreign config": (write("config.json", '{"model_type": "gpt2"}'), "config.json"),
    "a config that is no text": (write("config.json", "\0"), "config.json"),
    "a config that is another": (write("config.json", "{}"), "config.json"),
    "a damaged trainer.json": (write("trainer.json", '{"format"'), "trainer.json"),
    "a changed tokenizer": (write("tokenizer.json", "{}"), "tokenizer.json"),
    "a tokenizer that does not fit": (take_another_tokenizer, "260 tokens, the model"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_model_that_is_not_whole_is_refused(damage, generate, model_folder, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    harm, words = DAMAGE[damage]
    harm(folder)
    generate("the", model=folder).refuses(1, folder, words)


@pytest.mark.parametrize("kind", ["prefix", "rnn", "lstm", "gru"])
def test_whatever_writes_on_is_continued_greedily(kind, generate, trained):
    said = generate(
        "the cat", "--temperature", 0, "--max-new-tokens", 6, model=trained(kind)
    )
    assert (said.code, said.err) == (0, "")
    model, tokenizer = load(trained(kind))
    ids = tokenizer.encode("the cat")
    prefix = [np.array([len(ids)])] if kind == "prefix" else []
    for _ in range(6):
        ids.append(int(np.argmax(model(np.array([ids]), *prefix)[0][0, -1])))
    assert said.out == tokenizer.decode(ids) + "\n"


def test_a_recurrent_network_reads_on_for_ever_and_has_no_window(generate, trained):
    said = generate("the", "--max-new-tokens", 100, model=trained("gru"))
    assert (said.code, said.err) == (0, "")
    generate("the " * 100, "--max-new-tokens", 1, model=trained("gru"))
    said = generate("the", "--window", 8, model=trained("gru"))
    said.refuses(2, "--window 8", "any length")


def test_the_words_of_a_word_tokenizer_stand_apart(generate, tmp_path):
    """Any model and tokenizer that were saved together can be used."""
    tokenizer = WordTokenizer(["the", "cat", "sees"])
    config = DecoderConfig(tokenizer.vocab_size, 8, d_model=8, n_layers=1, n_heads=2)
    model = DecoderOnly(config, rng=np.random.default_rng(0))
    folder = ModelFolder(tmp_path)
    folder.write_json("config.json", describe(model))
    tokenizer.save(tmp_path / "tokenizer.json")
    folder.write_set(0, model.state_dict(), {}, {})
    said = generate("the cat", "--max-new-tokens", 4, model=tmp_path)
    words = said.out.split()
    assert said.out == " ".join(words) + "\n"
    assert words[:2] == ["the", "cat"] and len(words) == 6
    generate("the dog", model=tmp_path).refuses(2, "--prompt", "does not know 'dog'")


@pytest.mark.parametrize(
    ("kind", "words"),
    {
        "masked": "an encoder that guesses hidden tokens, which cannot generate: use fill",
        "classify": "an encoder that labels texts, which cannot generate: use classify",
        "tag": "an encoder that tags words, which cannot generate: use classify",
        "spans": "an encoder-decoder, which cannot generate: use translate or fill",
    }.items(),
)
def test_a_model_that_does_not_write_on_says_what_it_is_for(kind, words, generate, trained):
    generate("the", model=trained(kind)).refuses(2, trained(kind), words)
