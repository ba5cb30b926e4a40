"""The tree shows every model once, in its year, on its branch, with its size."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.cli.tree import BRANCHES, SIGNS, evolution_tree, save_evolution_tree, size
from minillm.models import PUBLISHED

MODELS = list(PUBLISHED.values())


def rows(tree):
    """(year, line) for every line that has a year or stands below one."""
    year, found = None, []
    for line in tree.splitlines()[1:-1]:
        year = int(line[:4]) if line[:4].strip() else year
        found.append((year, line))
    return found


@given(st.lists(st.sampled_from(MODELS), unique_by=lambda m: m.name), st.integers(84, 120))
def test_every_model_stands_once_in_its_year_and_on_its_branch(models, width):
    tree = evolution_tree(models, width)
    assert max(map(len, tree.splitlines())) <= width
    for model in models:
        leaf = f"{SIGNS[model.weights]} {model.name} {size(model.n_parameters)}"
        places = [(y, r.index(leaf)) for y, r in rows(tree) if re.search(f"{leaf}( |$)", r)]
        column = tree.splitlines()[0].index(model.branch)
        assert places == [(model.year, column)]
    leaves = sum(tree.count(sign) for sign in SIGNS.values())
    assert leaves == len(models) + len(SIGNS)  # and the legend's


def test_the_branches_part_after_the_first_transformers():
    lines = evolution_tree(MODELS).splitlines()
    assert "Transformer big" in lines[2] and "┼" in lines[3] and "BERT" in lines[4]
    heads = [lines[0].index(branch) for branch in BRANCHES]
    assert [lines[3][column] for column in heads] == ["┌", "┼", "┐"]
    assert not lines[2][: heads[1]].replace("│", "").strip()  # nothing grows there yet


def test_a_tree_that_is_too_narrow_for_its_names_is_refused():
    with pytest.raises(ValueError, match="width 83: give at least 84 columns"):
        evolution_tree(MODELS, 83)


def test_sizes_have_three_digits():
    numbers = [7, 999, 1_500, 999_499, 999_500, 63_082_496, 6_738_415_616, 176_247_271_424]
    words = ["7", "999", "1.50 K", "999 K", "1.00 M", "63.1 M", "6.74 B", "176 B"]
    assert [size(n) for n in numbers] == words


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_picture_is_saved_whole(suffix, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / f"tree{suffix}"
    save_evolution_tree(MODELS, path)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG") if suffix == ".png" else b"</svg>" in data
    assert list(tmp_path.iterdir()) == [path]
