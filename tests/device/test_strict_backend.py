"""The stand-in refuses what CuPy refuses or hides, and computes the rest like NumPy."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.device.cupy_rules import API, RefusedError
from tests.device.snippets import ACCEPTED, REFUSED, STRICTER, WAITS, run
from tests.device.strict_backend import DeviceArray


def test_sixty_things_and_more_are_refused_that_cupy_refuses():
    assert len(set(REFUSED)) == len(REFUSED) > 60


@pytest.mark.parametrize("snippet", REFUSED + STRICTER)
def test_it_refuses(snippet):
    with pytest.raises(RefusedError):
        run(snippet, DeviceArray)


WRONG = {
    "x[v]": IndexError,
    "x['a']": IndexError,
    "x[5]": IndexError,
    "x.tobytes()": AttributeError,
    "x.put(i, 1.0)": AttributeError,
    "x.ctypes": AttributeError,
    "x.shape = (12,)": AttributeError,
    "hash(x)": TypeError,
    "iter(z)": TypeError,
    "DeviceArray(np.array(['a']))": ValueError,
    "DeviceArray(np.array([None]))": ValueError,
    "DeviceArray(np.array([1], np.longdouble))": ValueError,
}


@pytest.mark.parametrize("snippet", WRONG)
def test_it_has_no(snippet):
    with pytest.raises(WRONG[snippet]):
        run(snippet, DeviceArray)


@pytest.mark.parametrize("snippet", ACCEPTED)
def test_it_computes_as_numpy_and_never_waits(snippet):
    DeviceArray.syncs = 0
    computed = run(snippet, DeviceArray)
    assert isinstance(computed, DeviceArray)
    assert DeviceArray.syncs == 0
    expected = run(snippet, np.copy)
    assert computed.dtype == expected.dtype
    assert_array_equal(computed.get(), expected)


@pytest.mark.parametrize("snippet", WAITS)
def test_it_counts_the_wait_of(snippet):
    DeviceArray.syncs = 0
    run(snippet, DeviceArray)
    assert DeviceArray.syncs >= 1


@pytest.mark.parametrize(
    "snippet", ["x.shape", "len(x)", "x.dtype", "np.shape(x)", "repr(x)"]
)
def test_metadata_stays_on_the_host_and_is_free(snippet):
    DeviceArray.syncs = 0
    assert not isinstance(run(snippet, DeviceArray), DeviceArray)
    assert DeviceArray.syncs == 0


def test_slices_are_views_and_copies_are_not():
    x = DeviceArray(np.zeros((2, 3)))
    x[0][1] = 1.0
    x.T[2] = 2.0
    x.copy()[...] = 9.0
    assert_array_equal(x.get(), [[0, 1, 2], [0, 0, 2]])


def test_moving_there_copies_and_moving_back_counts():
    host = np.zeros(2)
    x = DeviceArray(host)
    host[...] = 1
    DeviceArray.syncs = 0
    back = x.get()
    back[...] = 2
    assert_array_equal(x.get(), [0, 0])
    assert DeviceArray.syncs == 2


def test_a_view_knows_whose_memory_it_is():
    x = DeviceArray(np.zeros((2, 6)))
    window = x.reshape(-1)[2:8].reshape(2, 3)
    assert window.base is x and x.T.base is x and x[0].base is x
    assert x.base is None and (x + 1).base is None and x.copy().base is None
    assert x.T.reshape(-1).base is None  # a copy


def test_a_deep_copy_owns_its_memory():
    x = DeviceArray(np.zeros(2))
    copy.deepcopy(x)[...] = 1.0
    assert_array_equal(x.get(), [0, 0])


def test_the_table_is_that_of_a_real_cupy():
    assert len(API["functions"]) > 250 and len(API["ufuncs"]) > 80
    assert API["ufuncs"]["maximum"] == ["__call__", "outer", "at"]
