"""What the laws of a device are held against: the strict stand-in, or a real GPU."""

from abc import ABC, abstractmethod
from contextlib import contextmanager, nullcontext

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from minillm.device import to_host
from tests.device.strict_backend import DeviceArray


class Device(ABC):
    """`convert` moves a NumPy array there; Device itself is what the laws ask of it."""

    def __init__(self, convert):
        self.convert = convert

    def move(self, tree):
        """A nested dict, list or tuple with every NumPy array in it moved."""
        if isinstance(tree, dict):
            return {name: self.move(part) for name, part in tree.items()}
        if isinstance(tree, list | tuple):
            return type(tree)(map(self.move, tree))
        return self.convert(tree) if isinstance(tree, np.ndarray) else tree

    def agree(self, there, here):
        """Assert that arrays are there, and hold what those on the host hold."""
        assert not any(isinstance(x, np.ndarray) for x in there)
        there = [to_host(x) for x in there]
        assert [x.dtype for x in there] == [x.dtype for x in here]
        self.compare(there, here)

    @abstractmethod
    def compare(self, there, here):
        """Assert that these arrays are as equal as this device promises."""

    @abstractmethod
    def waits(self, n):
        """A context in which the host has to wait for the device just n times."""


class StandIn(Device):
    """The same bits as NumPy, and every wait is counted."""

    def __init__(self):
        super().__init__(DeviceArray)

    def compare(self, there, here):
        for x, y in zip(there, here, strict=True):
            assert_array_equal(x, y)

    @contextmanager
    def waits(self, n):
        before = DeviceArray.syncs
        yield
        assert DeviceArray.syncs - before == n


class Gpu(Device):
    """Sums in another order: the same numbers to rounding. Nobody counts the waits.

    In float64 (eps = 2.2e-16) a sum of n terms errs by n eps of its terms at most, and
    errors add up along a chain. No sum of the laws has 100 terms, and no chain of
    forward and backward 1000 operations that err. A gradient that is zero by structure
    is rounding alone, so errors are relative to the largest number beside it, and to 1,
    the size of the numbers that the laws draw. (The catalogue in extended precision is
    1.3e-14 away from float64 at most.)
    """

    tolerance = 100 * 1000 * np.finfo(np.float64).eps

    def compare(self, there, here):
        largest = max([1.0, *(np.abs(y[np.isfinite(y)]).max(initial=0) for y in here)])
        for x, y in zip(there, here, strict=True):
            assert_allclose(x, y, rtol=0, atol=self.tolerance * largest)

    def waits(self, n):
        return nullcontext()
