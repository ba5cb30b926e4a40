"""Small generated tasks whose best score is known, each in its own vocabulary."""

from minillm.data.tasks import (
    dialogues,
    entities,
    entity_scores,
    recall,
    scores,
    sentiment,
    translation,
)

__all__ = [
    "dialogues",
    "entities",
    "entity_scores",
    "recall",
    "scores",
    "sentiment",
    "translation",
]
