"""Where the arrays live: the only file that may import cupy.

Library code says `np.` and nothing else; CuPy arrays answer NumPy's own dispatch
(NEP 13, 18 and 35), so a model whose parameters are on a device computes there.

    to_device(model)                # before Flat, which makes one vector of them
    logits, backward = model(ids)   # ids stay on the host, where they are checked
    to_host(logits)

A device is known by its converter alone: the function that moves a NumPy array there.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np

from minillm.types import Array

Converter: TypeAlias = Callable[[Array], Any]


class Movable(Protocol):
    """What to_device needs of a model."""

    def named_parameters(self) -> Iterator[tuple[str, Any]]: ...
    def named_buffers(self) -> Iterator[tuple[str, Any]]: ...


def on_host(array: Array) -> Array:
    """The converter of the host, where every array is already."""
    return array


def to_cupy(array: Array) -> Any:
    """The converter of a GPU. Raises ValueError where CuPy or its device is missing."""
    try:
        import cupy  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise ValueError(
            f"a GPU needs CuPy, which cannot be imported ({_first_line(error)}): "
            "pip install cupy-cuda12x"
        ) from None
    try:
        return cupy.asarray(array)
    except RuntimeError as error:  # CUDA's own errors are such
        raise ValueError(
            f"CuPy finds no GPU that it can use: {_first_line(error)}"
        ) from None


def check_device(convert: Converter) -> None:
    """Raises ValueError where a device cannot compute: before work starts, not amid it."""
    x = convert(np.ones((2, 2), np.float32))
    try:
        x @ x + x  # loads what products and kernels need
    except (ImportError, RuntimeError) as error:
        raise ValueError(f"the device cannot compute: {_first_line(error)}") from None


def to_device(model: Movable, convert: Converter = to_cupy) -> None:
    """Move every parameter and buffer of a model; gradients start anew.

    Raises ValueError, as the converter does, where the device is missing.
    """
    for _, p in model.named_parameters():
        p.data, p.grad = convert(p.data), None
    for _, buffer in model.named_buffers():
        buffer.data = convert(buffer.data)


def to_host(array: Any) -> Array:
    """A NumPy array of what is on the device; NumPy arrays are handed through."""
    return array.get() if hasattr(array, "get") else array


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
