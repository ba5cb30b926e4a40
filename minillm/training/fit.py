"""Does an objective fit the batch and the model? Said before work starts."""

import inspect
from typing import Any

from minillm.functional.ids import check_array
from minillm.types import Array


def check_batch(objective: object, batch: tuple[Array, ...], names: str) -> None:
    """ValueError unless the batch has one array for each of the names."""
    if len(batch) != len(names.split(", ")):
        raise ValueError(
            f"{type(objective).__name__} takes batches of ({names}), not of {len(batch)} "
            f"arrays"
        )
    if any(array is None for array in batch):
        raise ValueError(f"a batch of ({names}) holds None: give an array for each")
    for name, array in zip(names.split(", "), batch, strict=True):
        check_array(name, array)


def check_integers(name: str, array: Array, shape: tuple[int, ...]) -> None:
    """ValueError unless the array has integers and this shape."""
    if array.shape != shape or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} of shape {array.shape} and dtype {array.dtype}: give integers of "
            f"shape {shape}"
        )


def call_model(objective: object, model: Any, *arguments: Any, **named: Any) -> Any:
    """model(*arguments, **named), and ValueError if its call does not take just those.

    A decoder knows no segment_ids, an encoder no source: a model of another kind is
    refused by what it takes, before it would raise a TypeError or learn something else.
    """
    signature = _signature(type(model))
    try:
        signature.bind(model, *arguments, **named)
    except TypeError as error:
        takes = ", ".join(list(signature.parameters)[1:])
        raise ValueError(
            f"{type(objective).__name__} does not fit {type(model).__name__}, whose call "
            f"takes ({takes}): {error}"
        ) from None
    return model(*arguments, **named)


def is_encoder(model: object) -> bool:
    """Whether a model's tokens see those after them: encoders alone know segments."""
    return "segment_ids" in _signature(type(model)).parameters


def _signature(kind: type[Any]) -> inspect.Signature:
    call: Any = kind.__call__
    return inspect.signature(call)
