"""Replace a file in one step: at every moment the old one or the new one, whole."""

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

TEMPORARY_PREFIX = ".minillm-tmp-"

# What a file system says that cannot flush a folder, or may not open it to do so.
_FOLDERS_ARE_NOT_FLUSHED = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)


def write_atomically(
    path: str | os.PathLike[str], write: Callable[[BinaryIO], None]
) -> None:
    """Give `path` the bytes that `write(file)` writes, all of them or none.

    The bytes go to a temporary file in the same folder (another folder may be
    another disk, where a rename is a copy), are flushed to the disk, and take the
    name in one rename; then the folder, which holds the name, is flushed too. The
    order matters: a rename that reaches the disk before the bytes do is an empty file
    after a power cut.

    Errors:
        Whatever goes wrong before the rename, in `write` or in the file system (OSError
        naming `path`: no such folder, read-only, disk full), the old file stays as it was
        and the temporary one is removed. Only a kill leaves it behind; its name begins with
        TEMPORARY_PREFIX. A symbolic link at `path` is replaced, not followed.
    """
    path = Path(path)
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        _name_the_target(error, temporary, path)
        raise
    _flush_folder(path.parent)


def _name_the_target(error: BaseException, temporary: Path, path: Path) -> None:
    """A full disk names no file, and nobody knows the temporary one: say `path`."""
    if not isinstance(error, OSError) or error.errno is None:
        return
    if error.filename in (None, str(temporary)):
        error.filename, error.filename2 = str(path), None


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows flushes names with the file and opens no folders
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _FOLDERS_ARE_NOT_FLUSHED:
            raise
