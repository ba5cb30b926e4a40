"""Proofs that a mutant is none, one file for each package of minillm.

Each entry is (the line before, the line after): why no input can tell them apart.
"""

from tests.mutants.equivalent import (
    evaluation,
    functional,
    generation,
    layers,
    models,
    tokenizers,
    training,
)

FILES = {
    "evaluation": evaluation,
    "functional": functional,
    "generation": generation,
    "layers": layers,
    "models": models,
    "tokenizers": tokenizers,
    "training": training,
}


def _all(name: str) -> dict[tuple[str, str, str], str]:
    return {
        (path, before, after): why
        for module in FILES.values()
        for path, entries in getattr(module, name, {}).items()
        for (before, after), why in entries.items()
    }


EQUIVALENT, ENDLESS = _all("EQUIVALENT"), _all("ENDLESS")
