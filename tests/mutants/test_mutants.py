"""The engine plants what it says, and its hunt can tell a kill from a survival."""

import ast
import subprocess
import sys

import pytest

from tests.mutants.children import LOST, in_children
from tests.mutants.defects import DEFECTS
from tests.mutants.equivalent import ENDLESS, EQUIVALENT
from tests.mutants.listed import stale
from tests.mutants.mutant import mutants_of, planted_mutant
from tests.mutants.operators import OPERATORS
from tests.mutants.planted import PACKAGE
from tests.mutants.source import Source

LISTED = {path for path, _, _ in EQUIVALENT | ENDLESS}


def changed(line, node_type):
    """What the operators make of the first node of this type in a line."""
    tree = ast.parse(line)
    node = next(n for n in ast.walk(tree) if isinstance(n, node_type))
    return {text for _, text in OPERATORS[node_type](node, ast.unparse)}


@pytest.mark.parametrize(
    "line, node_type, wanted",
    [
        ("a + b", ast.BinOp, {"a - b", "a", "b"}),
        ("a - b", ast.BinOp, {"a + b", "a", "b - a"}),
        ("a * b", ast.BinOp, {"a / b", "a", "b"}),
        ("a @ b", ast.BinOp, {"b @ a"}),
        ("-a", ast.UnaryOp, {"a"}),
        ("a < b", ast.Compare, {"a <= b", "a >= b"}),
        (
            "0 <= a < 1",
            ast.Compare,
            {"0 < a < 1", "0 > a < 1", "0 <= a <= 1", "0 <= a >= 1"},
        ),
        ("a and b", ast.BoolOp, {"a or b", "a", "b"}),
        ("axis = 2", ast.Constant, {"3", "1"}),
        ("x.T @ dy", ast.Attribute, {"x"}),
        ("x.swapaxes(1, 2)", ast.Call, {"x"}),
        ("np.exp(x)", ast.Call, {"x"}),
        ("x.sum(-1, keepdims=True)", ast.Call, {"x.mean(-1, keepdims=True)", "x.sum(-1)"}),
        ("f(q, k)", ast.Call, {"f(k, q)"}),
        ("x[1:n]", ast.Slice, {":n", "1:"}),
        ("a if b else c", ast.IfExp, {"c if b else a"}),
        ("g += dW", ast.AugAssign, {"g -= dW", "g = dW", "pass"}),
        ("W.accumulate(dW)", ast.Expr, {"pass"}),
        ("x = f(x)", ast.Assign, {"pass"}),
    ],
)
def test_an_operator_makes_the_mistakes_that_it_is_named_for(line, node_type, wanted):
    assert changed(line, node_type) == wanted


def test_a_backward_that_returns_three_gradients_loses_each_of_them():
    lost = {
        m.text for m in mutants_of("functional/norms.py") if m.operator == "no gradient"
    }
    assert lost >= {
        "0 * dx, dgamma, dbeta",
        "dx, 0 * dgamma, dbeta",
        "dx, dgamma, 0 * dbeta",
    }


def test_types_and_messages_are_left_alone():
    texts = {m.lines()[0] for m in mutants_of("functional/attention.py")}
    assert not any("Array | None" in text or "raise" in text for text in texts)


def test_a_mutant_knows_the_function_around_it():
    source = Source("functional/softmax.py")
    for mutant in mutants_of("functional/softmax.py"):
        if mutant.line:
            first = source.bytes.splitlines()[mutant.line - 1]
            assert first.strip().startswith((b"def ", b"@"))
            assert mutant.function in ("softmax", "log_softmax")


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_planted_defect_applies_and_can_be_read(defect):
    mutant = planted_mutant(defect)
    compile(mutant.source(), mutant.path, "exec")
    assert mutant.function


@pytest.mark.parametrize("path", sorted(LISTED))
def test_what_is_listed_as_equivalent_is_a_mutant_still(path):
    assert stale(mutants_of(path)) == []


def test_every_proof_of_equivalence_is_written_out():
    assert all(len(why) > 20 for why in (EQUIVALENT | ENDLESS).values())


def work(task):
    if task == "dies":
        raise SystemExit
    while task == "hangs":
        pass
    return [task]


def test_children_answer_in_their_own_time_and_lost_ones_are_told():
    answers = dict(in_children(["a", "dies", "hangs", "b"], work, jobs=2, seconds=1))
    assert answers == {"a": ["a"], "b": ["b"], "dies": LOST, "hangs": LOST}


def hunt(tests):
    """Twelve mutants of dropout, against these tests."""
    few = ["--only", "functional/dropout.py", "--sample", "12", "--jobs", "2"]
    command = [sys.executable, "-m", "tests.mutants", *few, "--tests", tests]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent)
    killed, _, total, *_ = ended.stdout.strip().splitlines()[-1].split()
    return int(killed), int(total), ended.returncode


def test_a_hunt_kills_what_the_tests_notice():
    killed, total, status = hunt("tests/functional/test_dropout.py")
    assert 0.5 * total < killed <= total
    assert (status == 0) == (killed == total)


def test_a_hunt_with_tests_that_look_elsewhere_kills_nothing():
    killed, total, status = hunt("tests/functional/test_norms.py")
    assert (killed, status) == (0, 1)
    assert total > 5
