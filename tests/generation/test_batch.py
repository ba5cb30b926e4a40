"""Many texts at once: what ends leaves, and what cannot be is refused."""

import numpy as np
import pytest

from minillm.generation import greedy_batch, translate
from minillm.models import DecoderConfig, DecoderOnly, EncoderDecoder, EncoderDecoderConfig
from tests.generation.test_beam import Config, Table

SIZES = (7, 5, 8, 1, 2)  # vocab_size 7, max_seq_len 5
RNG = np.random.default_rng(0)
DECODER = DecoderOnly(DecoderConfig(*SIZES), rng=RNG)
BOTH = EncoderDecoder(EncoderDecoderConfig(*SIZES), rng=RNG)
SOURCE = np.array([[1, 2, 3], [4, 5, 6]])


class Countdown(Table):
    """After id n comes n - 1, and never anything else."""

    def logits(self, prefix):
        return np.log(np.eye(self.config.vocab_size) + 1e-9)[prefix[-1] - 1]


def test_a_text_that_has_ended_leaves_the_batch():
    model = Countdown(0, Config(9))
    ids = np.array([[3], [1], [5], [3], [8]])
    texts = greedy_batch(model, ids, end_id=0, max_new_tokens=6)
    assert texts == [[2, 1, 0], [0], [4, 3, 2, 1, 0], [2, 1, 0], [7, 6, 5, 4, 3, 2]]
    assert model.batches == [5, 4, 4, 2, 2, 1]


def test_when_all_texts_have_ended_nothing_is_read_any_more():
    model = Countdown(0, Config(9))
    texts = greedy_batch(model, np.array([[2], [1]]), end_id=0, max_new_tokens=6)
    assert texts == [[1, 0], [0]]
    assert model.batches == [2, 1]


def test_of_tokens_that_tie_the_lowest_id_is_written():
    class Even(Table):
        def logits(self, prefix):
            return [0.0, 1.0, 1.0]

    model = Even(0, Config(3))
    assert greedy_batch(model, np.array([[0]]), end_id=2, max_new_tokens=2) == [[1, 1]]


def test_no_texts_are_no_work():
    none = np.zeros((0, 2), int)
    assert greedy_batch(DECODER, none, end_id=0, max_new_tokens=3) == []
    assert translate(BOTH, none, start_id=0, end_id=1, max_new_tokens=3) == []


def test_a_context_may_be_filled_to_the_last_place():
    ids = np.zeros((2, 4), int)
    assert len(greedy_batch(DECODER, ids, end_id=6, max_new_tokens=2)) == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"ids": [1, 2]}, r"ids \(2,\): give \(batch, n\)"),
        ({"ids": np.zeros((2, 0), int)}, r"ids \(2, 0\): give \(batch, n\), at least one"),
        ({"ids": [[7]]}, "7 is out of range"),
        ({"ids": [[0.5]]}, "ids are integers, not float64"),
        ({"ids": [[0] * 4], "max_new_tokens": 3}, "4 tokens and 3 new ones .* 5"),
        ({"max_new_tokens": 0}, "max_new_tokens must be a whole number >= 1, not 0"),
        ({"end_id": 7}, "end_id must be a token id from 0 to 6, not 7"),
    ],
)
def test_what_cannot_be_continued_is_refused(more, message):
    arguments = {"ids": [[0]], "end_id": 0, "max_new_tokens": 2} | more
    arguments["ids"] = np.array(arguments["ids"])
    with pytest.raises(ValueError, match=message):
        greedy_batch(DECODER, **arguments)


class Unread:
    """A model that must not be asked to read."""

    config = BOTH.config


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"start_id": -1}, "start_id must be a token id from 0 to 6, not -1"),
        ({"end_id": 7}, "end_id must be a token id from 0 to 6, not 7"),
        ({"max_new_tokens": 6}, "1 tokens and 6 new ones exceed max_seq_len 5"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_source_is_read(more, message):
    arguments = {"start_id": 0, "end_id": 1, "max_new_tokens": 2} | more
    with pytest.raises(ValueError, match=message):
        translate(Unread(), SOURCE, **arguments)


def test_a_mask_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="source_mask"):
        translate(
            BOTH, SOURCE, np.ones((2, 2), bool), start_id=0, end_id=1, max_new_tokens=2
        )
