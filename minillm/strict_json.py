"""JSON from a file that may be damaged, foreign or hostile."""

import json
from typing import Any


def parse(text: str) -> Any:
    """The value in a text. Python's own reader takes more than one should believe.

    Raises ValueError for what is no JSON, for nesting deeper than Python's stack, an
    integer of thousands of digits, and an object that names a key twice: of the two
    values one reader takes the first, another the last.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key occurs twice in one object")
    return value
