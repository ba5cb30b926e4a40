"""The laws of the stand-in on a real GPU: `pytest -m gpu`, where there is one.

CuPy sums in another order than NumPy, so that the numbers are the host's to rounding,
in float64; devices.Gpu says how much that may be.
"""

import functools
import json
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.cli.main import main
from minillm.device import check_device, to_cupy
from minillm.gradient_check.cases import LAYERS, MODELS, OPERATIONS
from minillm.training import SGD, AdamW
from tests.device.devices import Gpu
from tests.device.laws import (
    a_step_in_parts_agrees,
    gradients_agree,
    training_agrees,
    writing_agrees,
)
from tests.device.subjects import SUBJECTS
from tests.generation.steppers import FAMILIES
from tests.strategies import examples, unequal_sizes


@functools.cache
def why_not():
    """Why there is no GPU to test on, or None."""
    if find_spec("cupy") is None:
        return "CuPy is not installed (pip install cupy-cuda12x)"
    try:
        check_device(to_cupy)
    except ValueError as error:
        return str(error)
    return None


pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        why_not() is not None, reason=f"the laws were not run on a GPU: {why_not()}"
    ),
]

GPU = Gpu(to_cupy)
EVERYTHING = OPERATIONS | LAYERS | MODELS
OPTIMIZERS = {
    # a gradient that is zero by structure is rounding, which eps must not blow up
    "AdamW": functools.partial(AdamW, eps=1e-4),
    "SGD": functools.partial(SGD, momentum=0.9),
}


@pytest.mark.parametrize("build", EVERYTHING.values(), ids=EVERYTHING)
@examples(5)
@given(seed=st.integers(0, 2**32 - 1), sizes=unequal_sizes(6))
def test_outputs_and_gradients_are_the_hosts(build, seed, sizes):
    rng = np.random.default_rng(seed)
    gradients_agree(GPU, build(rng, sizes), rng)


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
@pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_training_is_the_hosts(subject, make_optimizer):
    training_agrees(GPU, subject, make_optimizer)
    a_step_in_parts_agrees(GPU, subject, make_optimizer, accumulate=2)


@pytest.mark.parametrize("make", FAMILIES.values(), ids=FAMILIES)
def test_what_is_written_is_the_hosts(make):
    writing_agrees(GPU, make)


def test_the_commands_run_and_learn_what_the_host_learns(tmp_path, capsys):
    """In float32, twenty steps: the loss agrees to a thousandth."""
    text = "the cat sees a dog, and the dog sees a cat. " * 200
    (tmp_path / "text").write_text(text)
    losses = {}
    for device in ("cpu", "gpu"):
        train = f"train --config tiny --steps 20 --threads 1 --device {device}"
        places = ["--text", str(tmp_path / "text"), "--out", str(tmp_path / device)]
        assert main([*train.split(), *places]) == 0
        result = json.loads((tmp_path / device / "result.json").read_text())
        losses[device] = result["figures"][0]["value"]
    assert losses["gpu"] == pytest.approx(losses["cpu"], rel=1e-3)
    ask = ["generate", "--model", str(tmp_path / "gpu"), "--prompt", "the cat"]
    capsys.readouterr()
    assert main([*ask, "--device", "gpu"]) == 0
    assert capsys.readouterr().out.startswith("the cat")
