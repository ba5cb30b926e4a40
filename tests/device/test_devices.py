"""A law that could not fail would prove nothing of a device."""

import numpy as np
import pytest

from tests.device.devices import Gpu, StandIn
from tests.device.strict_backend import DeviceArray

X = np.random.default_rng(0).normal(size=(3, 4))
DEVICES = [StandIn(), Gpu(DeviceArray)]
each = pytest.mark.parametrize("device", DEVICES, ids=["stand-in", "gpu"])


@each
def test_what_is_there_agrees_with_itself(device):
    device.agree([DeviceArray(X), DeviceArray(X[0])], [X, X[0]])


@each
def test_another_number_is_noticed(device):
    off = X + 1e-9 * (X.max() == X)
    with pytest.raises(AssertionError):
        device.agree([DeviceArray(X), DeviceArray(off)], [X, X])


@each
def test_a_nan_another_dtype_and_an_array_too_few_are_noticed(device):
    with np.errstate(invalid="ignore"):
        nan = np.where(X > 0, X, np.nan)
    for wrong in ([nan], [X.astype(np.float32)], [X, X], []):
        with pytest.raises((AssertionError, ValueError)):
            device.agree([DeviceArray(x) for x in wrong], [X])


@each
def test_what_stayed_on_the_host_is_noticed(device):
    with pytest.raises(AssertionError):
        device.agree([X], [X])


def test_the_stand_in_asks_for_the_same_bits_and_a_gpu_for_rounding():
    off = X * (1 + 1e-15)
    Gpu(DeviceArray).agree([DeviceArray(off)], [X])
    with pytest.raises(AssertionError):
        StandIn().agree([DeviceArray(off)], [X])


@pytest.mark.parametrize("n", [0, 1, 3])
def test_one_wait_more_or_less_is_noticed(n):
    x = DeviceArray(X)
    for waits in range(5):
        if waits == n:
            with StandIn().waits(n):
                [x.get() for _ in range(waits)]
            continue
        with pytest.raises(AssertionError), StandIn().waits(n):
            [x.get() for _ in range(waits)]


def test_a_tree_is_moved_whole_and_what_is_no_array_stays():
    there = StandIn().move({"a": [X, ("text", 2.0)], "b": (X, None)})
    assert isinstance(there["a"][0], DeviceArray) and isinstance(there["b"][0], DeviceArray)
    assert (there["a"][1], there["b"][1]) == (("text", 2.0), None)
