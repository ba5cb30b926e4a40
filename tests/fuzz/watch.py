"""Which files are touched: what lies outside of a folder is nobody's business."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WATCHED = {  # how many of an event's arguments are paths
    **dict.fromkeys(("open", "os.remove", "os.mkdir", "os.rmdir", "os.listdir"), 1),
    **dict.fromkeys(("os.truncate", "os.chmod"), 1),
    **dict.fromkeys(("os.rename", "os.link"), 2),
}
OF_PYTHON = (".py", ".pyc", ".so", ".pth")
ALLOWED = ("/dev/null", "/dev/urandom", "/proc/")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_seen: list[tuple[str, bool]] | None = None
_hooked = False


class OutsideError(AssertionError):
    """A file was touched that has nothing to do with what was asked for."""


@contextmanager
def only_within(folder: Path, *, reads: bool = True) -> Iterator[None]:
    """Raises OutsideError if the block touches a file elsewhere, Python's own excepted.

    Where `reads` is False, what is opened for reading alone may be anywhere.
    """
    global _seen, _hooked
    if not _hooked:
        sys.addaudithook(_hook)  # there is no way to take one away
        _hooked = True
    _seen = []
    try:
        yield
    finally:
        touched, _seen = _seen, None
    own = [os.path.realpath(p) for p in (sys.prefix, sys.base_prefix)]
    within = (os.path.realpath(folder) + os.sep, *own, *ALLOWED)
    for path in [os.path.realpath(path) for path, read in touched if reads or not read]:
        path += os.sep if os.path.isdir(path) else ""
        if not path.startswith(within) and not path.endswith(OF_PYTHON):
            raise OutsideError(path)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is not None and event in WATCHED:
        read = event == "os.listdir" or (event == "open" and not arguments[2] & WRITING)
        _seen.extend(
            (os.fsdecode(path), read)
            for path in arguments[: WATCHED[event]]
            if isinstance(path, str | bytes | os.PathLike)
        )
