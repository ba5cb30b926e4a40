"""Files travel both ways between our reader and writer and the library's, bit for bit."""

import hashlib
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.safetensors import SafetensorsError, load_with_metadata, save
from minillm.safetensors.header import DTYPES
from tests.parity.libraries import library
from tests.strategies import rngs

safetensors = library("safetensors")
of_numpy = library("safetensors.numpy")
torch = library("torch")
of_torch = library("safetensors.torch")

ODD = ["", " ", "a.b.0", "a/b", "\0", "\x7f\x80", '"\\', "\n\r\t", "ü", "u\u0308", "😀"]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    [*ODD, "a" * 999]
)
EVERY = tuple(DTYPES.values())
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)
names = texts.filter(lambda name: name != "__metadata__")
metadata_dicts = st.dictionaries(texts, texts, max_size=3)
TORCH = {
    "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16,
    "I32": torch.int32, "I64": torch.int64, "F16": torch.float16, "F32": torch.float32,
    "F64": torch.float64, "U16": torch.uint16, "U32": torch.uint32, "U64": torch.uint64,
}  # fmt: skip


def any_bits(rng, shape, dtype):
    """Every pattern: subnormal numbers, infinities, NaN with all payloads; often -0.0."""
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    x = np.frombuffer(rng.bytes(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)
    return np.where(rng.random(shape) < 0.2, -np.zeros(1, dtype), x)


@st.composite
def tensor_dicts(draw, dtypes=EVERY):
    rng = draw(rngs)
    kinds = st.tuples(st.sampled_from(dtypes), shapes)
    drawn = draw(st.dictionaries(names, kinds, max_size=5))
    return {name: any_bits(rng, shape, dtype) for name, (dtype, shape) in drawn.items()}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("parity") / "model.safetensors"


def read_with_library(path):
    with safetensors.safe_open(path, framework="np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, file.metadata() or {}


def check_equal(ours, theirs):
    """The bits: NaN is equal to itself here, and -0.0 is not 0.0."""
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype and array.shape == theirs[name].shape
        assert array.tobytes() == theirs[name].tobytes()


@given(tensors=tensor_dicts(), metadata=metadata_dicts)
def test_the_library_reads_what_we_write(path, tensors, metadata):
    save(path, tensors, metadata)
    loaded, loaded_metadata = read_with_library(path)
    check_equal(tensors, loaded)
    assert loaded_metadata == metadata


@given(tensors=tensor_dicts(), metadata=metadata_dicts)
def test_we_read_what_the_library_writes(path, tensors, metadata):
    # None for no metadata: from {} the library (0.8) makes a header that is not JSON
    of_numpy.save_file(tensors, path, metadata or None)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    loaded, loaded_metadata = load_with_metadata(path, expected_sha256=digest)
    check_equal(tensors, loaded)
    assert loaded_metadata == metadata


BY_SIZE = {
    size: [dtype for dtype in DTYPES.values() if dtype.itemsize == size]
    for size in (1, 2, 4, 8)
}


@given(data=st.data(), text=st.none() | st.tuples(texts, texts))
def test_the_two_write_the_same_bytes(path, data, text):
    """Where the format leaves no choice: one dtype a size, and one text at most.

    Among dtypes of one size theirs sorts by dtype before name; its texts come in any order.
    """
    dtypes = tuple(data.draw(st.sampled_from(kinds)) for kinds in BY_SIZE.values())
    tensors = data.draw(tensor_dicts(dtypes))
    metadata = None if text is None else dict([text])
    of_numpy.save_file(tensors, path, metadata)
    theirs = path.read_bytes()
    digest = save(path, tensors, metadata)
    assert path.read_bytes() == theirs
    assert digest == hashlib.sha256(theirs).hexdigest()


@given(rng=rngs, shape=shapes, layout=st.sampled_from(["turned", "strided", "big", "one"]))
def test_whatever_lies_oddly_in_memory_is_written_in_order(path, rng, shape, layout):
    x = any_bits(rng, (*shape, 6), np.dtype("<f4"))
    x = {
        "turned": x.T,
        "strided": x[..., ::-2],
        "big": x.astype(">f4"),
        "one": np.broadcast_to(x[..., :1], x.shape),
    }[layout]
    save(path, {"x": x})
    of_library = read_with_library(path)[0]["x"]
    assert of_library.tobytes() == np.ascontiguousarray(x, "<f4").tobytes()


@given(rng=rngs, shape=shapes)
def test_every_dtype_travels_to_torch_and_back(path, rng, shape):
    assert TORCH.keys() == DTYPES.keys()
    tensors = {name: any_bits(rng, shape, dtype) for name, dtype in DTYPES.items()}
    save(path, tensors)
    theirs = of_torch.load_file(path)
    assert {name: x.dtype for name, x in theirs.items()} == TORCH
    of_torch.save_file(theirs, path)
    check_equal(tensors, load_with_metadata(path)[0])


def test_every_bfloat16_is_read_as_torch_reads_it(path):
    """The format's BF16 comes as float32, all 65536 of them."""
    x = torch.arange(2**16, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16)
    of_torch.save_file({"x": x}, path)
    ours = load_with_metadata(path)[0]["x"]
    assert_array_equal(ours.view(np.uint32) >> 16, np.arange(2**16))
    assert not (ours.view(np.uint32) & 0xFFFF).any()
    assert_array_equal(ours, x.float().numpy())


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2", "complex64"])
def test_what_the_library_has_beyond_our_dtypes_is_refused_by_name(path, dtype):
    of_torch.save_file({"odd": torch.zeros(3, dtype=getattr(torch, dtype))}, path)
    with pytest.raises(SafetensorsError, match=re.escape("tensor 'odd' has dtype")):
        load_with_metadata(path)


@given(tensors=tensor_dicts(), data=st.data())
def test_whatever_damaged_file_we_accept_the_library_reads_alike(path, tensors, data):
    """We are nowhere more trusting than the library."""
    save(path, tensors, {"step": "7"})
    raw = bytearray(path.read_bytes())
    n_header = 8 + int.from_bytes(raw[:8], "little")
    at = data.draw(st.integers(0, n_header - 1))
    raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    path.write_bytes(raw)
    try:
        ours, metadata = load_with_metadata(path)
    except SafetensorsError:
        return
    theirs, their_metadata = read_with_library(path)
    check_equal(ours, theirs)
    assert metadata == their_metadata


@given(tensors=tensor_dicts(), data=st.data())
def test_a_file_cut_short_is_refused_by_both(path, tensors, data):
    save(path, tensors, {"step": "7"})
    raw = path.read_bytes()
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(SafetensorsError):
        load_with_metadata(path)
    with pytest.raises(safetensors.SafetensorError):
        read_with_library(path)
