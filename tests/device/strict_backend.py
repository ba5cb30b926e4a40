"""A stand-in for CuPy arrays on a machine without a GPU, stricter than they are.

Library code that says `np.` runs on CuPy through NumPy's own protocols: NEP 13
(ufuncs), NEP 18 (functions) and NEP 35 (`like=`). DeviceArray answers the same
protocols over a hidden NumPy array, and lets a call pass only if

  * the real CuPy takes it: that function, that ufunc method, those keywords, and
    device arrays alone, as CuPy never turns into NumPy silently or back;
  * it does not copy in secret: a host array or list as an index or a value;
  * its result is defined: no two values assigned to one place.

What makes the host wait for the device is allowed, but counted in
`DeviceArray.syncs`: float(x), bool(x), x.item(), x.get(), x[mask], np.nonzero(x).
"""

from functools import partial
from types import SimpleNamespace

import numpy as np

from tests.device.cupy_rules import (
    ATTRIBUTES,
    DTYPES,
    FROM_HOST,
    IN_PLACE,
    METADATA,
    METHODS,
    VIEWS,
    WAITS,
    OnDevice,
    RefusedError,
    check_distinct,
    check_function,
    check_method,
    check_ufunc,
    index_kinds,
    path_of,
)


class DeviceArray(np.lib.mixins.NDArrayOperatorsMixin, OnDevice):
    """`DeviceArray(host)` copies a NumPy array to the device; `x.get()` copies it back."""

    __slots__ = ("_host", "base")  # base: whose memory this is a view of, or None
    syncs = 0  # device-to-host copies since a test last set it to 0

    def __init__(self, host):
        if isinstance(host, DeviceArray):
            raise RefusedError("the array is on the device already")
        array = np.array(host)
        if array.dtype.char not in DTYPES:
            raise ValueError(f"CuPy has no dtype {array.dtype}")
        self._host, self.base = array, None

    @classmethod
    def around(cls, host, seen_from=None):
        """A device array that is this memory: views stay views."""
        array = cls.__new__(cls)
        array._host, array.base = host, None
        if seen_from is not None and np.may_share_memory(host, seen_from.peek()):
            array.base = seen_from if seen_from.base is None else seen_from.base
        return array

    def __deepcopy__(self, memo):
        return DeviceArray.around(self._host.copy())

    def peek(self):
        """The values, for the stand-in's own checks: not counted."""
        return self._host

    # -- what makes the host wait --------------------------------------------------

    def get(self):
        DeviceArray.syncs += 1
        return self._host.copy()

    def __array__(self, dtype=None, copy=None):
        raise RefusedError("a device array does not turn into a NumPy array: say x.get()")

    def item(self):
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def __bool__(self):
        return bool(self.get())

    def __int__(self):
        return int(self.get())

    def __float__(self):
        return float(self.get())

    def __complex__(self):
        return complex(self.get())

    def __format__(self, spec):
        return format(self.get(), spec)

    def __repr__(self):
        return f"DeviceArray({self._host!r})"  # in assertions: not counted

    # -- what does not -------------------------------------------------------------

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __getattr__(self, name):
        if name in ATTRIBUTES:
            return getattr(self._host, name)
        if name in VIEWS:
            return wrap(getattr(self._host, name), self)
        if name == "flags":
            order = self._host.flags
            return SimpleNamespace(
                c_contiguous=order.c_contiguous, f_contiguous=order.f_contiguous
            )
        if name not in METHODS:
            raise AttributeError(f"DeviceArray has no '{name}'")
        return partial(self._call_method, name)

    def _call_method(self, name, *args, **kwargs):
        check_method(name, args, kwargs)
        result = getattr(self._host, name)(*unwrap(args), **unwrap(kwargs))
        DeviceArray.syncs += name in WAITS
        return kwargs["out"] if kwargs.get("out") is not None else wrap(result, self)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        name = check_ufunc(ufunc, method, inputs, kwargs)
        result = getattr(ufunc, method)(*unwrap(inputs, name), **unwrap(kwargs, name))
        out = kwargs.get("out")
        if out is None:
            return wrap(result)
        return out[0] if len(out) == 1 else out

    def __array_function__(self, function, types, args, kwargs):
        path = path_of(function)
        check_function(path, args, kwargs)
        host_ok = path in FROM_HOST
        result = function(*unwrap(args, path, host_ok), **unwrap(kwargs, path, host_ok))
        DeviceArray.syncs += path in WAITS or (path == "where" and len(args) == 1)
        if path in METADATA or path in IN_PLACE:
            return result
        return kwargs["out"] if kwargs.get("out") is not None else wrap(result)

    def __getitem__(self, key):
        DeviceArray.syncs += "mask" in index_kinds(key)
        return wrap(self._host[unwrap(key, "index")], self)

    def __setitem__(self, key, value):
        kinds, host_key = index_kinds(key), unwrap(key, "index")
        if isinstance(value, list | tuple):
            raise RefusedError("a list as a value: CuPy takes a number or a device array")
        if "gather" in kinds:
            check_distinct(self.shape, host_key)
        self._host[host_key] = unwrap(value, "assignment")


def unwrap(value, name="call", host_ok=False):
    """The NumPy values inside of arguments; host arrays among them are refused."""
    if isinstance(value, DeviceArray):
        return value.peek()
    if isinstance(value, np.ndarray) and not host_ok:
        raise RefusedError(f"{name}: a host array among device arrays")
    if isinstance(value, list | tuple):
        return type(value)(unwrap(part, name, host_ok) for part in value)
    if isinstance(value, dict):
        return {key: unwrap(part, name, host_ok) for key, part in value.items()}
    return value


def wrap(result, seen_from=None):
    """Results stay on the device, scalars as arrays of no axes."""
    if isinstance(result, np.ndarray | np.generic):
        return DeviceArray.around(np.asarray(result), seen_from)
    if isinstance(result, list | tuple):
        return type(result)(wrap(part, seen_from) for part in result)
    return result
