"""The index has no hole, and each of its rows leads where it says."""

import ast
from collections import Counter

import pytest

from tests.equations.__main__ import readme_parts, table
from tests.equations.index import (
    NO_EQUATION,
    PUBLIC,
    ROOT,
    ROWS,
    load_test,
    public_names,
    resolve,
    walkthrough,
)
from tests.mutants.planted import PACKAGE

IN_A_ROW = [name for row in ROWS for name in row.names]
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.names[0])


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_callable_has_its_row_or_a_reason_to_have_none(package):
    assert public_names(package) - set(IN_A_ROW) - set(NO_EQUATION) == set()


def test_nothing_stands_in_two_rows_nor_in_one_and_among_the_exceptions():
    times = Counter([*IN_A_ROW, *NO_EQUATION])
    assert [name for name, n in times.items() if n > 1] == []


@pytest.mark.parametrize("name", NO_EQUATION)
def test_what_has_no_equation_exists_and_says_why(name):
    assert resolve(name) is not None
    assert NO_EQUATION[name]


@rows
def test_the_names_of_a_row_exist(row):
    assert row.names
    assert all(callable(resolve(name)) for name in row.names)


@rows
def test_the_properties_of_a_row_are_hypothesis_tests(row):
    assert row.properties
    for node in row.properties:
        assert (ROOT / node.partition("::")[0]).is_file(), node
        assert getattr(load_test(node), "is_hypothesis_test", False), node


@rows
def test_no_property_of_a_row_is_a_gradient_check(row):
    assert not any(node.endswith("is_its_slope") for node in row.properties)


@rows
def test_the_walkthrough_of_a_row_runs_it(row):
    """In its code, that is; to be named in its text is not enough."""
    code = ast.walk(ast.parse(walkthrough(row).read_text()))
    used = {getattr(node, "id", None) or getattr(node, "attr", None) for node in code}
    assert used & {name.split(".")[-1] for name in row.names}


@rows
def test_the_mutant_of_a_row_applies_and_changes_the_code(row):
    start, stop = row.mutant.place()
    source = (PACKAGE / row.mutant.path).read_text()
    mutated = source[:start] + row.mutant.after + source[stop:]
    assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))


def test_the_readme_shows_the_index():
    _, written, _ = readme_parts()
    assert written == table()
