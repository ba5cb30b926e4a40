"""Small generated tasks whose best score is known, each in its own vocabulary."""

from minillm.data.tasks import dialogues, recall, scores, translation

__all__ = ["dialogues", "recall", "scores", "translation"]
