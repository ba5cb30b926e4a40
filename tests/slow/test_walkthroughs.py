"""Every walkthrough is an argument, and its asserts are the proof: run them all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "walkthroughs").glob("*.py"))
LIMIT = 180  # seconds for one script, on a busy machine

# Python imports a sitecustomize before anything else. This one cuts the network.
NO_NETWORK = """
import sys


def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise RuntimeError(f"a walkthrough asked for the network: {event} {args}")


sys.addaudithook(refuse)
"""
NO_MATPLOTLIB = 'raise ImportError("matplotlib is hidden from this test")\n'


def walk(script, folder):
    """Run a script from top to bottom in `folder`, with the modules that lie there."""
    (folder / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    quick = ["--quick"] if trains(script) else []
    done = subprocess.run(
        [sys.executable, str(script), *quick],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
    )
    assert done.returncode == 0, f"{script.name}\n{done.stdout[-2000:]}\n{done.stderr}"
    return done


def trains(script):
    """A walkthrough that trains declares a quick form of itself."""
    return "--quick" in script.read_text(encoding="utf-8")


def draws(script):
    return "matplotlib" in script.read_text(encoding="utf-8")


def cells(script):
    """The script's cells as (is_markdown, lines)."""
    found = []
    for line in script.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %%"):
            found.append((line == "# %% [markdown]", []))
        elif found:
            found[-1][1].append(line)
    return found


def test_each_walkthrough_has_a_number_of_its_own():
    numbers = [int(script.name.split("_")[0]) for script in SCRIPTS]
    assert numbers and len(numbers) == len(set(numbers))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_walkthrough_holds_what_it_claims(script, tmp_path):
    done = walk(script, tmp_path)
    assert done.stdout.strip()
    assert "Warning" not in done.stderr


@pytest.mark.parametrize(
    "script", [s for s in SCRIPTS if draws(s) and not trains(s)], ids=lambda s: s.stem
)
def test_without_matplotlib_a_walkthrough_says_that_no_picture_is_saved(script, tmp_path):
    (tmp_path / "matplotlib.py").write_text(NO_MATPLOTLIB, encoding="utf-8")
    assert "matplotlib is not installed" in walk(script, tmp_path).stdout
    assert not (tmp_path / "pictures").exists()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_walkthrough_is_prose_and_code_in_cells_and_the_code_asserts(script):
    markdown = [lines for is_markdown, lines in cells(script) if is_markdown]
    code = ["\n".join(lines) for is_markdown, lines in cells(script) if not is_markdown]
    assert markdown[0][0].startswith("# # "), "the first cell is the title"
    assert all(line.startswith("#") for lines in markdown for line in lines if line.strip())
    assert sum("assert " in cell for cell in code) >= len(code) / 2
