"""A file that is being replaced is never half a file."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from minillm import atomic
from minillm.atomic import TEMPORARY_PREFIX, write_atomically

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX only")


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def check_untouched(target):
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def no_space(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_new_bytes_replace_the_old_ones(target):
    write_atomically(str(target), lambda file: file.write(b"new"))
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


def test_a_file_that_was_not_there_is_made(tmp_path):
    write_atomically(tmp_path / "fresh", lambda file: file.write(b"new"))
    assert (tmp_path / "fresh").read_bytes() == b"new"


def test_while_it_is_written_readers_see_the_old_file(target):
    def write(file):
        file.write(b"n" * 100_000)
        assert target.read_bytes() == b"old"
        (temporary,) = set(target.parent.iterdir()) - {target}
        assert temporary.name.startswith(TEMPORARY_PREFIX)

    write_atomically(target, write)


@posix
def test_bytes_reach_the_disk_before_the_name_and_the_name_before_the_end(
    target, monkeypatch
):
    steps = []
    fsync, replace = os.fsync, os.replace

    def recorded_fsync(descriptor):
        mode = os.fstat(descriptor).st_mode
        steps.append("folder" if stat.S_ISDIR(mode) else "bytes")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", lambda *ab: (steps.append("name"), replace(*ab)))
    write_atomically(target, lambda file: file.write(b"new"))
    assert steps == ["bytes", "name", "folder"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError])
def test_a_writer_that_fails_half_way_leaves_the_old_file(target, error):
    def write(file):
        file.write(b"half of the n")
        raise error

    with pytest.raises(error):
        write_atomically(target, write)
    check_untouched(target)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_late_leaves_the_old_file_and_is_named(target, step, monkeypatch):
    monkeypatch.setattr(os, step, no_space)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(target, lambda file: file.write(b"new"))
    monkeypatch.undo()
    assert str(target) in str(caught.value)
    check_untouched(target)


@posix
def test_a_file_beyond_the_size_limit_leaves_the_old_one(target):
    """A disk that really refuses, in the middle of the bytes."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError) as caught:
            write_atomically(target, lambda file: file.write(b"n" * 100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG and str(target) in str(caught.value)
    check_untouched(target)


@posix
def test_a_kill_in_the_middle_leaves_the_old_file(target):
    program = (
        "import os, signal, sys; from minillm.atomic import write_atomically\n"
        "def write(file): file.write(b'n' * 99999); os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_atomically(sys.argv[1], write)"
    )
    command = [sys.executable, "-c", program, str(target)]
    done = subprocess.run(command, check=False, cwd=Path(__file__).parents[1])
    assert done.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old"
    left = {path.name for path in target.parent.iterdir()} - {"file"}
    assert all(name.startswith(TEMPORARY_PREFIX) for name in left)


def test_a_missing_folder_is_reported_under_the_files_own_name(tmp_path):
    path = tmp_path / "nowhere" / "file"
    with pytest.raises(FileNotFoundError, match="nowhere") as caught:
        write_atomically(path, lambda file: file.write(b"new"))
    assert caught.value.filename == str(path)


def test_an_error_about_another_file_keeps_its_name(target):
    def write(file):
        file.write((target.parent / "source").read_bytes())

    with pytest.raises(FileNotFoundError, match="source"):
        write_atomically(target, write)


@posix
def test_a_new_file_has_the_usual_permissions(tmp_path):
    """Not those of a private temporary file: colleagues may read a checkpoint."""
    write_atomically(tmp_path / "ours", lambda file: file.write(b""))
    (tmp_path / "usual").write_bytes(b"")
    modes = {(tmp_path / name).stat().st_mode for name in ("ours", "usual")}
    assert len(modes) == 1


@posix
@pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES])
def test_a_file_system_that_cannot_flush_folders_is_forgiven(tmp_path, number, monkeypatch):
    def refuse(*args):
        raise OSError(number, "no folders")

    monkeypatch.setattr(atomic.os, "open", refuse)
    write_atomically(tmp_path / "file", lambda file: file.write(b"new"))
    assert (tmp_path / "file").read_bytes() == b"new"


@posix
def test_a_folder_whose_flush_fails_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic.os, "open", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(tmp_path / "file", lambda file: file.write(b"new"))
