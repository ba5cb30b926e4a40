"""What CuPy takes of a call, and what it would take but should not be given.

The facts are in cupy_api.json, which make_cupy_table.py reads off a real CuPy.
"""

import functools
import inspect
import json
from pathlib import Path

import numpy as np

API = json.loads(Path(__file__).with_name("cupy_api.json").read_text())

ATTRIBUTES = {"shape", "dtype", "ndim", "size", "nbytes", "itemsize", "strides"}
VIEWS = {"T", "mT", "real", "imag"}
COUNTED = {"get", "item", "tolist"}
WRITES_HOST = {"dump", "dumps", "tobytes", "tofile"}
MAY_REPEAT = {"put"}  # assigns through indices that nobody looked at
METHODS = {name for name, parameters in API["methods"].items() if parameters is not None}
METHODS -= COUNTED | WRITES_HOST | MAY_REPEAT
FROM_HOST = {"array", "asarray", "asanyarray"}  # may be handed host arrays, with like=
IN_PLACE = {"copyto", "fill_diagonal", "place", "put_along_axis", "putmask"}

# Answers about arrays, which stay on the host.
SHAPES = {"shape", "ndim", "size", "shares_memory", "may_share_memory"}
TYPES = {"result_type", "can_cast", "common_type", "min_scalar_type"}
METADATA = SHAPES | TYPES | {"iscomplexobj", "isrealobj"}

# The shape of the result depends on values, so the host has to read those first.
UNIQUE = {"unique", "unique_all", "unique_counts", "unique_inverse", "unique_values"}
SETS = UNIQUE | {"intersect1d", "setdiff1d", "setxor1d", "union1d"}
FOUND = {"argwhere", "compress", "extract", "flatnonzero", "nonzero", "trim_zeros"}
WAITS = SETS | FOUND | {"bincount", "histogram"}

# Parameters that are whole numbers of the host: CuPy would wait for a device array there.
COUNTS = {"shape", "newshape", "axis", "axes", "axis1", "axis2", "repeats", "reps", "shift"}
COUNTS |= {
    "indices_or_sections",
    "pad_width",
    "kth",
    "k",
    "n",
    "N",
    "M",
    "ddof",
    "decimals",
}

REDUCTION_KEYWORDS = {"axis", "dtype", "out", "keepdims"}
UFUNC_KEYWORDS = {"out", "dtype", "casting"}
GUFUNC_KEYWORDS = UFUNC_KEYWORDS | {"axes", "axis", "keepdims", "signature", "order"}
DTYPES = set("?bhilqBHILQefdFD")
ADD_AT = {"int32", "int64", "uint32", "uint64", "float16", "float32", "float64"}
AT_DTYPES = {"add": ADD_AT, "subtract": {"int32", "uint32"}}


class RefusedError(TypeError):
    """CuPy refuses this, or copies, waits or guesses where NumPy does not."""


class OnDevice:
    """Marks an array that lives on the device."""

    __slots__ = ()


def path_of(function):
    """np.linalg.norm -> "linalg.norm", the name in the table."""
    return ".".join([*function.__module__.split(".")[1:], function.__name__])


def check_function(path, args, kwargs):
    if path not in API["functions"]:
        raise RefusedError(f"np.{path} does not exist in CuPy {API['cupy']}")
    if path in MAY_REPEAT:
        raise RefusedError(f"np.{path}: indices that repeat go unnoticed, assign to x[i]")
    _bind(f"np.{path}", _signature("functions", path), args, kwargs)
    _check_common(f"np.{path}", path.rpartition(".")[2], args, kwargs)
    if path == "put_along_axis":
        given = inspect.signature(np.put_along_axis).bind(*args, **kwargs).arguments
        _check_distinct_along(given["indices"], given["axis"])


def check_method(name, args, kwargs):
    if name not in METHODS:
        raise AttributeError(f"cupy.ndarray has no '{name}' that this stand-in allows")
    _bind(f".{name}", _signature("methods", name), args, kwargs)
    _check_common(f".{name}", name, args, kwargs)


@functools.cache
def _signature(table, name):
    """CuPy's own signature, or None where it is not known."""
    parameters = API[table][name]
    if parameters is None:
        return None
    return inspect.Signature(
        inspect.Parameter(
            parameter,
            getattr(inspect.Parameter, kind),
            default=inspect.Parameter.empty if required or "VAR_" in kind else None,
        )
        for parameter, kind, required in parameters
    )


def _bind(name, signature, args, kwargs):
    """Refuse arguments that do not fit CuPy's own signature."""
    if signature is None:
        return
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        raise RefusedError(f"{name}: CuPy takes {signature}: {error}") from None
    for parameter in COUNTS & given.keys():
        value = given[parameter]
        parts = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(part, OnDevice) for part in parts):
            raise RefusedError(
                f"{name}: {parameter} is a device array, CuPy takes integers of the host"
            )


def _check_common(name, function, args, kwargs):
    """Refuse values of arguments that CuPy takes in name alone."""
    if function in ("sort", "argsort") and kwargs.get("kind") not in (None, "stable"):
        raise RefusedError(
            f"{name}: CuPy's only sort is the stable one, not {kwargs['kind']}"
        )
    if function == "astype" and "subok" in kwargs:
        raise RefusedError(f"{name}: CuPy does not take subok")
    if function == "lexsort" and not isinstance(args[0], OnDevice):
        raise RefusedError(f"{name}: CuPy takes one array of keys, no tuple")


def check_ufunc(ufunc, method, inputs, kwargs):
    name = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if method not in API["ufuncs"].get(ufunc.__name__, ()):
        raise RefusedError(f"{name} does not exist in CuPy {API['cupy']}")
    if method == "at":
        _check_at(name, ufunc, *inputs[:2])
    keywords = UFUNC_KEYWORDS if ufunc.signature is None else GUFUNC_KEYWORDS
    if method in ("reduce", "accumulate", "reduceat"):
        keywords = REDUCTION_KEYWORDS
    if unknown := sorted(kwargs.keys() - keywords):
        raise RefusedError(f"{name}: CuPy does not take {', '.join(unknown)}")
    return name


def _check_at(name, ufunc, target, index):
    if not isinstance(index, OnDevice) or index.dtype.kind not in "iu":
        raise RefusedError(f"{name}: the index is no single device array of integers")
    dtypes = AT_DTYPES.get(ufunc.__name__)
    if dtypes is not None and target.dtype.name not in dtypes:
        raise RefusedError(f"{name}: CuPy has it for {sorted(dtypes)}, not {target.dtype}")


def index_kinds(key):
    """{"mask", "gather"}: which advanced indices a key holds; others are refused."""
    kinds = []
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, OnDevice):
            if part.dtype.kind not in "biu":
                raise IndexError(f"an index of {part.dtype}: give integers or booleans")
            kinds.append("mask" if part.dtype.kind == "b" else "gather")
        elif isinstance(part, np.ndarray | list):
            raise RefusedError(
                "a host index: CuPy would copy it to the device at every call"
            )
        elif not (
            part is None or part is ... or isinstance(part, slice | int | np.integer)
        ):
            raise IndexError(f"index {part!r} is not supported")
    if kinds.count("mask") > 1:
        raise RefusedError("more than one boolean array in an index")
    return set(kinds)


def check_distinct(shape, key):
    """Assigning twice to one place: on a GPU any of the values may win."""
    hits = np.zeros(shape, np.intp)
    np.add.at(hits, key, 1)
    if (hits > 1).any():
        raise RefusedError("assignment through repeated indices: any of the values may win")


def _check_distinct_along(indices, axis):
    """The same for put_along_axis."""
    if not isinstance(indices, OnDevice):
        raise RefusedError("np.put_along_axis: the indices are not on the device")
    places = np.sort(indices.peek(), axis=axis)
    if (np.diff(places, axis=-1 if axis is None else axis) == 0).any():
        raise RefusedError("assignment through repeated indices: any of the values may win")
