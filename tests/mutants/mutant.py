"""A mutant: minillm with one place of one file that reads otherwise."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tests.mutants.operators import OPERATORS
from tests.mutants.planted import PACKAGE, Planted
from tests.mutants.source import Scope, Source, function_around


@dataclass(frozen=True)
class Mutant:
    """minillm/`path` with the bytes start:stop replaced by `text`.

    function  the qualified name of the function or method around it, "" if there is none
    line      the first line of that function, or of the nested one it stands in:
              what a test must enter to notice
    """

    path: str
    start: int
    stop: int
    text: str
    operator: str
    function: str = ""
    line: int = 0

    def source(self) -> bytes:
        """The whole file, mutated."""
        original = (PACKAGE / self.path).read_bytes()
        return original[: self.start] + self.text.encode() + original[self.stop :]

    def lines(self) -> tuple[str, str]:
        """The lines it stands in, before and after, each as one."""
        before, after = (PACKAGE / self.path).read_bytes(), self.source()
        first = before.rfind(b"\n", 0, self.start) + 1
        rest = len(before) - before.find(b"\n", self.stop)
        return one_line(before[first : len(before) - rest]), one_line(
            after[first : len(after) - rest]
        )

    def __str__(self) -> str:
        number = 1 + (PACKAGE / self.path).read_bytes()[: self.start].count(b"\n")
        before, after = self.lines()
        return f"{self.path}:{number} {self.operator}\n    - {before}\n    + {after}"


def one_line(source: bytes) -> str:
    return " ".join(source.decode().split())


def mutants_of(path: str) -> list[Mutant]:
    """Every operator at every place of a file, without those that read the same."""
    source, found = Source(path), {}
    for start, stop, operator, text, scope in _changes(source):
        mutant = Mutant(path, start, stop, text, operator, *function_around(scope))
        if _differs(source, mutant):
            found.setdefault((start, stop, text), mutant)
    return list(found.values())


def _changes(source: Source) -> Iterator[tuple[int, int, str, str, Scope]]:
    for node, scope in source.nodes():
        if isinstance(node, ast.Return) and not _in_backward(scope):
            continue
        for operator, text in OPERATORS.get(type(node), _nothing)(node, source.text):
            inner = {ast.If: "test", ast.Return: "value"}.get(type(node))
            start, stop = source.place(getattr(node, inner) if inner else node)
            bare = isinstance(node, ast.stmt | ast.Slice) and not isinstance(node, ast.If)
            yield start, stop, operator, text if bare else f"({text})", scope


def _nothing(node: ast.AST, text: object) -> Iterator[tuple[str, str]]:
    yield from ()


def _in_backward(scope: Scope) -> bool:
    functions = [node.name for node in scope if isinstance(node, ast.FunctionDef)]
    return bool(functions) and functions[-1].endswith("backward")


def _differs(source: Source, mutant: Mutant) -> bool:
    """Whether it says something else, and something that can be read."""
    mutated = (
        source.bytes[: mutant.start] + mutant.text.encode() + source.bytes[mutant.stop :]
    )
    try:
        return ast.dump(ast.parse(mutated)) != ast.dump(source.tree)
    except SyntaxError:
        return False


def planted_mutant(defect: Planted, name: str = "planted") -> Mutant:
    """The mutant of a defect that was written down by hand, under a name of its own."""
    source = Source(defect.path)
    first, last = defect.place()
    text = source.bytes.decode()
    start, stop = len(text[:first].encode()), len(text[:last].encode())
    scopes = [
        (*scope, node) if isinstance(node, ast.FunctionDef) else scope
        for node, scope in source.nodes()
        if isinstance(node, ast.stmt) and _inside(source, node, start)
    ]
    around = function_around(max(scopes, key=len, default=()))
    return Mutant(defect.path, start, stop, defect.after, name, *around)


def _inside(source: Source, node: ast.stmt, offset: int) -> bool:
    """Whether the offset is in a statement; of a function or class, in its body."""
    start, stop = source.place(node)
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        start = source.starts[node.body[0].lineno]
    return start <= offset < stop
