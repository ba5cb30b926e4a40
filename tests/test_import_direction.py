"""The storeys lean only on what lies below them; nothing leans on the command line."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "minillm"

# What each part may import, besides itself, the standard library and NumPy.
MAY_IMPORT = {
    "types": set(),
    "atomic": set(),
    "strict_json": set(),
    "device": {"types"},
    "safetensors": {"atomic", "strict_json"},
    "model_folder": {"safetensors", "atomic", "strict_json"},
    "gradient_check": {"types"},
    "functional": {"types"},
    "tokenizers": {"atomic", "strict_json"},
    "layers": {"functional", "types"},
    "models": {"layers", "functional", "types"},
    "data": {"tokenizers", "functional", "types"},
    "training": {
        "layers",
        "functional",
        "data",
        "tokenizers",
        "safetensors",
        "model_folder",
        "device",
        "types",
    },
    "generation": {"models", "layers", "functional", "device", "types"},
    "evaluation": {"generation", "data", "models", "tokenizers", "functional", "types"},
    "pretrained": {
        "models",
        "layers",
        "functional",
        "tokenizers",
        "safetensors",
        "model_folder",
        "types",
    },
}
ANYTHING = {
    "cli",
    "__main__",
    "__init__",
    "gradient_check.cases",  # every part there is, and inputs for it
    "gradient_check.__main__",
}
OPTIONAL = {"cupy": "device", "matplotlib": "cli"}  # extras, and who may know them
FILES = sorted(PACKAGE.rglob("*.py"))


def part_of(path):
    return part(path.relative_to(PACKAGE).with_suffix("").parts)


def part(names):
    """The part of minillm that a dotted name below it belongs to."""
    inner = ".".join(names[:2])
    return inner if inner in ANYTHING else names[0]


def imports_of(path):
    """Full dotted names of every module that a file imports, at any depth of its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def own_parts(path):
    own = (name.split(".") for name in imports_of(path))
    return {part(names[1:]) for names in own if names[0] == "minillm" and names[1:]}


def test_every_part_has_its_rule():
    parts = {part_of(path) for path in FILES}
    assert parts == set(MAY_IMPORT) | ANYTHING


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    part = part_of(path)
    if part not in ANYTHING:
        assert own_parts(path) <= MAY_IMPORT[part] | {part}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_numpy_is_the_only_dependency(path):
    roots = {name.split(".")[0] for name in imports_of(path)} - {"minillm", "numpy"}
    third_party = roots - set(sys.stdlib_module_names)
    assert all(OPTIONAL.get(name) == part_of(path) for name in third_party), third_party


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_is_unpickled_and_nothing_is_fetched(path):
    forbidden = {"pickle", "shelve", "marshal", "urllib", "http", "socket", "ftplib"}
    assert not forbidden & {name.split(".")[0] for name in imports_of(path)}


def test_no_import_goes_in_a_circle():
    above = {part: set(MAY_IMPORT[part]) for part in MAY_IMPORT}
    while above:
        ground = {part for part, needs in above.items() if not needs & set(above)}
        assert ground, f"a circle among {sorted(above)}"
        above = {part: needs for part, needs in above.items() if part not in ground}
