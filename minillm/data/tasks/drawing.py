"""How the tasks draw their examples: no two alike, and none of the test in training."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np

Example = TypeVar("Example")
Choice = TypeVar("Choice")


def pick(rng: np.random.Generator, choices: Sequence[Choice]) -> Choice:
    """One of the choices, all as likely."""
    return choices[int(rng.integers(len(choices)))]


def train_and_test(
    draw: Callable[[np.random.Generator], Example],
    question: Callable[[Example], Hashable],
    n_train: int,
    n_test: int,
    rng: np.random.Generator,
) -> tuple[list[Example], list[Example]]:
    """Draw n_train + n_test examples whose questions all differ, and part them at random.

    An example that was drawn before is drawn anew, so that what has few variants comes
    up less often in a large draw; in train and test alike.

    Errors: ValueError for a negative number, and if the task has too few questions:
    when a hundred draws for each example were not enough.
    """
    if n_train < 0 or n_test < 0:
        raise ValueError(f"n_train {n_train} and n_test {n_test} must be at least 0")
    n = n_train + n_test
    examples: dict[Hashable, Example] = {}
    for _ in range(100 * n):
        if len(examples) == n:
            break
        example = draw(rng)
        examples.setdefault(question(example), example)
    if len(examples) < n:
        raise ValueError(
            f"n_train {n_train} + n_test {n_test}: the task has fewer distinct examples"
        )
    drawn = list(examples.values())
    shuffled = [drawn[i] for i in rng.permutation(n)]
    return shuffled[:n_train], shuffled[n_train:]
