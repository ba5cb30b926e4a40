"""Who may use how many cores: NumPy's matrix products, and the allocator."""

import ctypes
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


def available_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def _openblas() -> list[ctypes.CDLL]:
    """The OpenBLAS of NumPy's Linux and Windows wheels; other builds have none here."""
    folder = Path(np.__file__).parents[1] / "numpy.libs"
    libraries = [ctypes.CDLL(str(path)) for path in folder.glob("*openblas*")]
    return [lib for lib in libraries if hasattr(lib, "scipy_openblas_set_num_threads64_")]


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Give each matrix product of the process n threads, and restore what it was.

    With another BLAS than the wheel's, nothing changes. For one caller at a time.
    """
    before = [lib.scipy_openblas_get_num_threads64_() for lib in _openblas()]
    for lib in _openblas():
        lib.scipy_openblas_set_num_threads64_(n)
    try:
        yield
    finally:
        for lib, was in zip(_openblas(), before, strict=True):
            lib.scipy_openblas_set_num_threads64_(was)


def keep_freed_memory() -> bool:
    """Ask glibc to reuse freed arrays instead of returning their pages at once.

    A training step makes and drops the same arrays again and again. For the process
    as a whole, so only a program may decide it. Returns whether there was a glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    mallopt(-8, 1)  # M_ARENA_MAX: all threads share one pool
    mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD: no mmap below 1 GiB
    mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: keep the top of the heap
    return True
