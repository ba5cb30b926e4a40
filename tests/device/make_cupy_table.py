"""Write cupy_api.json: what an installed CuPy takes, by introspection alone.

    pip install cupy-cuda12x && python tests/device/make_cupy_table.py

needs no GPU and no driver. The table holds

    functions  NumPy's name -> CuPy's parameters [[name, kind, required], ...], or null
    ufuncs     NumPy's name -> the ufunc methods that CuPy has
    methods    name -> parameters of cupy.ndarray's method, null for an attribute
"""

import inspect
import json
import re
import sys
from pathlib import Path

import cupy
import numpy as np

TABLE = Path(__file__).with_name("cupy_api.json")
NAMESPACES = {
    "": np,
    "linalg.": np.linalg,
    "fft.": np.fft,
    "lib.stride_tricks.": np.lib.stride_tricks,
}
# einsum(*operands, **kwargs) hides its keywords; its documentation names these two.
BY_HAND = {
    "einsum": [
        ["operands", "VAR_POSITIONAL", False],
        ["dtype", "KEYWORD_ONLY", False],
        ["optimize", "KEYWORD_ONLY", False],
    ]
}
# The methods that a CuPy ufunc has by name, but implements for some ufuncs alone.
BITWISE = ["bitwise_and", "bitwise_or", "bitwise_xor"]
PARTIAL = {
    "reduce": ["add", "multiply"],
    "accumulate": ["add", "multiply"],
    "reduceat": ["add"],
    "at": ["add", "subtract", "maximum", "minimum", *BITWISE],
}


def names_in_both():
    """(NumPy's path, NumPy's object, CuPy's own object of that path)"""
    for prefix, module in NAMESPACES.items():
        for name in dir(module):
            ours, theirs = getattr(module, name), cupy
            for part in (prefix + name).split("."):
                theirs = getattr(theirs, part, None)
            is_function = callable(ours) and not isinstance(ours, type)
            if is_function and name[0] != "_" and theirs not in (None, ours):
                yield prefix + name, ours, theirs


def parameters(theirs):
    try:
        found = inspect.signature(theirs).parameters.values()
    except (TypeError, ValueError):
        return None
    return [[p.name, p.kind.name, is_required(p)] for p in found]


def is_required(p):
    return p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)


def method_parameters(name):
    """Cython writes a method's signature in the first line of its docstring."""
    documented = getattr(cupy.ndarray, name).__doc__ or ""
    match = re.match(rf"\w+\.{name}\(self(?:, )?(.*?)\)(?: ->|\n|$)", documented)
    if match is None:
        return None
    untyped = re.sub(r"\b\w+ (?=\w+ *[=,]|\w+$)", "", match[1])
    scope = {}
    exec(f"def signature({untyped}): pass", scope)
    return parameters(scope["signature"])


def ufunc_methods(name, theirs):
    methods = ["__call__", "outer"] if hasattr(theirs, "outer") else ["__call__"]
    return methods + [method for method, names in PARTIAL.items() if name in names]


def table():
    functions, ufuncs = {}, {}
    for path, ours, theirs in names_in_both():
        if isinstance(ours, np.ufunc):
            ufuncs[ours.__name__] = ufunc_methods(ours.__name__, theirs)
        else:
            functions[path] = BY_HAND.get(path) or parameters(theirs)
    public = [name for name in dir(cupy.ndarray) if name[0] != "_"]
    return {
        "cupy": cupy.__version__,
        "numpy": np.__version__,
        "functions": functions,
        "methods": {name: method_parameters(name) for name in public},
        "ufuncs": ufuncs,
    }


def as_text(content):
    """JSON with one line for each name, so that a new CuPy reads as a short diff."""
    sections = []
    for key, value in content.items():
        if isinstance(value, dict):
            rows = [f"  {json.dumps(k)}: {json.dumps(value[k])}" for k in sorted(value)]
            sections.append(f"{json.dumps(key)}: {{\n" + ",\n".join(rows) + "\n}")
        else:
            sections.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE
    target.write_text(as_text(table()))
