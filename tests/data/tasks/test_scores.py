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


@given(sentences, sentences)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(answer, reference):
    """Each word of the answer is paired with a word of the reference that is still free."""
    words, free, common = answer.split(), reference.split(), 0
    for word in words:
        if word in free:
            free.remove(word)
            common += 1
    f1 = unigram_f1(answer, reference)
    if common:
        precision, recall = common / len(words), common / len(reference.split())
        assert f1 == pytest.approx(2 / (1 / precision + 1 / recall))
        assert min(precision, recall) <= f1 * (1 + 1e-12) and f1 <= max(precision, recall)
    else:
        assert f1 == 0


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), st.data())
def test_a_match_is_lost_by_another_order_and_by_a_word_more_or_less(words, data):
    reference = " ".join(words)
    others = [data.draw(st.permutations(words)), [*words, words[-1]], words[1:]]
    for other in others:
        assert exact_match(" ".join(other), reference) == (list(other) == words)
    assert exact_match("  ".join(words) + " ", reference) == 1


@given(sentences, sentences)
def test_an_exact_match_is_right_in_every_word(answer, reference):
    match = exact_match(answer, reference)
    assert match in (0, 1)
    if answer.split():
        assert match <= unigram_f1(answer, reference)


@given(st.lists(st.tuples(sentences, sentences), min_size=1, max_size=6), st.randoms())
def test_a_mean_counts_every_answer_once_in_whatever_order(pairs, random):
    answers, references = zip(*pairs, strict=True)
    scores = [unigram_f1(*pair) for pair in pairs]
    mean = mean_score(unigram_f1, answers, references)
    assert mean * len(pairs) == pytest.approx(sum(scores))
    shuffled = random.sample(pairs, len(pairs))
    assert mean_score(unigram_f1, *zip(*shuffled, strict=True)) == pytest.approx(mean)
    assert mean_score(exact_match, references, references) == 1


@given(st.lists(sentences, min_size=1, max_size=6))
def test_the_floor_counts_neighbours_that_are_equal_and_the_last_has_the_first(references):
    n = len(references)
    equal = sum(references[i] == references[(i + 1) % n] for i in range(n))
    assert floor(exact_match, references) == pytest.approx(equal / n)


def test_the_floor_is_what_the_next_ones_reference_would_get():
    assert floor(exact_match, ["a", "a", "b"]) == pytest.approx(1 / 3)
    assert floor(unigram_f1, ["a b", "a c", "a d"]) == pytest.approx(1 / 2)


def test_answers_that_do_not_fit_their_references_are_refused():
    with pytest.raises(ValueError, match="2 answers do not fit 1 references"):
        mean_score(exact_match, ["a", "b"], ["a"])
    with pytest.raises(ValueError, match="0 answers"):
        mean_score(exact_match, [], [])
