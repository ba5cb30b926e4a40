"""Where the arrays live: the only file that may import cupy.

Library code says `np.` and nothing else; CuPy arrays answer NumPy's own dispatch
(NEP 13, 18 and 35), so a model whose parameters are on a device computes there.

    to_device(model)                # before Flat, which makes one vector of them
    logits, backward = model(ids)   # ids stay on the host, where they are checked
    to_host(logits)
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from minillm.types import Array


class Movable(Protocol):
    """What to_device needs of a model."""

    def named_parameters(self) -> Iterator[tuple[str, Any]]: ...
    def named_buffers(self) -> Iterator[tuple[str, Any]]: ...


def to_device(model: Movable, convert: Callable[[Array], Array] | None = None) -> None:
    """Move every parameter and buffer of a model; gradients start anew.

    `convert` is cupy.asarray unless it is given. Raises ValueError when CuPy or its
    device is missing.
    """
    convert = convert or _to_cupy
    for _, p in model.named_parameters():
        p.data, p.grad = convert(p.data), None
    for _, buffer in model.named_buffers():
        buffer.data = convert(buffer.data)


def to_host(array: Any) -> Array:
    """A NumPy array of what is on the device; NumPy arrays are handed through."""
    return array.get() if hasattr(array, "get") else array


def _to_cupy(array: Array) -> Any:
    try:
        import cupy  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise ValueError("CuPy is not installed: pip install 'minillm[gpu]'") from None
    try:
        return cupy.asarray(array)
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise ValueError(f"CuPy has no device to use: {error}") from None
