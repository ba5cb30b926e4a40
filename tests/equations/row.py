"""The form of a row."""

from dataclasses import dataclass

from tests.mutants.planted import Planted


@dataclass(frozen=True)
class Row:
    """One equation, and everything that stands for it here.

    equation     what it is called, in a few words
    source       the paper and the number of the equation or section
    names        public callables that compute it: "functional.softmax"
    properties   hypothesis tests that state what the paper claims of it, beyond the
                 gradient: "tests/functional/test_softmax.py::test_..."
    walkthrough  the number of the script that shows it: "04"
    mutant       a defect that these properties notice alone, with no gradient checked
    """

    equation: str
    source: str
    names: tuple[str, ...]
    properties: tuple[str, ...]
    walkthrough: str
    mutant: Planted
