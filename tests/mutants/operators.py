"""Small defects, made systematically: what may be wrong with one expression.

Every operator takes a node of the syntax tree and `text`, which gives a node's source,
and yields (what was done, what stands there now). They imitate what people get wrong in
hand-written gradients: a sign, a term or a factor that is forgotten, a transpose too few,
the wrong axis, an index that is off by one, a gradient that is not handed on.
"""

import ast
from collections.abc import Callable, Iterator

Changes = Iterator[tuple[str, str]]
Text = Callable[[ast.AST], str]

SIGNS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
OTHER_SIGN = {"+": "-", "-": "+", "*": "/", "/": "*", "&": "|", "|": "&", "<<": ">>"}
COMMUTE = {"*", "&", "|", "^"}

COMPARISONS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
OTHER_COMPARISONS = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "is": ("is not",),
    "is not": ("is",),
    "in": ("not in",),
    "not in": ("in",),
}

# x.f(...) and np.f(...) that are easily taken for each other
OTHER_CALL = {
    "sum": "mean",
    "mean": "sum",
    "max": "min",
    "min": "max",
    "maximum": "minimum",
    "minimum": "maximum",
    "any": "all",
    "all": "any",
    "argmax": "argmin",
    "zeros_like": "ones_like",
    "rjust": "ljust",
    "ceil": "floor",
    "floor": "ceil",
    "sin": "cos",
    "cos": "sin",
}
TURNS = {"swapaxes", "transpose", "T", "copy", "round", "strip", "lower"}
SYMMETRIC = {
    "maximum",
    "minimum",
    "max",
    "min",
    "multiply",
    "add",
    "logical_and",
    "dot",
    "swapaxes",
}
MATHEMATICS = {"np.", "math.", "F."}
BUILT_IN = {"max", "min", "any", "all", "abs", "sorted", "reversed"}


def binary(node: ast.BinOp, text: Text) -> Changes:
    """Another sign; one side alone; sides exchanged."""
    sign, left, right = SIGNS[type(node.op)], text(node.left), text(node.right)
    if other := OTHER_SIGN.get(sign):
        yield "another sign", f"{left} {other} {right}"
    if sign != "@":
        yield "only the left", left
    if sign in ("+", *COMMUTE):
        yield "only the right", right
    elif sign != "<<":
        yield "sides exchanged", f"{right} {sign} {left}"
    if sign == "//":
        yield "one more", f"{left} // {right} + 1"


def unary(node: ast.UnaryOp, text: Text) -> Changes:
    """A minus or a not that is forgotten."""
    if isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield "no sign", text(node.operand)


def comparison(node: ast.Compare, text: Text) -> Changes:
    """A limit that is in or out; the opposite."""
    operands = [text(x) for x in (node.left, *node.comparators)]
    signs = [COMPARISONS[type(op)] for op in node.ops]
    for i, sign in enumerate(signs):
        for other in OTHER_COMPARISONS[sign]:
            changed = [*signs[:i], other, *signs[i + 1 :]]
            pairs = zip(changed, operands[1:], strict=True)
            rest = (f"{sign} {operand}" for sign, operand in pairs)
            yield "another comparison", " ".join([operands[0], *rest])


def boolean(node: ast.BoolOp, text: Text) -> Changes:
    """and, or; one condition that is forgotten."""
    values = [text(x) for x in node.values]
    here, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    yield f"{other} for {here}", f" {other} ".join(values)
    for i in range(len(values)):
        yield "one condition less", f" {here} ".join(values[:i] + values[i + 1 :])


def constant(node: ast.Constant, text: Text) -> Changes:
    """One more, one less; twice as much; the other truth."""
    value = node.value
    if isinstance(value, bool):
        yield "the other truth", str(not value)
    elif isinstance(value, int):
        yield "one more", str(value + 1)
        yield "one less", str(value - 1)
    elif isinstance(value, float):
        yield "another number", repr(2 * value if value else 1.0)


def call(node: ast.Call, text: Text) -> Changes:
    """Another function, none, an argument forgotten, two exchanged."""
    name, arguments = called(node), [text(a) for a in node.args]
    keywords = [keyword(k, text) for k in node.keywords]
    owner = f"{text(node.func.value)}." if isinstance(node.func, ast.Attribute) else ""
    everything = ", ".join(arguments + keywords)
    if (other := OTHER_CALL.get(name)) and (owner or name in BUILT_IN):
        yield f"{other} for {name}", f"{owner}{other}({everything})"
    if owner and name in TURNS and owner not in MATHEMATICS:
        yield f"no {name}", owner.removesuffix(".")
    mathematics = owner in MATHEMATICS or (not owner and name in BUILT_IN)
    if arguments and mathematics and name not in SYMMETRIC:
        yield f"no {name}", arguments[0]
    for i, forgotten in enumerate(node.keywords):
        if forgotten.arg not in ("strict", "like"):
            rest = ", ".join(arguments + keywords[:i] + keywords[i + 1 :])
            yield "an argument less", f"{owner}{name}({rest})"
    starred = any(isinstance(a, ast.Starred) for a in node.args)
    if len(arguments) >= 2 and not starred and name not in SYMMETRIC:
        first, second, *others = arguments
        exchanged = ", ".join([second, first, *others, *keywords])
        yield "two arguments exchanged", f"{owner}{name}({exchanged})"


def keyword(k: ast.keyword, text: Text) -> str:
    return f"{k.arg}={text(k.value)}" if k.arg else f"**{text(k.value)}"


def called(node: ast.Call) -> str:
    """The last name of the function that is called; all of f(x) in f(x)(y)."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)


def attribute(node: ast.Attribute, text: Text) -> Changes:
    """A transpose that is forgotten."""
    if node.attr == "T":
        yield "no transpose", text(node.value)


def bounds(node: ast.Slice, text: Text) -> Changes:
    """A bound that is forgotten."""
    lower, upper, step = (text(x) if x else "" for x in (node.lower, node.upper, node.step))
    step = f":{step}" if step else ""
    if lower:
        yield "no lower bound", f":{upper}{step}"
    if upper:
        yield "no upper bound", f"{lower}:{step}"


def choice(node: ast.IfExp, text: Text) -> Changes:
    """The other of two values."""
    test, this, other = text(node.test), text(node.body), text(node.orelse)
    yield "the other case", f"{other} if {test} else {this}"


def branch(node: ast.If, text: Text) -> Changes:
    """A test that is turned round; one that is never met. The test alone is replaced."""
    yield "the opposite", f"not {text(node.test)}"
    yield "never", "False"


def augmented(node: ast.AugAssign, text: Text) -> Changes:
    """Added, or taken away; what was there is lost; nothing happens."""
    sign, target, value = SIGNS[type(node.op)], text(node.target), text(node.value)
    target = target.removeprefix("(").removesuffix(")")
    if other := OTHER_SIGN.get(sign):
        yield "another sign", f"{target} {other}= {value}"
    if sign == "+":
        yield "what was there is lost", f"{target} = {value}"
    yield "forgotten", "pass"


def statement(node: ast.Expr, text: Text) -> Changes:
    """A call whose value nobody wants: an accumulation, a check."""
    if isinstance(node.value, ast.Call):
        yield "forgotten", "pass"


def assignment(node: ast.Assign, text: Text) -> Changes:
    """x = f(x), left as it was."""
    if len(node.targets) == 1 and isinstance(target := node.targets[0], ast.Name):
        names = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        if target.id in names:
            yield "forgotten", "pass"


def gradient(node: ast.Return, text: Text) -> Changes:
    """In a backward: one gradient that is not handed on. The value is replaced."""
    if isinstance(node.value, ast.Tuple):
        parts = [text(part) for part in node.value.elts]
        for i, part in enumerate(parts):
            if not isinstance(node.value.elts[i], ast.Constant | ast.Starred):
                yield "no gradient", ", ".join([*parts[:i], f"0 * {part}", *parts[i + 1 :]])
    elif node.value is not None and not isinstance(node.value, ast.Constant):
        yield "no gradient", f"0 * {text(node.value)}"


OPERATORS: dict[type[ast.AST], Callable[..., Changes]] = {
    ast.BinOp: binary,
    ast.UnaryOp: unary,
    ast.Compare: comparison,
    ast.BoolOp: boolean,
    ast.Constant: constant,
    ast.Call: call,
    ast.Attribute: attribute,
    ast.Slice: bounds,
    ast.IfExp: choice,
    ast.If: branch,
    ast.AugAssign: augmented,
    ast.Expr: statement,
    ast.Assign: assignment,
    ast.Return: gradient,
}
