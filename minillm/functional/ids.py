"""The door where token ids, and what comes with them, are checked."""

import numpy as np

from minillm.types import Array


def check_array(name: str, value: object) -> None:
    """Refuse a list and all else that is no array, on the host or on a device."""
    if not hasattr(value, "dtype"):
        what = type(value).__name__
        raise ValueError(f"{name} of type {what}: give an array, such as np.array(...)")


def check_ids(name: str, ids: Array, n: int) -> None:
    """Refuse ids outside [0, n), which NumPy would partly take for "from the end".

    Only arrays on the host are looked at: reading a device's array would make it
    wait, so ids are checked before they move there.
    """
    check_array(name, ids)
    if not isinstance(ids, np.ndarray) or ids.size == 0:
        return
    if ids.dtype.kind not in "iu":
        raise ValueError(f"{name}: ids are integers, not {ids.dtype}")
    low, high = ids.min(), ids.max()
    if low < 0 or high >= n:
        wrong = low if low < 0 else high
        raise ValueError(f"{name} {wrong} is out of range: the ids go from 0 to {n - 1}")
