"""A model on a device writes what it writes on the host, one read a token."""

import numpy as np
import pytest

from minillm.device import to_device
from minillm.generation import generate
from tests.device.devices import StandIn
from tests.device.laws import writing_agrees
from tests.device.strict_backend import DeviceArray
from tests.generation.steppers import FAMILIES


@pytest.mark.parametrize("make", FAMILIES.values(), ids=FAMILIES)
def test_what_is_written_is_the_hosts_and_each_step_is_read_once(make):
    writing_agrees(StandIn(), make)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_token_is_one_read(n):
    family = FAMILIES["gpt2"](np.random.default_rng(0), 1)
    to_device(family.model, DeviceArray)
    tokens = generate(family.alone(0), np.array([1, 3]), n, rng=np.random.default_rng(0))
    for _ in range(n):
        with StandIn().waits(1):
            next(tokens)
