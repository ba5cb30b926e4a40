"""What a safetensors file says of itself: made for writing, doubted when read."""

import json
import math
from typing import Any, NamedTuple

import numpy as np

from minillm import strict_json

MAX_HEADER_BYTES = 100_000_000
MAX_DIMENSIONS = 64  # NumPy's limit
MAX_ELEMENTS = 2**60 - 1  # NumPy's limit for 8 bytes each, even beside a dimension of 0

DTYPES = {
    "BOOL": np.dtype("?"),
    **{f"U{8 * n}": np.dtype(f"<u{n}") for n in (1, 2, 4, 8)},
    **{f"I{8 * n}": np.dtype(f"<i{n}") for n in (1, 2, 4, 8)},
    **{f"F{8 * n}": np.dtype(f"<f{n}") for n in (2, 4, 8)},
}
# NumPy has no bfloat16: its bits, the upper half of a float32, are read as integers.
READABLE = DTYPES | {"BF16": np.dtype("<u2")}


class SafetensorsError(ValueError):
    """A file that is not a whole, well-formed safetensors file, or cannot become one."""


class Entry(NamedTuple):
    """One array as the header describes it; its bytes are [begin, end) of the buffer."""

    begin: int
    end: int
    name: str
    dtype: str
    shape: tuple[int, ...]


def format_header(entries: list[Entry], metadata: dict[str, str]) -> bytes:
    """The eight bytes of the length and the JSON, padded to a multiple of eight."""
    fields: dict[str, Any] = {"__metadata__": check_texts(metadata)} if metadata else {}
    for begin, end, name, dtype, shape in entries:
        if not isinstance(name, str) or name == "__metadata__":
            raise SafetensorsError(f"{name!r:.80} cannot be the name of a tensor")
        fields[name] = {"dtype": dtype, "shape": shape, "data_offsets": (begin, end)}
    try:
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise SafetensorsError(f"a name or text is not Unicode: {error}") from error
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER_BYTES:
        raise SafetensorsError(f"a header of {len(text)} bytes exceeds {MAX_HEADER_BYTES}")
    return len(text).to_bytes(8, "little") + text


def parse_header(text: bytes, n_bytes: int) -> tuple[list[Entry], dict[str, str]]:
    """The entries in the order of their bytes, and the metadata.

    `n_bytes` is how many bytes follow the header. Entries come back only if they
    cover these exactly, so their sizes together cannot exceed what the disk holds.
    """
    try:
        fields = strict_json.parse(text.decode())
    except ValueError as error:
        raise SafetensorsError(f"the header is not UTF-8 JSON: {error}") from error
    if not isinstance(fields, dict):
        raise SafetensorsError("the header is not a JSON object")
    metadata = check_texts(fields.pop("__metadata__", {}))
    entries = sorted(_entry(name, field) for name, field in fields.items())
    _check_cover(entries, n_bytes)
    return entries, metadata


def check_texts(metadata: Any) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(
        isinstance(text, str) for pair in metadata.items() for text in pair
    ):
        raise SafetensorsError("the metadata is not a mapping of texts to texts")
    return metadata


def _entry(name: str, field: Any) -> Entry:
    """One line of the header: each value checked, then the shape against the offsets."""
    match field:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [begin, end]}:
            pass
        case _:
            raise SafetensorsError(f"tensor {name!r:.80} lacks dtype, shape or offsets")
    if dtype not in READABLE:
        raise SafetensorsError(
            f"tensor {name!r:.80} has dtype {dtype!r:.20}, not one of {', '.join(READABLE)}"
        )
    if len(shape) > MAX_DIMENSIONS or not all(map(_is_count, [*shape, begin, end])):
        raise SafetensorsError(
            f"tensor {name!r:.80}: shape and offsets must be whole numbers from 0, "
            f"with at most {MAX_DIMENSIONS} dimensions"
        )
    if begin + math.prod(shape) * READABLE[dtype].itemsize != end:
        raise SafetensorsError(f"tensor {name!r:.80}: its shape and its offsets disagree")
    if math.prod(n for n in shape if n) > MAX_ELEMENTS:
        raise SafetensorsError(f"tensor {name!r:.80}: its shape is beyond any memory")
    return Entry(begin, end, name, dtype, tuple(shape))


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0  # to isinstance, JSON's true is an int


def _check_cover(entries: list[Entry], n_bytes: int) -> None:
    """The arrays follow one another from the first byte to the last."""
    end = 0
    for entry in entries:
        if entry.begin != end:
            fault = "overlaps another" if entry.begin < end else "leaves a hole before it"
            raise SafetensorsError(f"tensor {entry.name!r:.80} {fault}")
        end = entry.end
    if end != n_bytes:
        fault = "truncated" if end > n_bytes else "trailing bytes"
        raise SafetensorsError(f"{fault}: {n_bytes} bytes of arrays, the header says {end}")
