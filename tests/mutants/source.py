"""A file of minillm as bytes and as a tree, and what stands where."""

import ast
from collections.abc import Iterator
from functools import cached_property

from tests.mutants.planted import PACKAGE

Scope = tuple[ast.FunctionDef | ast.ClassDef, ...]  # what stands around, from outside in
ATOMS = ast.Name | ast.Constant | ast.Attribute | ast.Call | ast.Subscript | ast.Starred


class Source:
    """minillm/`path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.bytes = (PACKAGE / path).read_bytes()
        self.tree = ast.parse(self.bytes)

    @cached_property
    def starts(self) -> list[int]:
        """Where each line starts; lines count from 1."""
        starts = [0, 0]
        for line in self.bytes.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        return starts

    def place(self, node: ast.AST) -> tuple[int, int]:
        """The first byte of a node, and the one after its last."""
        first = self.starts[node.lineno] + node.col_offset
        return first, self.starts[node.end_lineno] + node.end_col_offset

    def text(self, node: ast.AST) -> str:
        """How a node is written, in brackets where it may need them elsewhere."""
        start, stop = self.place(node)
        written = self.bytes[start:stop].decode()
        return written if isinstance(node, ATOMS) else f"({written})"

    def nodes(self) -> Iterator[tuple[ast.AST, Scope]]:
        """All that computes something: no types, no messages, no documentation."""
        yield from _below(self.tree, ())


def _below(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    for child in ast.iter_child_nodes(node):
        if not _silent(node, child):
            named = isinstance(node, ast.FunctionDef | ast.ClassDef)
            inside = (*scope, node) if named and child in node.body else scope
            yield child, inside
            yield from _below(child, inside)


def _silent(parent: ast.AST, child: ast.AST) -> bool:
    """Whether a defect in this would be no defect of what is computed."""
    match child:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.Raise() | ast.Assert():
            return True
        case ast.ClassDef(bases=bases) if any("Protocol" in ast.unparse(b) for b in bases):
            return True
        case ast.Call(func=ast.Name(id="cast" | "TypeVar" | "isinstance")):
            return True
        case ast.keyword(arg="strict" | "like"):  # lengths agree; where a thing is made
            return True
        case ast.BinOp(left=left, right=right) if _words(left) or _words(right):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.Assign(value=ast.BinOp(op=ast.BitOr())) if isinstance(parent, ast.Module):
            return True  # the name of a type
        case ast.Expr(value=value) if _words(value):
            return True
    if _free(parent, child):
        return True
    types = (getattr(parent, "annotation", None), getattr(parent, "returns", None))
    return child in (*types, *getattr(parent, "decorator_list", ()))


def _free(parent: ast.AST, child: ast.AST) -> bool:
    """A number that may be any: the -1 of reshape, the index of a model for zeros_like."""
    match parent:
        case ast.Call(func=ast.Attribute(attr="reshape")):
            return isinstance(child, ast.UnaryOp)
        case ast.Call(
            func=ast.Attribute(attr="zeros_like" | "empty_like"), args=[first, *_]
        ):
            return child is first and isinstance(child, ast.Subscript)
    return False


def _words(node: ast.AST) -> bool:
    text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return text or isinstance(node, ast.JoinedStr)


def function_around(scope: Scope) -> tuple[str, int]:
    """The outermost function's qualified name, and the innermost one's first line.

    "" and 0 where there is none: what runs when the module is imported.
    """
    depth = [i for i, node in enumerate(scope) if isinstance(node, ast.FunctionDef)]
    if not depth:
        return "", 0
    innermost = scope[depth[-1]]
    first = min([innermost.lineno, *(d.lineno for d in innermost.decorator_list)])
    return ".".join(node.name for node in scope[: depth[0] + 1]), first
