"""The training loop: it learns, stops with nothing lost, and goes on as if it had not."""

import io
import json
import math
import os
import signal
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.data import Windows
from minillm.layers import Linear, Module, Parameter
from minillm.model_folder import FolderError, ModelFolder
from minillm.models import DecoderConfig, DecoderOnly
from minillm.training import (
    SGD,
    AdamW,
    Constant,
    Flat,
    NextToken,
    NonFiniteLossError,
    Progress,
    Trainer,
    TrainerSettings,
    WarmupCosine,
)
from tests.strategies import examples, rngs
from tests.training.regression import LeastSquares, Line, Points

STEPS = 12


def line_trainer(folder=None, *, steps=STEPS, make=AdamW, model=None, **kwargs):
    """Dropout, accumulation, threads and a cosine, all on, unless said otherwise."""
    model = model or Line(np.random.default_rng(0), dropout=0.3)
    named = ("seed", "accumulate", "threads", "clip", "evaluate_every", "sample_every")
    given = {name: kwargs.pop(name) for name in named if name in kwargs}
    every = kwargs.pop("checkpoint_every", 0)
    default = {"accumulate": 2, "threads": 2}
    return Trainer(
        model,
        kwargs.pop("objective", LeastSquares()),
        kwargs.pop("batches", Points(1).batch),
        make(Flat(model)),
        kwargs.pop("schedule", WarmupCosine(0.05, 3, STEPS)),
        TrainerSettings(steps=steps, checkpoint_every=every, **(default | given)),
        folder=None if folder is None else ModelFolder(folder),
        **kwargs,
    )


def press_ctrl_c(at_step, times=1, batches=Points(1).batch):  # noqa: B008
    """batches(step), during which Ctrl-C is pressed."""

    def batch(step):
        if step == at_step:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return batches(step)

    return batch


def spoiled(at_step, value):
    """Points, one of which is no point."""

    def batch(step):
        x, y = Points(1).batch(step)
        if step == at_step:
            y[-1] = value
        return x, y

    return batch


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- the smallest run there is


class Number(Module):
    """One number, which is its loss, whatever the batch."""

    def __init__(self):
        self.x = Parameter(np.full(1, 5.0))

    def __call__(self):
        return self.x.data[0], lambda dloss: self.x.accumulate(np.full(1, dloss))


class Itself:
    def __call__(self, model, batch, rng):
        return model()

    def n_targets(self, batch):
        return 7


class Seen:
    """A Progress that shows nothing."""

    def __init__(self):
        self.shown, self.said, self.closed = [], [], False

    def update(self, *shown):
        self.shown.append(shown)

    def say(self, text):
        self.said.append(text)

    def close(self):
        self.closed = True


def run_of_a_number(steps, **kwargs):
    """x goes down by 1 at every step, and each is sampled once. A batch is one array."""
    expected = iter(range(1, steps + 1))

    def sample(step):
        assert step == next(expected)
        return str(step)

    optimizer = SGD(Flat(model := Number()))
    batches, settings = lambda step: (np.zeros(1),), TrainerSettings(steps, sample_every=1)
    named = kwargs | {"sample": sample}
    trainer = Trainer(model, Itself(), batches, optimizer, Constant(1.0), settings, **named)
    try:
        trainer.run()
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C was heard, and nobody had pressed it")
    assert next(expected, None) is None
    return trainer


def test_a_run_takes_its_steps_and_nobody_interrupts_it():
    trainer = run_of_a_number(3)
    assert trainer.step == 3 and trainer.optimizer.theta.data == 2


def test_progress_hears_of_each_step_its_number_its_loss_and_its_targets():
    run_of_a_number(3, progress=(progress := Seen()))
    assert progress.shown == [(1, 5.0, 7), (2, 4.0, 7), (3, 3.0, 7)]
    assert progress.said == ["1", "2", "3"]
    assert progress.closed


def test_a_run_may_evaluate_and_show_it_or_keep_it_to_itself():
    quiet = run_of_a_number(2, evaluate=lambda: 0.5)
    trainer = run_of_a_number(2, evaluate=lambda: 0.5, progress=(progress := Seen()))
    assert progress.valid_loss == 0.5
    assert trainer.history == quiet.history == [{"step": 2, "loss": 4.5, "valid": 0.5}]


# --- it learns


def test_a_line_is_found_by_any_module_and_any_objective():
    model, points = Line(np.random.default_rng(0)), Points(1)
    trainer = line_trainer(
        model=model, steps=300, make=SGD, schedule=Constant(0.1), clip=math.inf
    )
    trainer.run()
    assert_allclose(model.linear.weight.data[:, 0], points.slope, atol=1e-4)
    assert_allclose(model.linear.bias.data, 0.5, atol=1e-4)


def test_a_tiny_decoder_learns_a_periodic_text():
    """What follows a 0 is told only by what precedes it: no bigram can do better than
    half the unigram entropy, ln 4. Of ours, every second window begins with a 0 and costs
    ln 4 for one of its 15 targets: that is ln 4 / 30.
    """
    text = np.array([0, 1, 0, 2, 0, 3, 0, 4] * 40)
    unigram_entropy = math.log(4)
    config = DecoderConfig(5, 16, d_model=32, n_layers=2, n_heads=4, d_ff=64)
    model = DecoderOnly(config, rng=np.random.default_rng(0))
    trainer = Trainer(
        model,
        NextToken(),
        Windows(text, seq_len=15, batch_size=8, seed=0).batch,
        AdamW(Flat(model), betas=(0.9, 0.99)),
        WarmupCosine(1e-2, 5, 100),
        TrainerSettings(steps=100, threads=2, evaluate_every=20),
    )
    trainer.run()
    first, last = trainer.history[0]["loss"], trainer.history[-1]["loss"]
    assert first > unigram_entropy / 2
    assert last < unigram_entropy / 10


@given(st.integers(1, 4), st.integers(1, 4))
@examples(10)
def test_accumulation_and_threads_walk_the_path_of_the_whole_batch(threads, accumulate):
    ends = []
    for cut in (
        {"threads": 1, "accumulate": 1},
        {"threads": threads, "accumulate": accumulate},
    ):
        model = Line(np.random.default_rng(0), dropout=0.3).astype(np.float64)
        trainer = line_trainer(model=model, **cut)
        trainer.run()
        ends.append(trainer.optimizer.theta.data)
    assert_allclose(*ends, rtol=1e-10)


@given(rngs, st.lists(st.floats(1e-3, 0.5), min_size=1, max_size=5), st.floats(0.01, 10))
@examples(10)
def test_a_step_goes_its_rate_along_its_batchs_clipped_gradient(rng, rates, clip):
    """theta = theta - lr g min(1, clip / |g|), with the lr and the batch of that step."""
    model = Line(rng).astype(np.float64)
    points = Points(int(rng.integers(9)))
    trainer = line_trainer(
        model=model,
        steps=len(rates),
        make=SGD,
        batches=points.batch,
        schedule=dict(enumerate(rates, start=1)).get,
        clip=clip,
    )
    theta = trainer.optimizer.theta
    for step, lr in enumerate(rates):
        theta.grad[...], before = 0, theta.data.copy()
        loss, backward = LeastSquares()(model, points.batch(step), None)
        backward()
        g = theta.grad.copy()
        assert_allclose(trainer.train_step(), loss, rtol=1e-12)
        expected = before - lr * g * min(1, clip / np.linalg.norm(g))
        assert_allclose(theta.data, expected, rtol=1e-12, atol=1e-14)


def test_each_step_gets_its_batch_its_rate_and_its_clip():
    """theta moves by lr along the clipped gradient: SGD leaves nothing hidden."""
    rates, steps = {1: 0.5, 2: 0.25, 3: 1.0}, []
    points = Points(1)

    def batches(step):
        steps.append(step)
        x, y = points.batch(step)
        return x, 100 * y  # beyond the limit for sure

    trainer = line_trainer(
        steps=3, make=SGD, batches=batches, schedule=rates.get, clip=0.01
    )
    for rate in rates.values():
        before = trainer.optimizer.theta.data.copy()
        trainer.train_step()
        moved = np.linalg.norm(trainer.optimizer.theta.data - before)
        assert_allclose(moved, rate * 0.01, rtol=1e-4)
    assert steps == [0, 1, 2]


def test_a_seed_decides_what_dropout_drops():
    ends = []
    for seed in (0, 0, 1):
        trainer = line_trainer(seed=seed)
        trainer.run()
        ends.append(trainer.optimizer.theta.data)
    assert_array_equal(ends[0], ends[1])
    assert (ends[0] != ends[2]).any()


def test_every_step_draws_its_own():
    """Dropout that dropped the same at each step would be a smaller network."""

    class Observed(LeastSquares):
        def __call__(self, model, batch, rng):
            keys.append((rng.seed, rng.step, list(rng.examples)))
            return super().__call__(model, batch, rng)

    keys = []
    line_trainer(objective=Observed(), steps=3, seed=9, threads=1).run()
    halves = [[0, 1, 2], [3, 4, 5]]
    assert keys == [(9, step, half) for step in range(3) for half in halves]


@pytest.mark.parametrize(
    ("threads", "accumulate"), [(1, 1), (3, 1), (1, 2), (2, 3), (2, 2)]
)
def test_each_batch_is_cut_for_threads_and_micro_batches(threads, accumulate):
    class Counted(LeastSquares):
        def __call__(self, model, batch, rng):
            shards.append(len(batch[1]))
            return super().__call__(model, batch, rng)

    shards = []
    line_trainer(objective=Counted(), threads=threads, accumulate=accumulate).train_step()
    assert sum(shards) == 6 and len(shards) == threads * accumulate


def test_a_parameter_that_left_its_flat_stops_the_training():
    trainer = line_trainer()
    linear = trainer.model.linear
    linear.weight.data = linear.weight.data.copy()
    with pytest.raises(RuntimeError, match="left its Flat"):
        trainer.run()


# --- it looks around


def test_it_evaluates_samples_and_saves_when_it_is_time_and_at_the_end(tmp_path):
    stream, saved = io.StringIO(), []
    trainer = line_trainer(
        tmp_path,
        steps=7,
        evaluate=lambda: np.float32(trainer.step / 2),  # not a float that JSON knows
        sample=lambda step: f"a text of step {step}",
        progress=Progress(7, stream=stream),
        evaluate_every=3,
        sample_every=5,
        checkpoint_every=2,
    )
    write_set = trainer.folder.write_set
    trainer.folder.write_set = lambda step, *sets: (
        saved.append(step),
        write_set(step, *sets),
    )
    losses = []
    train_step = trainer.train_step
    trainer.train_step = lambda: losses.append(train_step())
    trainer.run()
    assert saved == [2, 4, 6, 7]
    assert [(entry["step"], entry["valid"]) for entry in trainer.history] == [
        (3, 1.5),
        (6, 3.0),
        (7, 3.5),
    ]
    means = [np.mean(losses[:3]), np.mean(losses[3:6]), losses[6]]
    assert_allclose([entry["loss"] for entry in trainer.history], means)
    texts = [line for line in stream.getvalue().splitlines() if "text" in line]
    assert texts == ["a text of step 5", "a text of step 7"]
    assert ModelFolder(tmp_path).current()["state"]["history"] == trainer.history


def test_never_is_never_but_the_end_counts(tmp_path):
    trainer = line_trainer(tmp_path, sample=str)
    trainer.run()
    assert [entry["step"] for entry in trainer.history] == [STEPS]
    assert ModelFolder(tmp_path).current()["step"] == STEPS


def test_no_steps_save_the_model_as_it_is(tmp_path):
    trainer = line_trainer(tmp_path, steps=0)
    trainer.run()
    again = line_trainer(tmp_path, steps=0)
    again.resume()
    assert again.step == 0 and trainer.history == []


# --- it stops


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("value", [np.inf, np.nan, 1e30])
def test_a_loss_that_is_no_number_stops_before_the_weights_change(tmp_path, value):
    """1e30 squared is beyond float32."""
    trainer = line_trainer(tmp_path, batches=spoiled(5, value), checkpoint_every=2)
    for _ in range(5):
        trainer.train_step()
        trainer._look(last=False)
    weights = trainer.optimizer.theta.data.copy()
    state = {name: x.copy() for name, x in trainer.optimizer.state_dict().items()}
    with pytest.raises(NonFiniteLossError, match="at step 6; step 4 is kept in") as caught:
        trainer.run()
    assert str(tmp_path) in str(caught.value)
    assert_array_equal(trainer.optimizer.theta.data, weights)
    for name, array in trainer.optimizer.state_dict().items():
        assert_array_equal(array, state[name])
    again = line_trainer(tmp_path)
    again.resume()
    assert again.step == 4
    assert np.isfinite(again.optimizer.theta.data).all()


class SteepLoss(LeastSquares):
    """A loss that can be told beside a gradient that cannot."""

    def __init__(self, at_step=0):
        self.at_step = at_step

    def __call__(self, model, batch, rng):
        loss, backward = super().__call__(model, batch, rng)
        infinite = np.float32(math.inf)
        return loss, lambda dloss: backward(infinite if rng.step == self.at_step else dloss)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(
    st.integers(0, STEPS - 1),
    st.sampled_from([np.inf, -np.inf, np.nan, 1e30, "steep"]),
)
@examples(10)
def test_wherever_numbers_end_training_does_and_the_weights_are_those_of_the_last_step(
    at_step, value
):
    if value == "steep":
        trainer = line_trainer(objective=SteepLoss(at_step))
    else:
        trainer = line_trainer(batches=spoiled(at_step, value))
    with pytest.raises(NonFiniteLossError, match=f"at step {at_step + 1};"):
        trainer.run()
    untroubled = line_trainer()
    for _ in range(at_step):
        untroubled.train_step()
    assert trainer.step == at_step
    assert_array_equal(trainer.optimizer.theta.data, untroubled.optimizer.theta.data)
    for name, array in untroubled.optimizer.state_dict().items():
        assert_array_equal(trainer.optimizer.state_dict()[name], array)


class InfiniteLoss(LeastSquares):
    """The reverse: a gradient that looks innocent."""

    def __call__(self, model, batch, rng):
        loss, backward = super().__call__(model, batch, rng)
        return loss + np.float32(math.inf), backward


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("objective", [SteepLoss(), InfiniteLoss()])
@pytest.mark.parametrize("folder", [True, False])
def test_either_is_enough_and_where_nothing_was_saved_it_says_so(
    tmp_path, folder, objective
):
    trainer = line_trainer(tmp_path if folder else None, objective=objective)
    weights = trainer.optimizer.theta.data.copy()
    with pytest.raises(NonFiniteLossError, match="at step 1; nothing was saved before"):
        trainer.run()
    assert_array_equal(trainer.optimizer.theta.data, weights)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_weights_that_are_no_numbers_replace_no_saved_set(tmp_path):
    """An update can overflow after a finite loss: that set is not worth keeping."""
    trainer = line_trainer(tmp_path, checkpoint_every=4)
    trainer.schedule = lambda step: 1e300 if step == 8 else 1e-3
    trainer.optimizer.theta.data[...] = 1
    with pytest.raises(NonFiniteLossError, match="by step 8; step 4 is kept in"):
        trainer.run()
    again = line_trainer(tmp_path)
    again.resume()
    assert again.step == 4


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@given(place=st.integers(0, 5))
@examples(6)
def test_one_weight_that_is_no_number_is_enough(tmp_path_factory, value, place):
    trainer = line_trainer(folder := tmp_path_factory.mktemp("empty"))
    trainer.optimizer.theta.data[place] = value
    with pytest.raises(NonFiniteLossError, match="by step 0; nothing was saved before"):
        trainer.save()
    assert list(folder.iterdir()) == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("stop", ["ctrl-c", "nan"])
def test_a_stop_ends_the_line_that_renews_itself(stop):
    stream = io.StringIO()
    stream.isatty = lambda: True
    batches = press_ctrl_c(3) if stop == "ctrl-c" else spoiled(3, np.nan)
    trainer = line_trainer(batches=batches, progress=Progress(STEPS, stream=stream))
    with pytest.raises((KeyboardInterrupt, NonFiniteLossError)):
        trainer.run()
    assert stream.getvalue().endswith("left\n")


@given(st.integers(0, STEPS - 1), st.sampled_from([0, 5]), st.sampled_from([0, 4]))
@examples(8)
def test_ctrl_c_finishes_the_step_and_the_rest_follows_bit_for_bit(
    tmp_path_factory, at_step, checkpoint_every, evaluate_every
):
    every = {"checkpoint_every": checkpoint_every, "evaluate_every": evaluate_every}
    whole, broken = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("broken")
    uninterrupted = line_trainer(whole, **every)
    uninterrupted.run()

    before = signal.getsignal(signal.SIGINT)
    interrupted = line_trainer(broken, batches=press_ctrl_c(at_step), **every)
    with pytest.raises(KeyboardInterrupt):
        interrupted.run()
    assert signal.getsignal(signal.SIGINT) is before
    assert interrupted.step == ModelFolder(broken).current()["step"] == at_step + 1

    resumed = line_trainer(broken, **every)
    resumed.resume()
    assert resumed.step == at_step + 1
    resumed.run()
    assert contents(broken) == contents(whole)  # every array, and trainer.json
    assert resumed.history == uninterrupted.history


def decoder_trainer(folder, batches):
    config = DecoderConfig(9, 8, 8, 2, 2, d_ff=12, dropout=0.2)
    model = DecoderOnly(config, rng=np.random.default_rng(3))
    return Trainer(
        model,
        NextToken(label_smoothing=0.1),
        batches,
        AdamW(Flat(model), weight_decay=0.1),
        WarmupCosine(1e-2, 2, 8),
        TrainerSettings(steps=8, seed=5, accumulate=2, threads=2, checkpoint_every=3),
        folder=ModelFolder(folder),
    )


def test_a_decoder_resumes_bit_for_bit_too(tmp_path):
    text = np.random.default_rng(0).integers(0, 9, 200)
    batches = Windows(text, seq_len=8, batch_size=5, seed=1).batch
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    decoder_trainer(tmp_path / "whole", batches).run()
    for at_step in (1, 4, 5):
        trainer = decoder_trainer(
            tmp_path / "broken", press_ctrl_c(at_step, batches=batches)
        )
        if trainer.folder.has_set():
            trainer.resume()
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
    last = decoder_trainer(tmp_path / "broken", batches)
    last.resume()
    last.run()
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_an_impatient_second_ctrl_c_is_immediate(tmp_path):
    trainer = line_trainer(tmp_path, batches=press_ctrl_c(3, times=2), checkpoint_every=2)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert trainer.step == 3 and ModelFolder(tmp_path).current()["step"] == 2


def test_beside_the_main_thread_training_works_as_well():
    trainer = line_trainer()
    thread = threading.Thread(target=trainer.run)
    thread.start()
    thread.join()
    assert trainer.step == STEPS


# --- it goes on, or says why not


def test_what_is_done_is_done(tmp_path):
    line_trainer(tmp_path).run()
    before = contents(tmp_path)
    again = line_trainer(tmp_path)
    again.resume()
    again.run()
    assert again.step == STEPS and contents(tmp_path) == before


class OtherLine(Module):
    def __init__(self, rng, d_in=5):
        self.linear = Linear(d_in, 1, bias=False, rng=rng)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "was trained with seed 0, not 1"),
        ({"make": SGD}, "is not that of this optimizer: .'velocity'."),
        ({"model": OtherLine(np.random.default_rng(0))}, "linear.bias is unexpected"),
        ({"model": OtherLine(np.random.default_rng(0), 4)}, r"shape \(5, 1\) instead of"),
    ],
)
def test_another_run_is_not_resumed(tmp_path, change, message):
    line_trainer(tmp_path).run()
    with pytest.raises(FolderError, match=message) as caught:
        line_trainer(tmp_path, **change).resume()
    assert str(tmp_path) in str(caught.value)


def test_without_a_folder_or_a_set_there_is_nothing_to_resume(tmp_path):
    with pytest.raises(FolderError, match="no folder to resume from"):
        line_trainer().resume()
    with pytest.raises(FolderError, match=r"trainer\.json is missing"):
        line_trainer(tmp_path).resume()
    with pytest.raises(FolderError, match=r"trainer\.json is missing"):
        line_trainer(tmp_path / "nowhere").resume()


def test_a_set_without_its_random_state_is_not_resumed(tmp_path):
    trainer = line_trainer(tmp_path)
    trainer.folder.write_set(3, trainer.model.state_dict(), {}, {})
    with pytest.raises(FolderError, match="without its random state"):
        trainer.resume()


def test_a_set_whose_random_state_is_of_another_step_is_not_resumed(tmp_path):
    trainer, kept = line_trainer(tmp_path), {}
    trainer.folder.write_set = lambda step, *sets: kept.update(sets[1])
    trainer.save()
    assert all(isinstance(x, np.ndarray) for x in kept.values())
    ModelFolder(tmp_path).write_set(3, trainer.model.state_dict(), kept, {})
    with pytest.raises(FolderError, match="step 0 was saved as step 3"):
        line_trainer(tmp_path).resume()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    line_trainer(folder).run()
    return folder


@given(st.sampled_from(["history", "losses"]), json_values)
def test_a_history_that_is_none_is_refused_by_name(finished, field, value):
    path = finished / "trainer.json"
    good = path.read_text()
    trainer = line_trainer(finished)
    content = json.loads(good)
    content["state"][field] = value
    del content["sha256"]["trainer.json"]  # it would be noticed by its checksum alone
    path.write_text(json.dumps(content))
    try:
        trainer.resume()
    except FolderError as error:
        assert "trainer.json: history or losses is wrong" in str(error)
        assert trainer.step == 0
    else:
        assert value == []
    finally:
        path.write_text(good)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": -1}, "steps -1 must be at least 0"),
        ({"seed": -1}, "seed -1 must be at least 0"),
        ({"seed": 1 << 63}, r"seed 9223372036854775808 must be below 2\^63"),
        ({"accumulate": 0}, "accumulate 0 must be at least 1"),
        ({"threads": 0}, "threads 0 must be at least 1"),
        ({"evaluate_every": -1}, "evaluate_every -1 must be at least 0"),
        ({"sample_every": -1}, "sample_every -1 must be at least 0"),
        ({"checkpoint_every": -1}, "checkpoint_every -1 must be at least 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        TrainerSettings(**({"steps": 1} | given))


def test_unless_told_otherwise_it_looks_at_the_end_only_and_cuts_nothing_up():
    assert TrainerSettings(steps=3) == TrainerSettings(
        steps=3,
        seed=0,
        clip=1.0,
        accumulate=1,
        threads=1,
        evaluate_every=0,
        sample_every=0,
        checkpoint_every=0,
    )


def test_the_largest_seed_trains_and_is_saved(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        line_trainer(tmp_path, seed=(1 << 63) - 1).run()
    line_trainer(tmp_path, seed=(1 << 63) - 1).resume()


@given(rngs)
@examples(3)
def test_ignored_targets_alone_change_nothing_but_what_decays(rng):
    """A step without targets is a step of weight decay: no NaN from 0 / 0."""
    model = DecoderOnly(DecoderConfig(5, 4, 4, 1, 2), rng=rng)
    before = {name: p.data.copy() for name, p in model.named_parameters()}
    batch = rng.integers(0, 5, (3, 4)), np.full((3, 4), F.IGNORED)
    optimizer = AdamW(Flat(model), weight_decay=0.5)
    settings = TrainerSettings(steps=1, threads=2)
    Trainer(model, NextToken(), lambda _: batch, optimizer, Constant(0.1), settings).run()
    for name, p in model.named_parameters():
        expected = before[name] * np.float32(0.95) if p.decay else before[name]
        assert_allclose(p.data, expected, rtol=1e-6)


def test_another_run_in_the_folder_is_not_overwritten(tmp_path):
    line_trainer(tmp_path, checkpoint_every=4).run()
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(FolderError, match="holds a run: resume"):
        line_trainer(tmp_path).run()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files
