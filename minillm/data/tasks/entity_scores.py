"""How many entities were found, whole and with the right name."""

from collections.abc import Iterable, Sequence

from minillm.data.tasks.entities import OUTSIDE, TAGS

Entity = tuple[int, int, str]


def entities(tags: Sequence[int]) -> set[Entity]:
    """(begin, end, kind) of each entity; words begin to end - 1 belong to it.

    An I that goes on with no entity of its kind begins one, as CoNLL's scorer has it.
    """
    found: list[Entity] = []
    for place, tag in enumerate(tags):
        if tag == OUTSIDE:
            continue
        begins, kind = TAGS[tag].split("-")
        if begins == "I" and found and found[-1][1:] == (place, kind):
            found[-1] = (found[-1][0], place + 1, kind)
        else:
            found.append((place, place + 1, kind))
    return set(found)


def entity_f1(predicted: Iterable[Sequence[int]], tags: Iterable[Sequence[int]]) -> float:
    """The harmonic mean of precision and recall over entities (CoNLL 2003).

        precision = right / found        recall = right / present
        f1        = 2 right / (found + present),      0 if there are none

    where right counts those that were found with the right borders and kind.
    """
    right = found = present = 0
    for guess, truth in zip(predicted, tags, strict=True):
        mine, its = entities(guess), entities(truth)
        right, found, present = (
            right + len(mine & its),
            found + len(mine),
            present + len(its),
        )
    return 2 * right / max(1, found + present)
