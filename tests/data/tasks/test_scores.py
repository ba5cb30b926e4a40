import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.data.tasks.scores import exact_match, floor, mean_score, unigram_f1

sentences = st.lists(st.sampled_from("abc"), max_size=6).map(" ".join)


def test_f1_by_hand():
    """3 words are common ("the" once): precision 3/4, recall 3/5."""
    assert unigram_f1("the the cat sat", "a cat sat on the") == pytest.approx(2 / 3)


@given(sentences, sentences)
def test_f1_is_1_for_the_same_words_and_0_for_no_common_word(answer, reference):
    f1 = unigram_f1(answer, reference)
    assert 0 <= f1 <= 1 and f1 == unigram_f1(reference, answer)
    same = sorted(answer.split()) == sorted(reference.split())
    assert (f1 == 1) == (same and answer != "")
    assert (f1 > 0) == bool(set(answer.split()) & set(reference.split()))


@given(sentences, sentences)
def test_exact_match_knows_order_and_number(answer, reference):
    assert exact_match(answer, reference) == (answer == reference)
    assert exact_match(f" {answer}  ", answer) == 1


def test_the_floor_is_what_the_next_ones_reference_would_get():
    assert floor(exact_match, ["a", "a", "b"]) == pytest.approx(1 / 3)
    assert floor(unigram_f1, ["a b", "a c", "a d"]) == pytest.approx(1 / 2)


def test_answers_that_do_not_fit_their_references_are_refused():
    with pytest.raises(ValueError, match="2 answers do not fit 1 references"):
        mean_score(exact_match, ["a", "b"], ["a"])
    with pytest.raises(ValueError, match="0 answers"):
        mean_score(exact_match, [], [])
