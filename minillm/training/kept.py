"""What a saved set says of the run that made it, checked before the run goes on."""

import math
from collections.abc import Mapping
from typing import Any

from minillm.types import Array


def history_of(
    state: Mapping[str, Any], step: int
) -> tuple[list[dict[str, float]], list[float]]:
    """(history, losses) of a run of `step` steps; losses are those since the last entry.

    Raises ValueError unless entries have rising steps up to `step`, and the losses are
    finite, and no more than the steps since then.
    """
    history, losses = state.get("history", []), state.get("losses", [])
    if not isinstance(history, list) or not all(map(_is_entry, history)):
        raise ValueError(
            "trainer.json: history or losses is wrong: an entry is a step and its loss"
        )
    steps = [0, *(entry["step"] for entry in history)]
    if sorted({*steps}) != steps or steps[-1] > step:
        raise ValueError(
            f"trainer.json: history or losses is wrong: steps rise up to {step}"
        )
    if not isinstance(losses, list) or not all(map(_is_loss, losses)):
        raise ValueError(
            "trainer.json: history or losses is wrong: losses are finite numbers"
        )
    if len(losses) > step - steps[-1]:
        raise ValueError("trainer.json: history or losses is wrong: more losses than steps")
    return history, losses


def whole_number(name: str, array: Array | None) -> int:
    """The number in an array of shape (). Raises ValueError if it is no whole one."""
    if array is None or array.shape != () or array.dtype.kind not in "iu" or array < 0:
        raise ValueError(f"it was saved without its random state: {name} is no number")
    return int(array)


def _is_entry(entry: Any) -> bool:
    """{"step": 20, "loss": 2.5}, and "valid" where there was something to evaluate on."""
    if not isinstance(entry, dict) or type(entry.get("step")) is not int:
        return False
    others = entry.keys() - {"step"}
    return others in ({"loss"}, {"loss", "valid"}) and all(
        type(entry[name]) is float for name in others
    )


def _is_loss(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)
