"""Cores are counted, lent and given back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minillm.training import available_cores, blas_threads, keep_freed_memory
from minillm.training.threads import _openblas

openblas = pytest.mark.skipif(not _openblas(), reason="this NumPy has another BLAS")


def now():
    return [lib.scipy_openblas_get_num_threads64_() for lib in _openblas()]


def test_there_is_a_core_and_not_more_than_the_machine_has():
    assert 1 <= available_cores() <= os.cpu_count()


def test_only_the_cores_that_this_process_may_use_are_counted(monkeypatch):
    """It is process 0: so a process calls itself."""
    monkeypatch.setattr(os, "sched_getaffinity", {0: {3}}.get, raising=False)
    assert available_cores() == 1


def test_a_system_without_affinities_tells_its_cores(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cores() == 6


def test_a_system_that_cannot_tell_its_cores_has_one(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


def test_the_openblas_of_a_wheel_stands_beside_its_numpy(tmp_path, monkeypatch):
    """Among other libraries, and one of another build that has no such function."""
    (tmp_path / "numpy.libs").mkdir()
    names = ["libgfortran-1.so", "libscipy_openblas64_-2.so", "libopenblas-3.so"]
    for name in names:
        (tmp_path / "numpy.libs" / name).touch()

    class Library:
        def __init__(self, path):
            self.name = Path(path).name
            if "scipy" in self.name:
                self.scipy_openblas_set_num_threads64_ = None

    monkeypatch.setattr(np, "__file__", str(tmp_path / "numpy" / "__init__.py"))
    monkeypatch.setattr("minillm.training.threads.ctypes.CDLL", Library)
    found = _openblas.__wrapped__()  # not the one that is kept for the process
    assert [lib.name for lib in found] == [names[1]]


@openblas
def test_threads_are_lent_and_given_back_when_nested_and_when_it_fails():
    before = now()
    with blas_threads(1):
        assert set(now()) == {1}
        with pytest.raises(ZeroDivisionError), blas_threads(2):
            assert set(now()) == {2}
            _ = 1 / 0
        assert set(now()) == {1}
    assert now() == before


def test_with_another_blas_nothing_happens(monkeypatch):
    monkeypatch.setattr("minillm.training.threads._openblas", list)
    with blas_threads(1):
        assert (np.eye(2) @ np.eye(2) == np.eye(2)).all()


def test_freed_memory_is_kept_in_a_process_of_its_own():
    """It is for the process as a whole, so not for the one that runs the tests."""
    program = (
        "import numpy as np; from minillm.training import keep_freed_memory\n"
        "print(keep_freed_memory(), float(np.ones(10**6).sum()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.split()[0] in ("True", "False")
    assert done.stdout.split()[1] == "1000000.0"


def test_glibc_is_asked_for_one_pool_no_mmap_below_1_gib_and_no_trimming(monkeypatch):
    """M_ARENA_MAX is -8, M_MMAP_THRESHOLD -3, M_TRIM_THRESHOLD -1, in its malloc.h."""

    class Glibc:
        def __init__(self, name):
            assert name is None  # the process itself

        def mallopt(self, parameter, value):
            asked[parameter] = value
            return 1

    asked = {}
    monkeypatch.setattr("minillm.training.threads.ctypes.CDLL", Glibc)
    assert keep_freed_memory() is True
    assert asked == {-8: 1, -3: 2**30, -1: 2**31 - 1}


def test_without_a_glibc_memory_is_left_to_the_system(monkeypatch):
    def no_library(name):
        raise OSError

    monkeypatch.setattr("minillm.training.threads.ctypes.CDLL", no_library)
    assert keep_freed_memory() is False
