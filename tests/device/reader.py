"""Reads library code for calls that CuPy refuses, copies for or waits at."""

import ast

LIKE = {"zeros", "empty", "arange", "tri", "identity", "array", "asarray", "asanyarray"}
NEVER = {"ones", "full", "eye", "linspace", "fromiter", "vecdot"}
SETS = {"unique", "intersect1d", "setdiff1d", "setxor1d", "union1d"}
WAITS = SETS | {"nonzero", "flatnonzero", "argwhere", "bincount", "compress", "extract"}
WAITING_METHODS = {"item", "tolist", "nonzero", "tobytes", "get"}
UFUNC_METHODS = {"at", "reduce", "reduceat", "accumulate", "outer"}
SCALARS = {f"{kind}{n}" for kind in ("float", "int", "uint") for n in (8, 16, 32, 64)}
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
    match node:
        case ast.BinOp(op=ast.Pow()):
            return complaint_about_power(node)
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            return complaint_about_question(test)
        case ast.Subscript(value=ast.Name("Callable")):
            return None
        case ast.Subscript(slice=key):
            return complaint_about_index(key)
        case ast.Assign(targets=[ast.Subscript()], value=ast.List() | ast.ListComp()):
            return "a list is assigned: CuPy takes a number or a device array"
        case ast.Call(func=ast.Name()):
            return complaint_about_builtin(node)
        case ast.Call(func=ast.Attribute(value=ast.Attribute(value=ast.Name("np")))):
            return complaint_about_ufunc(node) or complaint_about_keywords(node)
        case ast.Call(func=ast.Attribute(value=ast.Name("np"))):
            return complaint_about_function(node) or complaint_about_keywords(node)
        case ast.Call(func=ast.Attribute()):
            return complaint_about_method(node) or complaint_about_keywords(node)


def complaint_about_power(node):
    exponent = node.right
    if isinstance(node.left, ast.Constant) or not isinstance(exponent, ast.Constant):
        return None
    return f"** {exponent.value}: write the product" if exponent.value in (3, 4) else None


def complaint_about_question(test):
    calls = (node for node in ast.walk(test) if isinstance(node, ast.Call))
    if any(
        isinstance(c.func, ast.Attribute) and c.func.attr in ("any", "all") for c in calls
    ):
        return "a branch on an array waits for the device"
    return None


def complaint_about_index(key):
    parts = key.elts if isinstance(key, ast.Tuple) else [key]
    if any(isinstance(part, ast.List | ast.ListComp) for part in parts):
        return "a list as an index is copied to the device at every call"
    return None


def complaint_about_builtin(node):
    if node.func.id in ("float", "bool", "complex") and not are_constant(node.args):
        return f"{node.func.id}() waits for the device"
    return None


def complaint_about_ufunc(node):
    """np.something.method(...): of ufuncs those three that CuPy has."""
    name, method = node.func.value.attr, node.func.attr
    if method not in UFUNC_METHODS:
        return None
    if name != "add" or method not in ("at", "reduce", "reduceat"):
        return f"np.{name}.{method} does not exist in CuPy, or not for every dtype"
    if method == "at" and isinstance(node.args[1], ast.Tuple | ast.List | ast.Slice):
        return "np.add.at takes one array of integers"
    return None


def complaint_about_function(node):
    name, keywords = node.func.attr, keywords_of(node)
    if name in NEVER:
        return f"np.{name} cannot be made on a device"
    if name in LIKE and "like" not in keywords:
        return f"np.{name} without like= is made on the host"
    if name in WAITS or (name == "where" and len(node.args) == 1):
        return f"np.{name} waits for the device"
    if name == "put":
        return "np.put: indices that repeat go unnoticed"
    if name in SCALARS or (node.args and are_constant(node.args)):
        return f"np.{name} makes a constant of NumPy's: say it in Python"
    return None


def complaint_about_method(node):
    if node.func.attr in WAITING_METHODS and not (node.func.attr == "get" and node.args):
        return f".{node.func.attr}() waits for the device"
    return None


def complaint_about_keywords(node):
    name = node.func.attr
    if refused := keywords_of(node) & (KEYWORDS.get(name, set()) | {"where", "initial"}):
        return f"{name}({', '.join(sorted(refused))}=) does not exist in CuPy"
    return None


def keywords_of(node):
    return {keyword.arg for keyword in node.keywords}


def are_constant(nodes):
    """Numbers and strings, and arithmetic of them."""
    kinds = ast.Constant | ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop
    return all(isinstance(part, kinds) for node in nodes for part in ast.walk(node))
