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
_seen: list[str] | None = None
_hooked = False


class OutsideError(AssertionError):
    """A file was touched that has nothing to do with what was asked for."""


@contextmanager
def only_within(*folders: Path) -> Iterator[None]:
    """Raises OutsideError if the block touches a file elsewhere, Python's own excepted."""
    global _seen, _hooked
    if not _hooked:
        sys.addaudithook(_hook)  # there is no way to take one away
        _hooked = True
    _seen = []
    try:
        yield
    finally:
        touched, _seen = _seen, None
    within = [os.path.realpath(folder) + os.sep for folder in folders]
    own = [os.path.realpath(p) for p in (sys.prefix, sys.base_prefix)]
    for path in map(os.path.realpath, touched):
        path += os.sep if os.path.isdir(path) else ""
        if not path.startswith((*within, *own, *ALLOWED)) and not path.endswith(OF_PYTHON):
            raise OutsideError(path)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is not None and event in WATCHED:
        _seen.extend(
            os.fsdecode(a)
            for a in arguments[: WATCHED[event]]
            if isinstance(a, str | bytes | os.PathLike)
        )
