"""Generated tasks, written as the files that a user would bring."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from minillm.data.tasks import dialogues, entities, sentiment, translation

N_EXAMPLES = 5000  # no two alike; the last tenth is held out


@dataclass(frozen=True)
class Task:
    """What it is learned by, the words of its texts, and its file's lines."""

    objective: str
    words: tuple[str, ...]
    lines: Callable[[np.random.Generator], list[str]]


def _sentiment(rng: np.random.Generator) -> list[str]:
    examples, _ = sentiment.draw(N_EXAMPLES, 0, rng=rng)
    return [f"{sentence}\t{sentiment.CLASSES[label]}" for sentence, label in examples]


def _entities(rng: np.random.Generator) -> list[str]:
    examples, _ = entities.draw(N_EXAMPLES, 0, rng=rng)
    return [
        " ".join(
            f"{word}/{entities.TAGS[tag]}"
            for word, tag in zip(sentence.split(), tags, strict=True)
        )
        for sentence, tags in examples
    ]


def _translation(rng: np.random.Generator) -> list[str]:
    pairs, _ = translation.draw(N_EXAMPLES, 0, rng=rng)
    return [f"{source}\t{target}" for source, target in pairs]


def _summaries(rng: np.random.Generator) -> list[str]:
    pairs, _ = dialogues.draw(N_EXAMPLES, 0, rng=rng)
    return [f"{dialogue}\t{summary}" for dialogue, summary in pairs]


TASKS: Mapping[str, Task] = {
    "sentiment": Task("classify", sentiment.WORDS, _sentiment),
    "entities": Task("tag", entities.WORDS, _entities),
    "translation": Task("translate", translation.WORDS, _translation),
    "summaries": Task("translate", dialogues.WORDS, _summaries),
}


def task_text(name: str, seed: int) -> str:
    """The task's file: one example a line, drawn from the seed."""
    return "\n".join(TASKS[name].lines(np.random.default_rng(seed)))
