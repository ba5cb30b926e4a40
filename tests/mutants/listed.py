"""Mutants that no test kills, each with the proof that none can.

Those of `equivalent` compute the same for every input that can reach them. Those of
`endless` loop for ever where they could be told from the original, and a test that has
not ended has not failed. A mutant is named by its file and by the lines it stands in,
before and after.
"""

from tests.mutants.equivalent import ENDLESS, EQUIVALENT
from tests.mutants.mutant import Mutant


def listed(mutant: Mutant) -> str:
    """ "equivalent", "endless", or "" for a mutant that has to die."""
    key = (mutant.path, *mutant.lines())
    return "equivalent" if key in EQUIVALENT else "endless" if key in ENDLESS else ""


def stale(mutants: list[Mutant]) -> list[tuple[str, str, str]]:
    """What is listed of these files and is no mutant of them any more."""
    there = {(m.path, *m.lines()) for m in mutants}
    paths = {m.path for m in mutants}
    return [key for key in (EQUIVALENT | ENDLESS) if key[0] in paths and key not in there]
