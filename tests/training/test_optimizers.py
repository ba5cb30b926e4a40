"""An optimizer is its equation, for every entry and at every step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.layers import Module, Parameter
from minillm.training import SGD, AdamW, Flat, optimizers
from tests.strategies import rngs

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
sizes = st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(any)  # decayed, others
rates = st.floats(1e-4, 0.5)
betas = st.sampled_from([0.0, 0.5, 0.9, 0.999])


class Two(Module):
    """A parameter that decays and one that does not, either of which may be empty."""

    def __init__(self, rng, n_decayed, n_others):
        self.others = Parameter(rng.normal(size=n_others))
        self.decayed = Parameter(rng.normal(size=n_decayed), decay=True)


def flat(rng, sizes, dtype=np.float64):
    return Flat(Two(rng, *sizes).astype(dtype))


def scattered(rng, n):
    """Gradients of very different sizes; some are zero, as of a word that is absent."""
    return rng.normal(size=n) * 10.0 ** rng.integers(-6, 4, n) * (rng.random(n) < 0.8)


def adamw_by_the_book(theta, gradients, rates, n_decayed, betas, eps, weight_decay):
    """Loshchilov & Hutter 2019, alg. 2, one number at a time."""
    theta, (beta1, beta2) = theta.copy(), betas
    for i in range(len(theta)):
        m = v = 0.0
        for t, (g, lr) in enumerate(zip(gradients, rates, strict=True), start=1):
            m = beta1 * m + (1 - beta1) * g[i]
            v = beta2 * v + (1 - beta2) * g[i] ** 2
            m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
            decay = weight_decay * theta[i] if i < n_decayed else 0.0
            theta[i] -= lr * (m_hat / (np.sqrt(v_hat) + eps) + decay)
    return theta


@given(
    rngs, sizes, st.lists(rates, max_size=5), betas, betas, st.sampled_from([1e-8, 0.3]),
    st.floats(0, 1), st.integers(1, 7),
)  # fmt: skip
def test_adamw_is_its_equation_wherever_the_parts_are_cut(
    rng, sizes, rates, beta1, beta2, eps, weight_decay, part
):
    theta = flat(rng, sizes)
    gradients = [scattered(rng, theta.data.size) for _ in rates]
    expected = adamw_by_the_book(
        theta.data, gradients, rates, sizes[0], (beta1, beta2), eps, weight_decay
    )
    adamw = AdamW(theta, (beta1, beta2), eps, weight_decay)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimizers, "PART", part)
        for g, lr in zip(gradients, rates, strict=True):
            theta.grad[...] = g
            adamw.step(lr)
            assert_array_equal(theta.grad, g)
    assert_allclose(theta.data, expected, **CLOSE)


def test_unless_told_otherwise_the_constants_are_those_that_everybody_uses():
    """Kingma & Ba 2015, alg. 1, and PyTorch's decay; SGD has no momentum."""
    theta = flat(np.random.default_rng(0), (1, 1))
    adamw = AdamW(theta)
    assert (adamw.betas, adamw.eps, adamw.weight_decay) == ((0.9, 0.999), 1e-8, 0.01)
    assert SGD(theta).momentum == 0


def test_a_decayed_slice_may_end_within_a_real_part_or_on_its_border():
    for n_decayed in (optimizers.PART - 1, optimizers.PART, optimizers.PART + 5):
        theta = flat(np.random.default_rng(0), (n_decayed, 2 * optimizers.PART))
        before = theta.data.copy()
        AdamW(theta, weight_decay=0.5).step(lr=0.1)
        assert_allclose(theta.data[:n_decayed], before[:n_decayed] * 0.95, rtol=1e-15)
        assert_array_equal(theta.data[n_decayed:], before[n_decayed:])


@given(rngs, sizes, rates, betas, betas)
def test_adams_first_step_is_lr_in_the_direction_of_the_sign(rng, sizes, lr, beta1, beta2):
    theta = flat(rng, sizes)
    before = theta.data.copy()
    theta.grad[...] = rng.normal(size=theta.grad.shape) + np.sign(before) * 1e-3
    AdamW(theta, (beta1, beta2), eps=0, weight_decay=0).step(lr)
    assert_allclose(theta.data, before - lr * np.sign(theta.grad), **CLOSE)


@given(rngs, sizes, st.integers(-20, 20))
def test_at_eps_0_adam_does_not_care_how_large_gradients_are(rng, sizes, power):
    """Powers of two scale without rounding: the paths agree to the last bit."""
    ends = []
    start, gradients = rng.normal(size=sum(sizes)), rng.normal(size=(4, sum(sizes)))
    for scale in (1.0, 2.0**power):
        theta = flat(rng, sizes)
        theta.data[...] = start
        adamw = AdamW(theta, eps=0)
        for g in gradients:
            theta.grad[...] = scale * g
            adamw.step(0.01)
        ends.append(theta.data)
    assert_array_equal(*ends)


@given(rngs, sizes, rates, betas, betas, st.integers(1, 6))
def test_averages_of_a_constant_gradient_are_corrected_to_it_at_every_step(
    rng, sizes, lr, beta1, beta2, steps
):
    """m_hat = g and v_hat = g^2, so that every step is as long as the first."""
    theta = flat(rng, sizes)
    g = rng.normal(size=theta.grad.shape) + np.sign(theta.data) * 1e-3
    theta.grad[...], start = g, theta.data.copy()
    adamw = AdamW(theta, (beta1, beta2), eps=0, weight_decay=0)
    for t in range(1, steps + 1):
        adamw.step(lr)
        assert_allclose(adamw.m / (1 - beta1**t), g, rtol=1e-12)
        assert_allclose(adamw.v / (1 - beta2**t), g * g, rtol=1e-12)
        assert_allclose(theta.data, start - t * lr * np.sign(g), **CLOSE)


@given(rngs, sizes, rates, st.floats(0, 1), st.integers(1, 4))
def test_without_gradients_adamw_only_decays_what_declares_it(
    rng, sizes, lr, weight_decay, steps
):
    theta = flat(rng, sizes)
    before = theta.data.copy()
    adamw = AdamW(theta, weight_decay=weight_decay)
    for _ in range(steps):
        adamw.step(lr)
    n = sizes[0]
    shrunk = before[:n] * (1 - lr * weight_decay) ** steps
    assert_allclose(theta.data[:n], shrunk, **CLOSE)
    assert_array_equal(theta.data[n:], before[n:])


@given(rngs, sizes, st.lists(rates, max_size=5), st.sampled_from([0.0, 0.5, 0.9]))
def test_sgd_is_its_equation(rng, sizes, rates, momentum):
    theta = flat(rng, sizes)
    expected, velocity = theta.data.copy(), np.zeros(theta.data.size)
    sgd = SGD(theta, momentum)
    for lr in rates:
        theta.grad[...] = scattered(rng, theta.data.size)
        velocity = momentum * velocity + theta.grad
        expected = expected - lr * velocity
        sgd.step(lr)
    assert_allclose(theta.data, expected, **CLOSE)


@given(rngs, sizes, rates, st.floats(0, 0.95), st.integers(1, 8))
def test_a_constant_gradient_gathers_momentum_up_to_its_limit(
    rng, sizes, lr, momentum, steps
):
    """velocity_t = g (1 - momentum^t) / (1 - momentum), and theta moves by their sum."""
    theta = flat(rng, sizes)
    start = theta.data.copy()
    theta.grad[...] = g = rng.normal(size=theta.grad.shape)
    sgd = SGD(theta, momentum)
    for _ in range(steps):
        sgd.step(lr)
    shares = (1 - momentum ** np.arange(1, steps + 1)) / (1 - momentum)
    assert_allclose(sgd.velocity, g * shares[-1], **CLOSE)
    assert_allclose(theta.data, start - lr * g * shares.sum(), rtol=1e-12, atol=1e-11)


@given(rngs, sizes, st.lists(rates, max_size=5))
def test_without_momentum_it_is_gradient_descent_to_the_last_bit(rng, sizes, rates):
    theta = flat(rng, sizes)
    expected, sgd = theta.data.copy(), SGD(theta)
    for lr in rates:
        theta.grad[...] = scattered(rng, sum(sizes))
        expected -= lr * theta.grad
        sgd.step(lr)
    assert_array_equal(theta.data, expected)


OPTIMIZERS = {
    "adamw": lambda theta: AdamW(theta, (0.8, 0.9), weight_decay=0.1),
    "sgd": SGD,
    "momentum": lambda theta: SGD(theta, 0.7),
}
every_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def walk(optimizer, gradients):
    for g in gradients:
        optimizer.theta.grad[...] = g
        optimizer.step(0.05)


@every_optimizer
@given(rngs, sizes, st.integers(0, 4), st.integers(1, 4))
def test_a_restored_state_goes_on_to_the_last_bit(make, rng, sizes, n_before, n_after):
    first = make(flat(rng, sizes, np.float32))
    walk(first, rng.normal(size=(n_before, sum(sizes))))
    second = make(flat(rng, sizes, np.float32))
    walk(second, rng.normal(size=(2, sum(sizes))))  # a past of its own is forgotten
    second.theta.data[...] = first.theta.data
    second.load_state_dict({name: x.copy() for name, x in first.state_dict().items()})
    gradients = rng.normal(size=(n_after, sum(sizes)))
    walk(first, gradients), walk(second, gradients)
    assert_array_equal(second.theta.data, first.theta.data)
    for name, array in first.state_dict().items():
        assert_array_equal(second.state_dict()[name], array)


@every_optimizer
def test_float32_stays_float32_and_theta_at_home(make):
    theta = flat(np.random.default_rng(0), (3, 4), np.float32)
    optimizer = make(theta)
    walk(optimizer, np.ones((2, 7)))
    theta.check_home()
    assert theta.data.dtype == np.float32
    assert {x.dtype for x in optimizer.state_dict().values()} <= {
        np.dtype(np.float32),
        np.dtype(np.int64),
    }


@every_optimizer
@pytest.mark.parametrize("fault", ["missing", "unexpected", "size", "another"])
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(make, fault):
    rng = np.random.default_rng(0)
    optimizer = make(flat(rng, (3, 4)))
    walk(optimizer, rng.normal(size=(2, 7)))
    before = {name: x.copy() for name, x in optimizer.state_dict().items()}
    wrong = {name: x + 1 for name, x in before.items()}
    if fault == "missing":
        wrong.popitem()
    elif fault == "unexpected":
        wrong["more"] = np.zeros(7)
    elif fault == "size":
        name = next(iter(wrong))
        wrong[name] = np.zeros(8)
    else:
        wrong = {"something": np.zeros(7)}
    with pytest.raises(ValueError, match="optimizer state"):
        optimizer.load_state_dict(wrong)
    for name, array in optimizer.state_dict().items():
        assert_array_equal(array, before[name])


def test_a_step_count_that_is_no_number_is_refused_before_anything_changes():
    adamw = AdamW(flat(np.random.default_rng(0), (1, 1)))
    wrong = {"m": np.ones(2), "v": np.ones(2), "t": np.ones(2)}
    with pytest.raises(ValueError, match="optimizer state t holds 2 numbers"):
        adamw.load_state_dict(wrong)
    assert_array_equal(adamw.m, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"t": np.array(-1)}, "optimizer state t is -1"),  # 1 - beta^0 would divide
        ({"t": np.array(1.5)}, "optimizer state t is float64"),
        ({"m": np.ones(2, int)}, "optimizer state m is int64"),
    ],
)
def test_numbers_that_no_training_leaves_are_refused_and_change_nothing(wrong, message):
    adamw = AdamW(flat(np.random.default_rng(0), (1, 1)))
    state = {"m": np.ones(2), "v": np.ones(2), "t": np.array(1)} | wrong
    with pytest.raises(ValueError, match=message):
        adamw.load_state_dict(state)
    assert adamw.t == 0
    assert_array_equal(adamw.m, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda theta: AdamW(theta, betas=(1.0, 0.9)), r"betas \(1.0, 0.9\)"),
        (lambda theta: AdamW(theta, betas=(0.9, -0.1)), "give 0 <= beta < 1 for both"),
        (lambda theta: AdamW(theta, betas=(0.9, float("nan"))), "betas"),
        (lambda theta: AdamW(theta, eps=-1e-8), "eps -1e-08.*: give at least 0"),
        (lambda theta: AdamW(theta, eps=float("nan")), "eps nan"),
        (lambda theta: AdamW(theta, weight_decay=-1), "weight_decay -1"),
        (lambda theta: AdamW(theta, weight_decay=float("nan")), "weight_decay nan"),
        (lambda theta: SGD(theta, momentum=1.0), "momentum 1.0: give 0 <= momentum < 1"),
        (lambda theta: SGD(theta, momentum=-0.5), "momentum -0.5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(flat(np.random.default_rng(0), (1, 1)))
