"""No operation and no layer is without a peer, or a reason why it has none."""

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

from minillm import functional, layers
from tests.parity.catalogue import ALONE, COMPARED, IN_ONE_DTYPE, LACKING
from tests.parity.libraries import library

LISTED = COMPARED | LACKING


def test_every_operation_and_layer_is_listed_once():
    public = [f"functional.{name}" for name in functional.__all__]
    public += [f"layers.{name}" for name in layers.__all__]
    assert sorted([*COMPARED, *LACKING, *ALONE]) == sorted(public)


def resolve(dotted):
    """torch.nn.attention.bias.x: modules by import, and from there on by attribute."""
    module, *rest = dotted.split(".")
    found = importlib.import_module(module)
    for part in rest:
        module = f"{module}.{part}"
        found = getattr(found, part, None) or importlib.import_module(module)
    return found


@pytest.mark.parametrize("name", COMPARED)
def test_the_peer_is_there(name):
    library("torch")
    assert callable(resolve(COMPARED[name].peer))


@pytest.mark.parametrize("name", LACKING)
def test_what_pytorch_is_said_to_lack_it_has_under_no_such_name(name):
    torch = library("torch")
    bare = name.split(".")[1]
    for place in torch, torch.nn, torch.nn.functional:
        assert not hasattr(place, bare), f"{place.__name__} has {bare} by now"


@cache
def source(test):
    """The text of a test file with the peers that it imports, and its functions' names."""
    folder = Path(__file__).parent
    text = (folder / f"test_{test.split('::')[0]}_parity.py").read_text()
    functions = [x.name for x in ast.parse(text).body if isinstance(x, ast.FunctionDef)]
    peers = re.findall(r"from tests\.parity\.(\w+_peers) import", text)
    return text + "".join((folder / f"{x}.py").read_text() for x in peers), functions


@pytest.mark.parametrize("name", LISTED)
def test_the_test_is_there_and_speaks_of_it(name):
    entry = LISTED[name]
    text, functions = source(entry.test)
    assert f"test_{entry.test.split('::')[1]}" in functions
    spoken = entry.through or name.split(".")[1]
    assert re.search(rf"\b{spoken}\b", text), f"{entry.test} does not speak of {spoken}"


def test_only_tables_masks_and_steps_are_not_compared_in_both_dtypes():
    """They are made in one, or are equal entry by entry."""
    single = set()
    for entry in LISTED.values():
        function = re.escape(f"def test_{entry.test.split('::')[1]}(")
        signature = re.search(rf"{function}[^)]*\)", source(entry.test)[0]).group()
        if "dtype" not in signature:
            single.add(entry.test)
    assert single == set(IN_ONE_DTYPE)
