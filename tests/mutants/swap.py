"""Put a mutant into the running process: the function gets the code of its mutant.

Imported names, caches and collected tests stay as they are, so that a mutant costs no
import. It is done in a forked child that ends with its mutant.
"""

import ast
import importlib
import inspect
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutants.mutant import Mutant


class NotSwappableError(Exception):
    """What is mutated runs on import: it has to be imported anew."""


def swap(mutant: Mutant) -> None:
    """Give the function that holds the mutant its new code.

    Raises NotSwappableError where no living function holds it.
    """
    module = importlib.import_module(module_name(mutant.path))
    new = compile(ast.parse(mutant.source()), str(module.__file__), "exec")
    codes = {code.co_firstlineno: code for code in codes_named(mutant.function, new)}
    functions = [
        f
        for f in functions_named(mutant.function, module)
        if f.__code__.co_firstlineno in codes
    ]
    if not functions:
        raise NotSwappableError(mutant.function)
    for function in functions:
        code = codes[function.__code__.co_firstlineno]
        if code.co_freevars != function.__code__.co_freevars:
            raise NotSwappableError(mutant.function)
        function.__code__ = code


def module_name(path: str) -> str:
    return ".".join(["minillm", *path.removesuffix(".py").split("/")]).removesuffix(
        ".__init__"
    )


def codes_named(name: str, code: CodeType) -> list[CodeType]:
    """All code of this qualified name within the code of a module."""
    found = []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == name:
                found.append(constant)
            found += codes_named(name, constant)
    return found


def functions_named(name: str, module: ModuleType) -> list[FunctionType]:
    """The functions under a qualified name: two, where a property can be set."""
    holder: Any = module
    for part in name.split("."):
        holder = inspect.getattr_static(holder, part, None)
    return plain(holder)


def plain(function: Any) -> list[FunctionType]:
    """What a decorator wraps, down to functions."""
    if isinstance(function, FunctionType) and not hasattr(function, "__wrapped__"):
        return [function]
    inner = [
        getattr(function, name, None)
        for name in ("fget", "fset", "__func__", "__wrapped__")
    ]
    return [f for part in inner if part is not None for f in plain(part)]
