"""The file format gives back what it was given, and believes nothing it is told."""

import errno
import hashlib
import json
import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.safetensors import (
    SafetensorsError,
    load,
    load_metadata,
    load_with_metadata,
    save,
)
from minillm.safetensors.header import DTYPES, MAX_HEADER_BYTES
from tests.strategies import rngs

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
names = texts.filter(lambda name: name != "__metadata__")
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)
layouts = st.sampled_from(["plain", "transposed", "strided", "big-endian", "reversed"])


def array_of(rng, dtype, shape, layout="plain"):
    """Arbitrary bits of a dtype (nan, infinities, denormals) in an awkward layout."""
    data = rng.bytes(math.prod(shape) * dtype.itemsize)
    bits = np.frombuffer(data, np.uint8)
    array = (bits % 2 if dtype.kind == "b" else bits).view(dtype).reshape(shape)
    if layout == "transposed":
        return array.T
    if layout == "strided" and shape:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if layout == "reversed" and shape:
        return array[::-1]
    return array.astype(dtype.newbyteorder(">")) if layout == "big-endian" else array


@st.composite
def tensor_dicts(draw):
    rng = draw(rngs)
    kinds = st.tuples(st.sampled_from(list(DTYPES.values())), shapes, layouts)
    drawn = draw(st.dictionaries(names, kinds, max_size=5))
    return {name: array_of(rng, *kind) for name, kind in drawn.items()}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tensors") / "model.safetensors"


def file_of(header, data=b""):
    """A file with any header, however wrong: an object for JSON, or plain bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(shape=(2,), offsets=(0, 8), dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


# --- what is saved comes back


@given(tensors=tensor_dicts(), metadata=st.dictionaries(texts, texts, max_size=3))
def test_every_array_and_text_comes_back(path, tensors, metadata):
    save(path, tensors, metadata)
    loaded, texts_loaded = load_with_metadata(path)
    assert texts_loaded == metadata == load_metadata(path)
    assert loaded.keys() == tensors.keys()
    for name, array in tensors.items():
        assert loaded[name].dtype == array.dtype.newbyteorder("=")
        assert loaded[name].shape == array.shape
        assert loaded[name].tobytes() == array.astype(loaded[name].dtype).tobytes()


@given(tensors=tensor_dicts())
def test_loaded_arrays_are_writable_and_share_nothing(path, tensors):
    save(path, tensors)
    first, second = load(path), load(path)
    for array in first.values():
        assert array.flags.writeable and array.flags.c_contiguous
        array[...] = 0
    for name, array in second.items():
        assert array.tobytes() == load(path)[name].tobytes()


@given(tensors=tensor_dicts())
def test_equal_contents_give_equal_files_whatever_the_order(path, tensors):
    digest = save(path, tensors)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest == save(path, dict(reversed(tensors.items())))
    assert digest == save(path, load(path))


@given(tensors=tensor_dicts())
def test_every_array_is_aligned_to_its_item_size(path, tensors):
    save(path, tensors)
    raw = path.read_bytes()
    n_header = int.from_bytes(raw[:8], "little")
    assert n_header % 8 == 0
    for name, field in json.loads(raw[8 : 8 + n_header]).items():
        assert field["data_offsets"][0] % tensors[name].itemsize == 0


def test_nothing_at_all_is_a_file_too(path):
    save(path, {})
    assert load_with_metadata(path) == ({}, {})


def test_a_file_made_by_hand_from_the_description_is_read(path):
    header = {"__metadata__": {"step": "7"}, "x": entry((1, 2), (0, 8))}
    path.write_bytes(file_of(header, bytes.fromhex("0000803f 000000c0")))
    tensors, metadata = load_with_metadata(path)
    assert_array_equal(tensors["x"], np.array([[1, -2]], np.float32))
    assert metadata == {"step": "7"}


@pytest.mark.parametrize("shape", [(), (3,), (3, 1), (0, 3)])
def test_bfloat16_is_read_as_the_float32_it_was_cut_from(path, shape):
    values = np.resize(np.array([1.0, -3.5, np.inf], np.float32), shape)  # short mantissas
    upper_halves = values.reshape(-1).view("<u2")[1::2]
    header = {"x": entry(shape, (0, 2 * values.size), "BF16")}
    path.write_bytes(file_of(header, upper_halves.tobytes()))
    loaded = load(path)["x"]
    assert loaded.dtype == np.float32 and loaded.shape == shape
    assert_array_equal(loaded, values)


def test_longlong_is_an_int64_by_another_name(path):
    save(path, {"x": np.arange(3, dtype=np.longlong)})
    assert load(path)["x"].dtype == np.int64


# --- what cannot be saved is refused before anything is written


@pytest.mark.parametrize(
    ("tensors", "metadata", "fault"),
    [
        ({"x": np.zeros(2, complex)}, None, "'x' is complex128; the format takes BOOL"),
        ({"x": np.array([None])}, None, "'x' is object"),
        ({"x": np.array(["text"])}, None, "'x' is <U4"),
        ({"__metadata__": np.zeros(2)}, None, "cannot be the name"),
        ({7: np.zeros(2)}, None, "7 cannot be the name"),
        ({"\ud800": np.zeros(2)}, None, "not Unicode"),
        ({"x": np.zeros(2)}, {"step": 7}, "metadata is not a mapping of texts"),
        ({"x": np.zeros(2)}, {"a": "t" * MAX_HEADER_BYTES}, "a header of 1000"),
    ],
)
def test_what_the_format_lacks_is_refused_and_the_old_file_stays(
    tmp_path, tensors, metadata, fault
):
    path = tmp_path / "model.safetensors"
    save(path, {"old": np.arange(3)})
    with pytest.raises(SafetensorsError, match=fault) as caught:
        save(path, tensors, metadata)
    assert str(path) in str(caught.value)
    assert list(load(path)) == ["old"] and list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_whole(tmp_path, monkeypatch):
    def no_space(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "model.safetensors"
    digest = save(path, {"old": np.arange(3)})
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        save(path, {"new": np.arange(100_000)})
    assert_array_equal(load(path, expected_sha256=digest)["old"], np.arange(3))
    assert list(tmp_path.iterdir()) == [path]


# --- what is read is doubted


def check_refused(path, raw, fault):
    path.write_bytes(raw)
    for read in (load, load_metadata):
        with pytest.raises(SafetensorsError, match=fault) as caught:
            read(path)
        message = str(caught.value)
        assert message.startswith(str(path)) and "\n" not in message


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", "truncated: 0 bytes"),
        (b"1234567", "truncated: 7 bytes"),
        (b"\xff" * 8, "claims a header of 18446744073709551615 bytes"),
        ((100).to_bytes(8, "little") + b"{}", "claims a header of 100 bytes; 2 are left"),
        (file_of(b""), "not UTF-8 JSON"),
        (file_of(b"\xff{}"), "not UTF-8 JSON"),
        (file_of(b"{]"), "not UTF-8 JSON"),
        (file_of(b"[" * 100_000), "not UTF-8 JSON"),
        (file_of(b'{"x":' * 100_000), "not UTF-8 JSON"),
        (file_of(b'{"x":' + b"9" * 5000 + b"}"), "not UTF-8 JSON"),
        (file_of([]), "not a JSON object"),
        (file_of(b"null"), "not a JSON object"),
        (file_of({"__metadata__": {"step": 7}}), "metadata is not"),
        (file_of({"__metadata__": None}), "metadata is not"),
        (file_of(b'{"x":{"dtype":"F32","dtype":"F32"}}'), "a key occurs twice"),
        (file_of(b'{"x":1,"x":1}'), "a key occurs twice"),
        (file_of({"x": 1}), "'x' lacks"),
        (file_of({"x": {"dtype": "F32", "shape": [2]}}), "'x' lacks"),
        (file_of({"x": entry("ab")}), "'x' lacks"),
        (file_of({"x": entry(offsets=(0, 8, 8))}), "'x' lacks"),
        (file_of({"x": entry(dtype=32)}), "'x' lacks"),
        (file_of({"x": entry(dtype="F8_E4M3")}), "'F8_E4M3', not one of BOOL"),
        (file_of({"x": entry(dtype="x" * 999)}), "not one of BOOL"),
        (file_of({"x": entry((-2,))}), "'x': shape and offsets must be whole"),
        (file_of({"x": entry((2.0,))}), "must be whole numbers"),
        (file_of({"x": entry((True, 2))}), "must be whole numbers"),
        (file_of({"x": entry(("2",))}), "must be whole numbers"),
        (file_of({"x": entry((1,) * 65, (0, 4))}), "at most 64 dimensions"),
        (file_of({"x": entry(offsets=(-8, 0))}), "must be whole numbers"),
        (file_of({"x": entry((2,), (0, 4))}, bytes(4)), "shape and its offsets disagree"),
        (file_of({"x": entry((2,), (8, 0))}, bytes(8)), "shape and its offsets disagree"),
        (file_of({"x": entry((1,), (0, 8))}, bytes(8)), "shape and its offsets disagree"),
        (file_of({"x": entry((2**58,), (0, 2**60))}), "truncated: 0 bytes of arrays"),
        (file_of({"x": entry((2**64, 0), (0, 0))}), "beyond any memory"),
        (file_of({"x": entry((2**32, 2**32), (0, 0))}), "offsets disagree"),
        (file_of({"x": entry(), "y": entry()}, bytes(8)), "'y' overlaps another"),
        (file_of({"x": entry(offsets=(4, 12))}, bytes(12)), "'x' leaves a hole"),
        (file_of({"x": entry()}, bytes(7)), "truncated: 7 bytes of arrays"),
        (file_of({"x": entry()}, bytes(9)), "trailing bytes: 9 bytes of arrays"),
    ],
)
def test_every_fault_of_a_header_is_named(path, raw, fault):
    check_refused(path, raw, fault)


def test_a_header_above_the_limit_is_refused_though_the_file_is_that_long(path):
    with open(path, "wb") as file:  # sparse: it takes no room on the disk
        file.write((MAX_HEADER_BYTES + 1).to_bytes(8, "little"))
        file.truncate(MAX_HEADER_BYTES + 1000)
    with pytest.raises(SafetensorsError, match="100000000 is the limit"):
        load(path)


def test_a_truth_value_that_is_neither_is_refused(path):
    path.write_bytes(file_of({"x": entry((2,), (0, 2), "BOOL")}, b"\x01\x02"))
    with pytest.raises(SafetensorsError, match="'x': a truth value"):
        load(path)


@given(byte=st.integers(0), bit=st.integers(0, 7))
def test_a_change_of_any_bit_is_seen_by_the_checksum(path, byte, bit):
    digest = save(path, {"x": np.arange(5.0), "y": np.arange(3)}, {"step": "7"})
    raw = bytearray(path.read_bytes())
    assert load(path, expected_sha256=digest.upper()).keys() == {"x", "y"}
    raw[byte % len(raw)] ^= 1 << bit
    path.write_bytes(raw)
    with pytest.raises(SafetensorsError):
        load(path, expected_sha256=digest)


def test_a_wrong_checksum_is_named(path):
    save(path, {"x": np.arange(5.0)})
    with pytest.raises(SafetensorsError, match="expected 1234: the file was changed"):
        load(path, expected_sha256="1234")


def test_what_is_not_there_or_not_a_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.safetensors"):
        load(tmp_path / "no.safetensors")
    with pytest.raises(OSError, match=tmp_path.name):
        load(tmp_path)


def read_or_refuse(path, raw):
    path.write_bytes(raw)
    try:
        return load_with_metadata(path)
    except SafetensorsError as fault:
        assert str(fault).startswith(str(path))
        return None


@given(raw=st.binary(max_size=64), header=st.binary(max_size=64))
def test_random_bytes_give_nothing_but_a_named_fault(path, raw, header):
    read_or_refuse(path, raw)
    read_or_refuse(path, file_of(header, raw))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
fields = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*DTYPES, "BF16"]) | json_values,
        "shape": st.lists(st.integers(-1, 2**65), max_size=3) | json_values,
        "data_offsets": st.lists(st.integers(-1, 2**65), max_size=3) | json_values,
    }
)


@given(
    header=st.dictionaries(texts | st.just("__metadata__"), fields | json_values),
    data=st.binary(max_size=16),
)
def test_any_json_gives_nothing_but_a_named_fault(path, header, data):
    read_or_refuse(path, file_of(header, data))


@given(tensors=tensor_dicts(), data=st.data())
def test_every_truncation_and_extension_is_refused(path, tensors, data):
    save(path, tensors, {"step": "7"})
    raw = path.read_bytes()
    assert read_or_refuse(path, raw[: data.draw(st.integers(0, len(raw) - 1))]) is None
    assert read_or_refuse(path, raw + b"\0") is None


@given(tensors=tensor_dicts(), data=st.data())
def test_mutations_are_refused_or_read_as_arrays_of_the_same_bytes(path, tensors, data):
    save(path, tensors, {"step": "7"})
    raw = bytearray(path.read_bytes())
    n_header = 8 + int.from_bytes(raw[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, n_header - 1))
        length = data.draw(st.integers(0, 2))
        raw[at : at + length] = data.draw(st.binary(max_size=2))
    if (read := read_or_refuse(path, bytes(raw))) is not None:
        assert sum(array.nbytes for array in read[0].values()) <= 2 * len(raw)
