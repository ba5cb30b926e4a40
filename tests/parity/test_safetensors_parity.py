"""Files travel both ways between our reader and writer and the library's."""

import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.safetensors import SafetensorsError, load_with_metadata, save
from minillm.safetensors.header import DTYPES
from tests.strategies import rngs

library = pytest.importorskip("safetensors")
library_numpy = pytest.importorskip("safetensors.numpy")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def tensor_dicts(draw):
    rng = draw(rngs)
    kinds = st.tuples(st.sampled_from(list(DTYPES.values())), shapes)
    names = texts.filter(lambda name: name != "__metadata__")
    drawn = draw(st.dictionaries(names, kinds, max_size=5))
    return {
        name: rng.integers(0, 2, math.prod(shape)).astype(dtype).reshape(shape)
        for name, (dtype, shape) in drawn.items()
    }


metadata_dicts = st.dictionaries(texts, texts, max_size=3)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("parity") / "model.safetensors"


def read_with_library(path):
    with library.safe_open(path, framework="np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, file.metadata() or {}


def check_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype and array.shape == theirs[name].shape
        assert_array_equal(array, theirs[name])


@given(tensors=tensor_dicts(), metadata=metadata_dicts)
def test_the_library_reads_what_we_write(path, tensors, metadata):
    save(path, tensors, metadata)
    loaded, loaded_metadata = read_with_library(path)
    check_equal(tensors, loaded)
    assert loaded_metadata == metadata


@given(tensors=tensor_dicts(), metadata=metadata_dicts)
def test_we_read_what_the_library_writes(path, tensors, metadata):
    # None for no metadata: from {} the library (0.8) makes a header that is not JSON
    library_numpy.save_file(tensors, path, metadata or None)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    loaded, loaded_metadata = load_with_metadata(path, expected_sha256=digest)
    check_equal(tensors, loaded)
    assert loaded_metadata == metadata


def test_we_read_bfloat16_as_torch_does(path):
    torch = pytest.importorskip("torch")
    library_torch = pytest.importorskip("safetensors.torch")
    x = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    library_torch.save_file({"x": x}, path)
    assert_array_equal(load_with_metadata(path)[0]["x"], x.float().numpy())


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
