"""fill: what is missing in a text, by the model's own probabilities."""

import numpy as np
import pytest

from minillm import functional as F
from minillm.cli.fill import _pieces
from minillm.generation import beam_search
from minillm.pretrained import load


@pytest.fixture
def fill(command, trained):
    def ask(text, *options, kind="masked"):
        return command("fill", "--model", trained(kind), "--text", text, *options)

    return ask


def test_the_guesses_are_the_likeliest_tokens_of_each_gap(fill, trained):
    said = fill("the [MASK] sees[MASK].", "--top", 3)
    assert (said.code, said.err) == (0, "")
    model, tokenizer = load(trained("masked"))
    hidden = tokenizer.special_tokens["[MASK]"]
    ids = [*tokenizer.encode("the"), hidden, *tokenizer.encode(" sees"), hidden]
    ids = np.array([*ids, *tokenizer.encode(".")])  # the space belongs to the hidden token
    p, _ = F.softmax(model(ids[None])[0][0][ids == hidden].astype(np.float64))
    expected = -np.sort(-p, axis=-1)[:, :3]
    numbers = [float(line.split()[-1]) for line in said.out.splitlines() if "█" in line]
    assert numbers == pytest.approx(expected.ravel(), rel=0.006)
    ids[ids == hidden] = p.argmax(-1)
    assert said.out.startswith(tokenizer.decode(ids.tolist()) + "\n\n[MASK] 1 of 2")


def test_no_other_special_token_can_be_written(fill, trained):
    model, tokenizer = load(trained("masked"))
    seen = []

    def spy(self, ids, *rest, **named):
        seen.append(ids[0].tolist())
        return original(self, ids, *rest, **named)

    original = type(model).__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(model), "__call__", spy)
        assert fill("[CLS] a [MASK] [SEP][PAD]").code == 0
    specials = set(tokenizer.special_tokens.values())
    assert [i for i in seen[0] if i in specials] == [tokenizer.special_tokens["[MASK]"]]


def test_the_pieces_stand_where_the_gaps_are(fill, trained):
    said = fill("the [MASK] sees [MASK] tree", "--top", 4, kind="spans")
    assert (said.code, said.err) == (0, "")
    filled, table = said.out.split("\n\nguesses for all gaps")
    model, tokenizer = load(trained("spans"))
    special = tokenizer.special_tokens
    *gaps, end = (special[f"<extra_id_{i}>"] for i in range(3))
    parts = [tokenizer.encode(part) for part in ("the", " sees", " tree")]
    source = [*parts[0], gaps[0], *parts[1], gaps[1], *parts[2]]
    best = beam_search(
        model.reading(np.array([source])),
        np.array([special["[START]"]]),
        width=4,
        max_new_tokens=64,
        end_id=end,
    )
    shown = [float(line.split()[-1]) for line in table.splitlines()[1:]]
    expected = [np.exp(one.log_probability) for one in best]
    assert shown == pytest.approx(expected, rel=0.006)
    assert filled.startswith("the") and " sees" in filled and filled.endswith(" tree")


def test_a_piece_begins_after_its_sentinel_and_ends_at_the_next_special_token():
    gaps, specials = [100, 101, 102], {9, *range(100, 105)}
    written = [1, 100, 2, 3, 102, 4, 9, 5, 103, 6]
    assert _pieces(written, gaps, specials) == {100: [2, 3], 101: [], 102: [4]}


def test_a_model_that_has_learned_a_text_fills_its_gaps(of_kind, command, tmp_path):
    cycle = "one two three four five six seven"
    (tmp_path / "text.txt").write_text("\n".join([cycle] * 80))
    options = ("--steps", 150, "--batch", 8, "--dropout", 0, "--positions", "relative")
    asked = of_kind("masked", tmp_path / "m")
    assert command(*asked, *options, "--text", tmp_path / "text.txt").code == 0
    for word in cycle.split()[1:-1]:
        text = cycle.replace(word, "[MASK]")
        said = command("fill", "--model", tmp_path / "m", "--text", text)
        assert said.out.splitlines()[0] == cycle


def test_the_file_holds_what_was_printed(fill, tmp_path):
    said = fill("a [MASK]", "--out", tmp_path / "guesses.txt")
    assert (tmp_path / "guesses.txt").read_text(encoding="utf-8") == said.out


def test_what_cannot_be_filled_is_refused(fill):
    fill("the cat").refuses(2, "--text 'the cat' holds no [MASK]")
    fill("the cat", kind="spans").refuses(2, "--text", "holds no [MASK]")
    fill("").refuses(2, "--text", "empty")
    fill("a [MASK]", "--top", 0).refuses(2, "--top", "at least 1")
    fill("[MASK] " * 70).refuses(2, "--text has", "the model's context 64")
    fill("[MASK]" * 4, kind="spans").refuses(2, "--text has 4 [MASK]", "at most 3")
    fill("the cat " * 40 + "[MASK]", kind="spans").refuses(2, "the model's context 64")


def test_a_model_of_another_kind_says_what_it_is_for(fill, model_folder, command):
    fill("a [MASK]", kind="translate").refuses(2, "no sentinels", "use translate")
    fill("a [MASK]", kind="tag").refuses(2, "tags words, which cannot fill: use classify")
    fill("a [MASK]", kind="gru").refuses(2, "recurrent network", "use generate")
    said = command("fill", "--model", model_folder, "--text", "a [MASK]")
    said.refuses(2, "a decoder, which cannot fill: use generate")
