"""python -m minillm.gradient_check: one row for everything, and an exit code to trust."""

import re
import subprocess
import sys

import pytest

from minillm import functional as F
from minillm.gradient_check.__main__ import chosen, main
from minillm.gradient_check.cases import LAYERS, MODELS, OPERATIONS

ROW = re.compile(r"^(operation|layer|model) +(.*?) +(\d+) +(\S+)$", re.MULTILINE)


def table(capsys, *argv):
    """The exit code, the rows as (kind, name, n_arrays, error), and all that was said."""
    code = main(argv)
    said = capsys.readouterr()
    return code, ROW.findall(said.out), said.out + said.err


def test_every_operation_layer_and_model_has_a_row():
    assert [name for _, name, _ in chosen([])] == [*OPERATIONS, *LAYERS, *MODELS]


def test_rows_tell_how_many_arrays_and_an_error_below_one_in_a_million(capsys):
    code, rows, said = table(capsys, "--only", "linear", "--only", "PreNormBlock")
    assert code == 0
    assert [row[:3] for row in rows] == [
        ("operation", "linear", "3"),
        ("operation", "linear/without bias", "2"),
        ("layer", "PreNormBlock", "16"),
    ]
    assert all(0 < float(error) < 1e-6 for *_, error in rows)
    assert "3 rows, 21 arrays" in said


def test_a_name_with_a_slash_is_one_row(capsys):
    _, rows, _ = table(capsys, "--only", "attention/masked")
    assert [name for _, name, *_ in rows] == ["attention/masked"]


def test_a_seed_says_all_that_is_drawn_and_other_rows_say_nothing(capsys):
    _, alone, _ = table(capsys, "--only", "silu")
    _, beside, _ = table(capsys, "--only", "tanh", "--only", "silu")
    _, other, _ = table(capsys, "--only", "silu", "--seed", "1")
    assert alone != other
    assert alone[0] in beside


def test_a_wrong_gradient_is_named_and_fails_the_command(capsys, monkeypatch):
    right = F.rms_norm

    def wrong(x, gamma, eps=1e-6):
        y, backward = right(x, gamma, eps)
        return y, lambda dy: (backward(dy)[0], 1.00001 * backward(dy)[1])

    monkeypatch.setattr(F, "rms_norm", wrong)
    code, rows, said = table(capsys, "--only", "rms_norm", "--only", "RMSNorm")
    assert code == 1
    assert all(5e-6 < float(error) < 2e-5 for *_, error in rows)
    assert "WRONG rms_norm: input 1: backward claims" in said
    assert "WRONG RMSNorm: gamma: backward claims" in said
    assert "2 wrong" in said


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--only", "layernorm"], "--only layernorm: give one of Alibi, "),
        (["--seed", "-1"], "'-1': give a whole number, 0 or more"),
    ],
)
def test_what_cannot_be_is_refused_before_work_starts(argv, complaint, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(argv)
    said = capsys.readouterr()
    assert complaint in said.err
    assert not said.out


def test_it_runs_from_the_package_alone(tmp_path):
    """In another folder, where there are no tests to import."""
    script = (
        "import sys; from minillm.gradient_check.__main__ import main; "
        "code = main(['--only', 'tanh']); "
        "sys.exit(code or 7 * any(name.split('.')[0] == 'tests' for name in sys.modules))"
    )
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ROW.search(ended.stdout)


def test_checking_ones_own_gradients_loads_no_catalogue():
    script = "import sys, minillm.gradient_check; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "minillm.gradient_check.check" in said.stdout.split()
    assert "minillm.layers" not in said.stdout.split()
