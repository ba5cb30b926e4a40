"""How right a written answer is, and what an answer to another question would get."""

from collections import Counter
from collections.abc import Callable, Sequence


def exact_match(answer: str, reference: str) -> float:
    """1 if the answer has the reference's words in their order, else 0."""
    return float(answer.split() == reference.split())


def unigram_f1(answer: str, reference: str) -> float:
    """The harmonic mean of precision and recall over words (ROUGE-1; Lin 2004).

        common    = words in both, each as often as in the one that has it less often
        precision = common / len(answer)        recall = common / len(reference)
        f1        = 2 precision recall / (precision + recall)
                  = 2 common / (len(answer) + len(reference)),     0 if both are empty

    where words are what spaces part.
    """
    words, expected = answer.split(), reference.split()
    common = (Counter(words) & Counter(expected)).total()
    return 2 * common / max(1, len(words) + len(expected))


def mean_score(
    score: Callable[[str, str], float], answers: Sequence[str], references: Sequence[str]
) -> float:
    """The mean of a score over answers and their references.

    Errors: ValueError if there are none, or not as many of one as of the other.
    """
    if len(answers) != len(references) or not references:
        raise ValueError(f"{len(answers)} answers do not fit {len(references)} references")
    return sum(map(score, answers, references)) / len(references)


def floor(score: Callable[[str, str], float], references: Sequence[str]) -> float:
    """What the answers to other questions get: each reference is given the next one's.

    Templates alone earn this much, so that a model has learned only what lies above.
    """
    return mean_score(score, [*references[1:], *references[:1]], references)
