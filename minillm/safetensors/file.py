"""Save named arrays in one safetensors file, and load them again."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from minillm.atomic import write_atomically
from minillm.safetensors.header import (
    DTYPES,
    MAX_HEADER_BYTES,
    READABLE,
    Entry,
    SafetensorsError,
    format_header,
    parse_header,
)

NAMES = {dtype: name for name, dtype in DTYPES.items()}


def save(
    path: str | os.PathLike[str],
    tensors: Mapping[str, npt.NDArray[Any]],
    metadata: Mapping[str, str] | None = None,
) -> str:
    """Write named arrays atomically; return the SHA-256 of the file in hexadecimal.

    Arrays may have any layout and byte order, and any dtype of DTYPES. They are written
    by falling item size, then by name, so that every array is aligned (the header is
    padded to 8 bytes) and equal contents give equal files.

    Errors:
        SafetensorsError for a dtype or a name that the format lacks, before anything
        is written; OSError for what write_atomically meets. The old file stays.
    """
    with _naming(path):
        arrays = {name: _little_endian(name, array) for name, array in tensors.items()}
        entries, end = [], 0
        for name in sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)):
            begin, end = end, end + arrays[name].nbytes
            dtype, shape = NAMES[arrays[name].dtype], arrays[name].shape
            entries.append(Entry(begin, end, name, dtype, shape))
        header = format_header(entries, dict(metadata or {}))
    digest = hashlib.sha256(header)

    def write(file: BinaryIO) -> None:
        file.write(header)
        for entry in entries:
            data = _bytes_of(arrays[entry.name])
            digest.update(data)
            file.write(data)

    write_atomically(path, write)
    return digest.hexdigest()


def load(
    path: str | os.PathLike[str], *, expected_sha256: str | None = None
) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file, writable, each owning its memory, in the file's order.

    BF16, which NumPy lacks, comes as float32, exactly. With `expected_sha256`
    (hexadecimal, as save returned it) a file that differs in any byte is refused.

    Errors:
        SafetensorsError naming the file and its fault; OSError if it cannot be opened.
    """
    return load_with_metadata(path, expected_sha256=expected_sha256)[0]


def load_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The texts beside the arrays; the arrays are checked for size but not read."""
    with _opened(path) as file:
        return parse_header(*_read_header(file))[1]


def load_shapes(path: str | os.PathLike[str]) -> dict[str, tuple[int, ...]]:
    """The shape of each array, by which memory can be planned before any is taken."""
    with _opened(path) as file:
        return {e.name: e.shape for e in parse_header(*_read_header(file))[0]}


def load_with_metadata(
    path: str | os.PathLike[str], *, expected_sha256: str | None = None
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """What `load` and `load_metadata` return, from one reading."""
    with _opened(path) as file:
        text, n_bytes = _read_header(file)
        entries, metadata = parse_header(text, n_bytes)
        digest = hashlib.sha256(len(text).to_bytes(8, "little") + text)
        tensors = {e.name: _read_array(file, e, digest.update) for e in entries}
        if expected_sha256 is not None and digest.hexdigest() != expected_sha256.lower():
            raise SafetensorsError(
                f"its SHA-256 is {digest.hexdigest()}, expected {expected_sha256}: "
                "the file was changed"
            )
    return tensors, metadata


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Faults are found where the file's name is not known; it is put before them here."""
    try:
        yield
    except SafetensorsError as fault:
        raise SafetensorsError(f"{os.fspath(path)}: {fault}") from fault.__cause__


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[BufferedReader]:
    with _naming(path):
        mode = os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # to open a folder fails itself
            raise SafetensorsError("not a regular file: a pipe would be waited for")
        with open(path, "rb") as file:
            yield file


def _little_endian(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array = np.asarray(array)
    dtype = array.dtype.newbyteorder("<")
    if dtype not in NAMES:
        raise SafetensorsError(
            f"tensor {name!r:.80} is {array.dtype}; the format takes {', '.join(DTYPES)}"
        )
    return np.asarray(array, dtype=dtype, order="C")


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    """The array's own memory as bytes, whatever its rank; no copy."""
    return array.reshape(-1).view(np.uint8).data


def _read_header(file: BufferedReader) -> tuple[bytes, int]:
    """The header's JSON and the number of bytes that follow it."""
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    if len(prefix) < 8:
        raise SafetensorsError(f"truncated: {size} bytes, and the first 8 are a length")
    n_bytes = int.from_bytes(prefix, "little")
    if n_bytes > min(MAX_HEADER_BYTES, size - 8):
        raise SafetensorsError(
            f"claims a header of {n_bytes} bytes; {size - 8} are left in the file, "
            f"and {MAX_HEADER_BYTES} is the limit"
        )
    return file.read(n_bytes), size - 8 - n_bytes


def _read_array(
    file: BufferedReader, entry: Entry, update_digest: Callable[[Any], None]
) -> npt.NDArray[Any]:
    array = np.empty(entry.shape, READABLE[entry.dtype])
    data = _bytes_of(array)
    if file.readinto(data) != len(data):
        raise SafetensorsError(f"truncated within tensor {entry.name!r:.80}")
    update_digest(data)
    if entry.dtype == "BF16":
        bits = array.astype(np.uint32)
        bits <<= 16
        return bits.view(np.float32)
    if entry.dtype == "BOOL" and array.view(np.uint8).max(initial=0) > 1:
        raise SafetensorsError(f"tensor {entry.name!r:.80}: a truth value beyond 0 and 1")
    return array
