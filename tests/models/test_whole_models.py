"""Every parameter of every model, through the loss that it is trained on, measured twice.

Central differences and complex steps share no code, so a wrong checker cannot hide
another. tests/parity/test_whole_models_autograd.py asks PyTorch as a third.
"""

import numpy as np
import pytest
from hypothesis import given

from minillm import functional as F
from minillm import layers, training
from minillm.gradient_check import GradientError
from minillm.gradient_check.cases import MODELS
from minillm.models.parts import PARTS
from minillm.models.recurrent import CELLS
from tests.gradient_check.complex_step import TOLERANCE, complex_step_errors
from tests.strategies import examples, rngs, unequal_sizes

SIZES = (4, 5, 3, 7, 6, 2)
models = pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
sizes = unequal_sizes(6, smallest=2)


@models
@examples(1)
@given(rng=rngs, sizes=sizes)
def test_every_gradient_is_the_slope_of_the_loss(build, rng, sizes):
    case = build(rng, sizes)
    assert case.n_arrays
    case.check(rng)


@models
@examples(2)
@given(rng=rngs, sizes=sizes)
def test_every_gradient_is_the_slope_of_the_loss_to_rounding(build, rng, sizes):
    for name, error in complex_step_errors(build(rng, sizes), rng):
        assert error < TOLERANCE, name


# Nothing is left out.


def configs(model=None):
    made = [build(np.random.default_rng(0), SIZES).module for build in MODELS.values()]
    return [m.config for m in made if model is None or type(m).__name__ == model]


@pytest.mark.parametrize("kind", PARTS)
def test_every_part_that_a_config_can_name_is_in_a_decoder(kind):
    assert {getattr(config, kind) for config in configs("DecoderOnly")} == set(PARTS[kind])


def test_heads_are_shared_and_their_width_given_in_some_decoder_and_not_in_others():
    shared = {(c.n_kv_heads is None, c.d_head is None) for c in configs("DecoderOnly")}
    assert {(True, True), (False, False)} <= shared
    assert {c.bias for c in configs("DecoderOnly")} == {True, False}


def test_every_encoder_decoder_of_note_is_there():
    """The paper's, BART's and T5's: what is embedded, where the norms stand, what order."""
    seen = {(c.block, c.norm, c.positions) for c in configs("EncoderDecoder")}
    assert seen == {
        ("post_norm", "layer_norm", "sinusoidal"),
        ("post_norm", "layer_norm", "learned"),
        ("pre_norm", "rms_norm", "relative"),
    }


def test_every_cell_is_there():
    assert {config.cell for config in configs("RecurrentLM")} == set(CELLS)


NOT_THE_SLOPE = {
    "Objective": "a protocol",
    "TruncatedNextToken": "cuts the gradient; tests/training/test_truncated.py",
}


def test_every_objective_is_used_and_every_model_but_the_bare_encoder_has_one():
    cases = [build(np.random.default_rng(0), SIZES) for build in MODELS.values()]
    used = {type(c.constants.get("objective")).__name__ for c in cases}
    objectives = {n for n in training.__all__ if hasattr(getattr(training, n), "n_targets")}
    assert used - {"NoneType"} == objectives - set(NOT_THE_SLOPE)
    bare = {type(c.module).__name__ for c in cases if "objective" not in c.constants}
    assert bare == {"EncoderOnly"}


@models
def test_dropout_drops_something(build):
    """So that the slope with it is another than without it."""
    case = build(np.random.default_rng(0), SIZES)
    with_dropout, _ = case.run()
    case.constants["rng"] = None
    assert not np.array_equal(with_dropout, case.run()[0])


# Defects that public implementations have had, planted in the models: both ways of
# measuring notice each of them.


def changing(name, change):
    """The operation with its gradients changed on the way out, for each call."""

    def plant(monkeypatch):
        right = getattr(F, name)

        def wrong(*inputs, **options):
            y, backward = right(*inputs, **options)
            return y, lambda *dy: change(backward(*dy), *inputs)

        monkeypatch.setattr(F, name, wrong)

    return plant


def overwritten(monkeypatch):
    def accumulate(self, grad):
        self.grad = grad.copy()

    monkeypatch.setattr(layers.Parameter, "accumulate", accumulate)


def layer_norm_without_gamma(grads, x, gamma, beta):
    """dx as it is where gamma is 1."""
    dx, dgamma, dbeta = grads
    return dx / gamma.mean(), dgamma, dbeta


def all_targets_count(dlogits, logits, targets):
    return dlogits * (targets != F.IGNORED).mean()


PLANTED = {
    "the head of a tied embedding teaches nothing": changing(
        "unembed", lambda grads, h, W: (grads[0], 0 * grads[1])
    ),
    "who is used twice is taught once": overwritten,
    "the queries' gradient is divided by the batch": changing(
        "attention", lambda grads, q, *_: (grads[0] / len(q), *grads[1:])
    ),
    "keys learn nothing": changing(
        "attention", lambda grads, *_: (grads[0], 0 * grads[1], *grads[2:])
    ),
    "layer norm forgets gamma": changing("layer_norm", layer_norm_without_gamma),
    "dropout is forgotten on the way back": changing(
        "dropout", lambda dx, x, rate: dx + 0.1 * (dx == 0)
    ),
    "ignored targets count in the mean": changing("cross_entropy", all_targets_count),
    "a bias is off by 1e-5": changing(
        "linear", lambda grads, x, W, b: (*grads[:2], 1.00001 * grads[2])
    ),
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
@pytest.mark.parametrize("name", ["DecoderOnly/gpt-2", "EncoderDecoder/bart"])
def test_a_planted_defect_is_found_both_ways(name, plant, monkeypatch):
    plant(monkeypatch)
    rng = np.random.default_rng(0)
    case = MODELS[name](rng, SIZES)
    with pytest.raises(GradientError):
        case.check(rng)
    assert max(error for _, error in complex_step_errors(case, rng)) > 1e-6
