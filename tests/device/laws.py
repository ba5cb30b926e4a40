"""The laws of a device, written once: the stand-in and a real GPU are held to them."""

from functools import partial

import numpy as np

from minillm import functional as F
from minillm.device import on_host, to_device
from minillm.generation import beam_search, generate, greedy_batch
from minillm.training import (
    Flat,
    Trainer,
    TrainerSettings,
    WarmupCosine,
    clip_by_global_norm,
)
from tests.strategies import scatter

STEPS = 20


def gradients_agree(device, case, rng):
    """Outputs and all gradients of a case are the host's, and nothing waits for them."""
    y, backward = case.run()
    dy = rng.normal(size=y.shape)
    expected = [y, *case.gradients(backward, dy)]

    case.inputs, case.constants = device.move(case.inputs), device.move(case.constants)
    if case.module is not None:
        to_device(case.module, device.convert)
    on_device = device.convert(dy)
    with device.waits(0):
        y, backward = case.run()
        computed = [y, *case.gradients(backward, on_device)]
    device.agree(computed, expected)


def trainer_of(subject, make_optimizer, convert=on_host, *, folder=None, **settings):
    """A trainer in float64, of a model that was scattered on the host and then moved."""
    model = scatter(subject.model().astype(np.float64), np.random.default_rng(1))
    to_device(model, convert)
    return Trainer(
        model,
        subject.objective,
        subject.batch,
        make_optimizer(Flat(model)),
        WarmupCosine(0.02, warmup_steps=3, total_steps=STEPS),
        TrainerSettings(STEPS, clip=0.1, **settings),
        folder=folder,
    )


def training_agrees(device, subject, make_optimizer, **settings):
    """After twenty steps the weights are the host's; each has waited for two numbers.

    These are the loss, which is reported, and the gradient's norm: both must be finite
    before a step is taken.
    """
    there = trainer_of(subject, make_optimizer, device.convert, **settings)
    here = trainer_of(subject, make_optimizer, **settings)
    for _ in range(STEPS):
        with device.waits(2):
            there.train_step()
        here.train_step()
    device.compare([np.array(there.losses)], [np.array(here.losses)])
    device.agree(*map(weights_and_moments, (there, here)))


def weights_and_moments(trainer):
    state = trainer.optimizer.state_dict()
    return [trainer.optimizer.theta.data, *(x for x in state.values() if x.ndim)]


def a_step_in_parts_agrees(device, subject, make_optimizer, **settings):
    """Gradient, clipping and update happen on the device, and none of them waits."""
    there = trainer_of(subject, make_optimizer, device.convert, **settings)
    here = trainer_of(subject, make_optimizer, **settings)
    with device.waits(0):
        found = step_in_parts(there)
    device.agree(found, step_in_parts(here))


def step_in_parts(trainer):
    """Loss, gradient, its norm, what clipping leaves of it, and the moved weights."""
    theta, batch = trainer.optimizer.theta, trainer.batches(0)
    rng = F.Draws(trainer.settings.seed, 0, range(len(batch[0])))
    loss = trainer.gradient(trainer.objective, batch, rng)
    grad = theta.grad.copy()
    norm = clip_by_global_norm(theta.grad, trainer.settings.clip)
    trainer.optimizer.step(0.02)
    return [loss, grad, norm, theta.grad.copy(), theta.data.copy()]


class Counted:
    """A stepper that counts its steps."""

    def __init__(self, stepper):
        self.stepper, self.n_steps = stepper, 0

    def __getattr__(self, name):
        value = getattr(self.stepper, name)
        if name == "single_step":
            return lambda caches: self.counting(value(caches))
        return self.counting(value) if name.startswith("step") else value

    def counting(self, step):
        def counted(*arguments):
            self.n_steps += 1
            return step(*arguments)

        return counted


def sampled(model, ids):
    tokens = list(generate(model, ids, 6, rng=np.random.default_rng(1)))
    return [token.id for token in tokens], [token.probabilities for token in tokens]


def greedily(model, ids):
    return greedy_batch(model, ids[None], end_id=2, max_new_tokens=6), []


def by_beam(model, ids, coverage_penalty=0.0):
    found = beam_search(
        model,
        ids,
        width=3,
        max_new_tokens=6,
        end_id=2,
        coverage_penalty=coverage_penalty,
    )
    return [y.ids for y in found], [np.array([y.score for y in found])]


def writing_agrees(device, make):
    """Each way to write chooses the host's tokens. A step is read once: its logits.

    Where coverage counts, beam search reads how the step looked at the source as well.
    """
    family, ids = make(np.random.default_rng(0), 1), np.array([1, 3])
    ways = {sampled: 1, greedily: 1, by_beam: 1}
    if hasattr(family.alone(0), "step_with_attention"):
        ways[partial(by_beam, coverage_penalty=0.2)] = 2
    host = {way: Counted(family.alone(0)) for way in ways}
    expected = {way: way(model, ids) for way, model in host.items()}
    to_device(family.model, device.convert)
    for way, reads in ways.items():
        model = family.alone(0)
        with device.waits(reads * host[way].n_steps):
            chosen, numbers = way(model, ids)
        assert chosen == expected[way][0]
        device.compare(numbers, expected[way][1])
