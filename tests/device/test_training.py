"""A model on a device learns what it learns on the host, and is hardly waited for."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minillm.model_folder import ModelFolder
from minillm.training import SGD, AdamW, mean_loss
from tests.device.devices import StandIn
from tests.device.laws import (
    STEPS,
    a_step_in_parts_agrees,
    trainer_of,
    training_agrees,
    weights_and_moments,
)
from tests.device.strict_backend import DeviceArray
from tests.device.subjects import SUBJECTS

STAND_IN = StandIn()
SUBJECT = SUBJECTS["next token"]
OPTIMIZERS = {"AdamW": AdamW, "SGD": lambda theta: SGD(theta, momentum=0.9)}
every_subject = pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
every_optimizer = pytest.mark.parametrize(
    "make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS
)


@every_subject
def test_twenty_steps_are_the_hosts_and_each_waits_for_two_numbers(subject):
    training_agrees(STAND_IN, subject, AdamW)


@every_optimizer
def test_so_they_are_however_a_batch_is_cut(make_optimizer):
    training_agrees(STAND_IN, SUBJECT, make_optimizer, accumulate=2, threads=2)


@every_subject
@every_optimizer
def test_gradient_clipping_and_update_wait_for_nothing(subject, make_optimizer):
    a_step_in_parts_agrees(STAND_IN, subject, make_optimizer, accumulate=2, threads=2)


@every_subject
def test_evaluation_reads_one_number_a_batch(subject):
    trainer = trainer_of(subject, AdamW, DeviceArray)
    batches = [subject.batch(i) for i in range(3)]
    with STAND_IN.waits(3):
        there = mean_loss(trainer.model, subject.objective, batches)
    assert there == mean_loss(trainer_of(subject, AdamW).model, subject.objective, batches)


@pytest.fixture
def saved(tmp_path):
    """saved(name, convert, steps): train so far in the folder `name`, go on if need be."""

    def train(name, convert, steps):
        folder = ModelFolder(tmp_path / name)
        folder.claim()
        folder.write_json("config.json", {})
        trainer = trainer_of(SUBJECT, AdamW, convert, folder=folder)
        if folder.has_set():
            trainer.resume()
        while trainer.step < steps:
            trainer.train_step()
        trainer.save()
        return folder.path, trainer

    return train


def host(array):
    return array


def test_what_is_saved_does_not_say_where_it_was_learned(saved):
    here, there = (
        saved(name, move, 5)[0] for name, move in [("h", host), ("d", DeviceArray)]
    )
    files = {path.name: path.read_bytes() for path in here.iterdir()}
    assert files == {path.name: path.read_bytes() for path in there.iterdir()}
    assert len(files) == 4


@pytest.mark.parametrize(
    "places",
    [(DeviceArray, host), (host, DeviceArray), (DeviceArray, DeviceArray)],
    ids=["to the host", "to the device", "on the device"],
)
def test_a_run_goes_on_from_a_checkpoint_wherever_that_was_made(saved, places):
    _, straight = saved("straight", host, STEPS)
    first, second = places
    saved("moved", first, 8)
    _, moved = saved("moved", second, STEPS)
    assert isinstance(moved.optimizer.theta.data, np.ndarray) == (second is host)
    found, expected = map(weights_and_moments, (moved, straight))
    for x, y in zip(found, expected, strict=True):
        assert_array_equal(x.get() if second is DeviceArray else x, y)
    assert moved.losses == straight.losses


def test_saving_reads_each_array_once_and_one_check(saved):
    _, trainer = saved("d", DeviceArray, 1)
    trainer.train_step()
    n_arrays = len(trainer.model.state_dict()) + len(weights_and_moments(trainer)) - 1
    with STAND_IN.waits(1 + n_arrays):
        trainer.save()


@pytest.mark.parametrize("name", ["data", "grad"])
def test_a_parameter_that_left_its_vector_is_missed_on_a_device_too(name):
    trainer = trainer_of(SUBJECT, AdamW, DeviceArray)
    trainer.train_step()
    _, p = next(trainer.model.named_parameters())
    setattr(p, name, getattr(p, name).copy())
    with pytest.raises(RuntimeError, match="left its Flat"):
        trainer.train_step()
