"""Library code says nothing that a device would refuse, copy or wait for.

The strict stand-in finds such calls where a test runs them; this one reads every
line of the three storeys. What it cannot see (the type of a value) it lets pass.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "minillm"
FILES = sorted(
    path
    for storey in ("functional", "layers", "models")
    for path in (PACKAGE / storey).rglob("*.py")
)

# Functions that work on the host by design. __init__ is among them everywhere:
# weights are drawn on the host, and moved once.
ON_THE_HOST = {
    "functional/alibi.py:alibi_slopes": "a table that is made once and moved",
    "functional/draws.py:Draws.random": "random numbers are drawn on the host, moved once",
    "functional/positions.py:sinusoidal_positions": "a table that is made once and moved",
    "functional/rotary.py:rotary_table": "a table that is made once and moved",
    "models/one_by_one.py:one_by_one.single_step": "ids stay on the host until checked",
    "models/single_step.py:SingleStep.__call__": "ids stay on the host until checked",
}

LIKE = {"zeros", "empty", "arange", "tri", "identity", "array", "asarray", "asanyarray"}
NEVER = {"ones", "full", "eye", "linspace", "fromiter", "vecdot"}
WAITS = {"nonzero", "flatnonzero", "argwhere", "unique", "bincount"}
KEYWORDS = {
    "clip": {"min", "max"},
    "einsum": {"out"},
    "take": {"mode"},
    "argsort": {"stable"},
    "sort": {"stable"},
}


def offences(tree):
    """(line, function, complaint) for every forbidden call outside of __init__."""
    found = []

    def visit(node, function):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            function = f"{function}.{node.name}".lstrip(".")
        if function.endswith("__init__"):
            return
        if complaint := complaint_about(node):
            found.append((node.lineno, function, complaint))
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(tree, "")
    return found


def complaint_about(node):
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return complaint_about_power(node)
    if not isinstance(node, ast.Call):
        return None
    keywords = {keyword.arg for keyword in node.keywords}
    if isinstance(node.func, ast.Name):
        return complaint_about_builtin(node)
    if isinstance(node.func, ast.Attribute):
        is_numpy = isinstance(node.func.value, ast.Name) and node.func.value.id == "np"
        check = complaint_about_function if is_numpy else complaint_about_method
        return check(node.func.attr, node, keywords) or complaint_about_keywords(
            node.func.attr, keywords
        )
    return None


def complaint_about_power(node):
    exponent = node.right
    if isinstance(node.left, ast.Constant) or not isinstance(exponent, ast.Constant):
        return None
    return f"** {exponent.value}: write the product" if exponent.value in (3, 4) else None


def complaint_about_builtin(node):
    is_constant = all(isinstance(arg, ast.Constant) for arg in node.args)
    if node.func.id in ("float", "bool") and not is_constant:
        return f"{node.func.id}() waits for the device"
    return None


def complaint_about_function(name, node, keywords):
    if name in NEVER:
        return f"np.{name} cannot be made on a device"
    if name in LIKE and "like" not in keywords:
        return f"np.{name} without like= is made on the host"
    if name in WAITS or (name == "where" and len(node.args) == 1):
        return f"np.{name} waits for the device"
    return None


def complaint_about_method(name, node, keywords):
    if name in ("item", "tolist", "nonzero"):
        return f".{name}() waits for the device"
    return None


def complaint_about_keywords(name, keywords):
    if refused := keywords & (KEYWORDS.get(name, set()) | {"where", "initial"}):
        return f"{name}({', '.join(sorted(refused))}=) does not exist in CuPy"
    return None


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_said_that_a_device_refuses(path):
    found = offences(ast.parse(path.read_text()))
    assert not [
        f"{name_of(path)}:{line} in {function}: {complaint}"
        for line, function, complaint in found
        if f"{name_of(path)}:{function}" not in ON_THE_HOST
    ]


@pytest.mark.parametrize("place", ON_THE_HOST)
def test_every_exception_is_still_needed(place):
    file, function = place.split(":")
    found = offences(ast.parse((PACKAGE / file).read_text()))
    assert function in {name for _, name, _ in found}


FORBIDDEN = [
    "np.zeros((2, 3))",
    "np.empty(3, dtype=x.dtype)",
    "np.arange(n)",
    "np.tri(n)",
    "np.array([1, 2])",
    "np.asarray(h)",
    "np.ones(3)",
    "np.ones(3, like=x)",
    "np.full(3, 1.0, like=x)",
    "np.eye(3, like=x)",
    "np.linspace(0, 1, 5)",
    "np.vecdot(x, y)",
    "x.item()",
    "x.sum().item()",
    "x.tolist()",
    "x.nonzero()",
    "np.nonzero(x)",
    "np.where(m)",
    "np.unique(ids)",
    "float(x.max())",
    "bool(m.any())",
    "np.add(x, y, where=m)",
    "np.divide(x, y, out=z, where=m)",
    "np.sum(x, where=m)",
    "x.sum(-1, where=m)",
    "x.max(initial=0)",
    "np.einsum('ij->i', x, out=y)",
    "np.clip(x, min=0)",
    "x.clip(min=0)",
    "x.take(i, mode='clip')",
    "np.argsort(x, stable=True)",
    "x**3",
    "(x + y) ** 3",
]

ALLOWED = [
    "np.zeros((2, 3), dtype=x.dtype, like=x)",
    "np.zeros_like(x)",
    "np.full_like(x, 2.0)",
    "np.arange(n, like=x)",
    "np.asarray(h, like=x)",
    "np.where(m, x, 0)",
    "np.clip(x, 0, 1)",
    "np.argsort(x, kind='stable')",
    "float('inf')",
    "x * x * x",
    "10000.0 ** (i / d)",
    "x.max(-1, keepdims=True)",
    "class A:\n    def __init__(self):\n        self.w = np.zeros(3)",
]


@pytest.mark.parametrize("source", FORBIDDEN)
def test_the_reader_sees(source):
    [(line, function, _)] = offences(ast.parse(f"def f(x):\n    return {source}"))
    assert (line, function) == (2, "f")


@pytest.mark.parametrize("source", ALLOWED)
def test_the_reader_lets_pass(source):
    assert offences(ast.parse(source)) == []
