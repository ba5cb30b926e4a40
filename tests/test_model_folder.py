"""A model's folder holds the old set or the new one, whole, and nobody else's files."""

import errno
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.atomic import TEMPORARY_PREFIX
from minillm.model_folder import FolderError, ModelFolder
from minillm.safetensors import SafetensorsError
from tests.ordinary_user import folder_of_an_ordinary_user

LEFTOVER = TEMPORARY_PREFIX + "0123456789abcdef"


def arrays(step):
    """What a set of a step holds, so that a mixture of two would show."""
    model = {"weight": np.full((2, 3), step, np.float32), "bias": np.full(2, step + 0.5)}
    return model, {"optimizer.m": np.full(6, -step, np.float32), "t": np.array(step)}


def write(folder, step):
    folder.write_set(step, *arrays(step), {"losses": [step / 2]})


def read(folder):
    """The step of the current set, which is asserted to be whole and of one piece."""
    current = folder.current()
    step = current["step"]
    for kind, expected in zip(("model", "optimizer"), arrays(step), strict=True):
        found = folder.read_arrays(kind)
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            assert_array_equal(found[name], array)
    assert current["state"] == {"losses": [step / 2]}
    return step


def make(path):
    folder = ModelFolder(path)
    folder.claim()
    folder.write_json("config.json", {"size": 3})
    folder.write_json("tokenizer.json", {"merges": []})
    return folder


@pytest.fixture
def folder(tmp_path):
    return make(tmp_path / "model")


def names(folder):
    return sorted(path.name for path in folder.path.iterdir())


def contents(path):
    return {p.name: p.read_bytes() if p.is_file() else None for p in path.iterdir()}


SET_OF_7 = ["model-000007.safetensors", "optimizer-000007.safetensors"]
DESCRIBED = ["config.json", "tokenizer.json"]


# --- what may be used, and what may not


@pytest.mark.parametrize("name", ["new", "new/in/new"])
def test_a_new_folder_is_made(tmp_path, name):
    ModelFolder(tmp_path / name).claim()
    assert (tmp_path / name).is_dir()


def test_a_folder_that_is_empty_ours_or_was_left_by_a_kill_is_accepted(tmp_path, folder):
    ModelFolder(tmp_path / "model").claim()  # ours
    (tmp_path / "empty").mkdir()
    ModelFolder(tmp_path / "empty").claim()
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / LEFTOVER).write_bytes(b"half of a confi")
    ModelFolder(tmp_path / "killed").claim()


@pytest.mark.parametrize(
    "config",
    [
        None,
        b"",
        b'{"format": "minillm-1"',
        b'{"format": "another"}',
        b"[]",
        b'"minillm-1"',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
def test_a_folder_with_something_else_is_refused_and_keeps_every_byte(tmp_path, config):
    (tmp_path / "thesis.txt").write_text("ten years of work")
    (tmp_path / "model-000001.safetensors").write_bytes(b"of somebody else")
    (tmp_path / LEFTOVER).write_bytes(b"?")
    if config is not None:
        (tmp_path / "config.json").write_bytes(config)
    before = contents(tmp_path)
    with pytest.raises(FolderError, match=r"holds something else .*give an empty or a new"):
        ModelFolder(tmp_path).claim()
    assert contents(tmp_path) == before


def test_a_config_that_is_a_folder_is_something_else(tmp_path):
    (tmp_path / "config.json").mkdir()
    with pytest.raises(FolderError, match="something else"):
        ModelFolder(tmp_path).claim()


def test_a_file_in_the_folders_place_is_refused_and_kept(tmp_path):
    path = tmp_path / "model"
    path.write_text("a file")
    with pytest.raises(FolderError, match="is a file: give a folder"):
        ModelFolder(path).claim()
    assert path.read_text() == "a file"


def test_nothing_is_touched_before_it_is_asked_for(tmp_path):
    folder = ModelFolder(tmp_path / "model")
    assert not folder.is_ours() and not folder.has_set()
    assert list(tmp_path.iterdir()) == []


def test_other_peoples_files_in_our_folder_survive_saving_and_clearing(folder):
    others = ["notes.txt", "model-12.safetensors", "my-model-000001.safetensors"]
    others += ["model-000001.safetensors.bak", "model-٠٠٠٠٠١.safetensors"]
    for name in others:
        (folder.path / name).write_text("mine")
    for step in (1, 7):
        write(folder, step)
    assert names(folder) == sorted([*others, *SET_OF_7, *DESCRIBED, "trainer.json"])
    folder.clear()
    assert names(folder) == sorted(others)


# --- writing


def test_the_current_set_comes_back_and_older_ones_are_gone(folder):
    for step in (0, 3, 7):
        write(folder, step)
        assert read(folder) == read(ModelFolder(str(folder.path))) == step
    assert names(folder) == sorted([*SET_OF_7, *DESCRIBED, "trainer.json"])


def test_a_million_steps_have_names_too(folder):
    write(folder, 999_999)
    write(folder, 12_345_678)
    assert read(folder) == 12_345_678
    assert "model-12345678.safetensors" in names(folder) and len(names(folder)) == 5


class Killed(BaseException):
    """Not an Exception: nothing may catch it and tidy up."""


class Mortal:
    """Counts what changes the disk; dies at the n-th change, and stays dead."""

    def __init__(self, patch, n):
        self.left, self.done = n, []
        for owner, name in [(os, "fsync"), (os, "replace"), (Path, "unlink")]:
            patch.setattr(owner, name, self.watch(name, getattr(owner, name)))

    def watch(self, name, real):
        def watched(*args, **kwargs):
            if self.left == 0:
                raise Killed
            self.left -= 1
            self.done.append((name, str(args[-1])))
            return real(*args, **kwargs)

        return watched


def lives(n, do):
    """Do it with n changes of the disk to live for; the changes, if it was enough."""
    with pytest.MonkeyPatch.context() as patch:
        mortal = Mortal(patch, n)
        try:
            do()
        except Killed:
            return None
        return mortal.done


def test_a_kill_at_any_moment_leaves_the_old_set_or_the_new_one_whole(tmp_path):
    outcomes = []
    for n in range(100):
        folder = make(tmp_path / f"{n}")
        write(folder, 1)
        changes = lives(n, lambda folder=folder: write(folder, 7))
        outcomes.append(read(folder))
        folder.claim()
        write(folder, 8)  # what the dead left behind does no harm, and goes
        assert read(folder) == 8 and len(names(folder)) == 5
        if changes:
            break
    assert len(outcomes) > 10 and outcomes == sorted(outcomes)  # from then on the new one
    assert {*outcomes} == {1, 7}


def test_a_kill_during_the_first_set_leaves_none_or_a_whole_one(tmp_path):
    for n in range(100):
        folder = make(tmp_path / f"{n}")
        changes = lives(n, lambda folder=folder: write(folder, 7))
        if folder.has_set():
            assert read(folder) == 7
        if changes:
            assert folder.has_set()
            break
        folder.claim()
        write(folder, 8)
        assert read(folder) == 8 and len(names(folder)) == 5


def test_a_kill_while_clearing_leaves_a_folder_that_can_be_claimed_again(tmp_path):
    for n in range(100):
        folder = make(tmp_path / f"{n}")
        write(folder, 7)
        changes = lives(n, folder.clear)
        assert not folder.has_set() or read(folder) == 7
        folder.claim()
        if changes:
            break
    assert names(folder) == []


def test_an_old_set_is_deleted_only_when_trainer_json_names_the_new_one(folder):
    write(folder, 1)
    changes = lives(100, lambda: write(folder, 7))
    replaced = [Path(path).name for what, path in changes if what == "replace"]
    assert replaced == [*SET_OF_7, "trainer.json"]
    kinds = [what for what, _ in changes]
    last_rename = len(kinds) - 1 - kinds[::-1].index("replace")
    assert kinds.index("unlink") > last_rename
    assert "fsync" in kinds[last_rename + 1 : kinds.index("unlink")] or os.name == "nt"


def full(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read_only(path, mode="r", *args, **kwargs):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))


@pytest.mark.parametrize(
    ("owner", "name", "fault", "message"),
    [
        ("os", "fsync", full, "No space left"),
        ("os", "replace", full, "No space left"),
        ("minillm.atomic", "open", read_only, "Read-only"),
    ],
)
def test_a_disk_that_refuses_is_named_and_the_saved_set_survives(
    folder, monkeypatch, owner, name, fault, message
):
    write(folder, 1)
    before = contents(folder.path)
    with monkeypatch.context() as patch:
        patch.setattr(f"{owner}.{name}", fault, raising=False)
        with pytest.raises(OSError, match=message) as caught:
            write(folder, 7)
    assert str(folder.path / SET_OF_7[0]) in str(caught.value)
    assert contents(folder.path) == before and read(folder) == 1


def test_a_disk_that_is_really_full_at_any_byte_leaves_the_saved_set(folder):
    resource = pytest.importorskip("resource")
    write(folder, 1)
    sizes = [path.stat().st_size for path in folder.path.iterdir()]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in sorted({0, 8, *(size - 1 for size in sizes)} - {max(sizes)}):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
            with pytest.raises(OSError) as caught:
                write(folder, 7)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert str(folder.path) in str(caught.value) and TEMPORARY_PREFIX not in str(
            caught.value
        )
        assert read(folder) == 1


def test_a_read_only_folder_is_named():
    with folder_of_an_ordinary_user() as path:
        folder = make(path / "model")
        write(folder, 1)
        folder.path.chmod(0o500)
        try:
            with pytest.raises(PermissionError, match=re.escape(str(folder.path))):
                write(folder, 7)
            assert read(folder) == 1
        finally:
            folder.path.chmod(0o700)


def test_what_json_cannot_hold_costs_no_saved_set(folder):
    write(folder, 1)
    with pytest.raises(TypeError):
        folder.write_set(7, *arrays(7), {"losses": object()})
    assert read(folder) == 1


# --- reading with care


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder that is damaged and repaired again and again, and its good contents."""
    folder = make(tmp_path_factory.mktemp("saved"))
    write(folder, 7)
    return folder, contents(folder.path)


FILES = [*SET_OF_7, *DESCRIBED, "trainer.json"]
DAMAGED = (FolderError, SafetensorsError)


def damage(saved, name, data):
    """Read the folder with other bytes in one file: the error, or None if it was read."""
    folder, good = saved
    path = folder.path / name
    try:
        if data is None:
            path.unlink()
        else:
            path.write_bytes(data)
        return None if read(folder) == 7 else "another step"
    except DAMAGED as error:
        assert "\n" not in str(error)
        return str(error)
    finally:
        path.write_bytes(good[name])


@given(st.sampled_from(FILES[:-1]), st.integers(0, 10**6), st.integers(1, 255))
def test_one_changed_byte_is_noticed_and_its_file_named(saved, name, place, flip):
    data = bytearray(saved[1][name])
    data[place % len(data)] ^= flip
    assert name in damage(saved, name, bytes(data))


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_one_changed_byte_in_trainer_json_changes_no_weight(saved, place, flip):
    """It has no checksum of its own: history may differ, step and arrays may not."""
    folder, good = saved
    data = bytearray(good["trainer.json"])
    data[place % len(data)] ^= flip
    (folder.path / "trainer.json").write_bytes(data)
    try:
        assert folder.current()["step"] == 7
        for kind, expected in zip(("model", "optimizer"), arrays(7), strict=True):
            found = folder.read_arrays(kind)
            assert all((found[name] == expected[name]).all() for name in expected)
    except DAMAGED as error:
        assert str(folder.path) in str(error)
    finally:
        (folder.path / "trainer.json").write_bytes(good["trainer.json"])


@given(st.sampled_from(FILES), st.integers(0, 10**6))
def test_a_truncated_file_is_noticed_and_named(saved, name, length):
    data = saved[1][name]
    if name == "trainer.json":
        data = data.rstrip()  # without its last newline it is whole
    assert name in damage(saved, name, data[: length % len(data)])


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_noticed_and_named(saved, name):
    assert f"{name} is missing" in damage(saved, name, None)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "data", [b"PK\x03\x04 a zip file", b"{}", b"[1, 2]", b"\x80\x05K."]
)
def test_a_foreign_file_is_noticed_and_named(saved, name, data):
    assert name in damage(saved, name, data)


def test_a_file_swapped_for_that_of_another_step_is_noticed(tmp_path, saved):
    other = make(tmp_path / "other")
    write(other, 8)
    data = (other.path / "model-000008.safetensors").read_bytes()
    assert "its SHA-256 is" in damage(saved, SET_OF_7[0], data)


def test_a_file_too_large_to_be_ours_is_not_read(saved):
    folder, good = saved
    path = folder.path / "trainer.json"
    try:
        with open(path, "wb") as file:
            file.truncate(1 << 40)  # a hole: it takes no room
        with pytest.raises(FolderError, match=r"trainer\.json is too large"):
            folder.current()
    finally:
        path.write_bytes(good["trainer.json"])


def retold(saved, change):
    """Read the folder with another trainer.json."""
    content = json.loads(saved[1]["trainer.json"])
    change(content)
    return damage(saved, "trainer.json", json.dumps(content).encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
PLACES = [
    *[(field,) for field in ("format", "step", "set", "sha256")],
    *[("set", kind) for kind in ("model", "optimizer")],
    *[("sha256", name) for name in SET_OF_7],
]


@given(st.sampled_from(PLACES), json_values)
def test_anything_at_all_in_trainer_json_is_refused_by_name(saved, place, value):
    *path, last = place

    def change(content):
        for key in path:
            content = content[key]
        content[last] = value

    assert re.search(r"trainer\.json|another step|SHA-256", retold(saved, change) or "")


@given(json_values)
def test_a_trainer_json_that_is_anything_at_all_is_refused(saved, value):
    assert "trainer.json" in damage(saved, "trainer.json", json.dumps(value).encode())


@pytest.mark.parametrize("field", ["format", "step", "set", "sha256", "state"])
def test_a_field_that_is_missing_or_of_another_type_is_refused(saved, field):
    assert "trainer.json" in retold(saved, lambda content: content.pop(field))
    for value in (None, True, 7.0, "7", []):
        error = retold(saved, lambda content, value=value: content.update({field: value}))
        assert "trainer.json" in error


def test_true_is_no_step_although_python_counts_it_as_1(folder):
    write(folder, 1)
    path = folder.path / "trainer.json"
    path.write_text(path.read_text().replace('"step": 1', '"step": true'))
    with pytest.raises(FolderError, match=r"trainer\.json: step is missing or wrong"):
        folder.current()


@pytest.mark.parametrize("step", [-1, 10**4000])
def test_a_step_that_no_training_takes_is_refused(saved, step):
    names = {kind: f"{kind}-{step:06d}.safetensors" for kind in ("model", "optimizer")}
    error = retold(saved, lambda content: content.update(step=step, set=names))
    assert "trainer.json names no model file" in error


@pytest.mark.parametrize(
    "name",
    [
        "../model-000007.safetensors",
        "/etc/passwd",
        "sub/model-000007.safetensors",
        "..\\model-000007.safetensors",
        "model-000007.safetensors\n",
        "model-000007.safetensors\x00",
        "model-" + "7" * 5000 + ".safetensors",
        "config.json",
        "",
    ],
)
def test_a_path_elsewhere_is_not_followed(saved, name):
    folder, good = saved
    outside = folder.path.parent / "model-000007.safetensors"
    outside.write_bytes(good[SET_OF_7[0]])

    def change(content):
        content["set"]["model"] = name
        content["sha256"][name] = content["sha256"][SET_OF_7[0]]

    assert "trainer.json names no model file" in retold(saved, change)


def test_a_file_without_a_checksum_is_not_believed(saved):
    error = retold(saved, lambda content: content["sha256"].pop(SET_OF_7[1]))
    assert f"has no checksum of {SET_OF_7[1]}" in error


def test_a_step_is_written_once(folder):
    """Its files are those that the current set names: no kill may come between them."""
    write(folder, 1)
    with pytest.raises(FolderError, match="holds step 1 already"):
        write(folder, 1)
    assert read(folder) == 1


def test_a_reader_finds_the_set_that_replaces_the_one_it_looked_for(folder, monkeypatch):
    write(folder, 1)
    old = folder.current()
    write(folder, 2)
    answers = [old]
    new = ModelFolder.current
    monkeypatch.setattr(
        ModelFolder, "current", lambda self: answers.pop() if answers else new(self)
    )
    assert_array_equal(folder.read_arrays("model")["weight"], arrays(2)[0]["weight"])
