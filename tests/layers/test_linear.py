"""Linear: the recipe it is drawn by, and what it collects."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import Embedding, Linear
from tests.layers.drawn import assert_drawn_from_normal
from tests.strategies import leading_shapes, rngs, scatter, unequal_sizes


@given(rngs, st.sampled_from([1.0, 0.3]))
def test_weights_are_drawn_for_unit_variance_and_biases_are_zero(rng, scale):
    layer = Linear(50, 80, scale=scale, rng=rng)
    assert layer.weight.data.shape == (50, 80)
    assert_drawn_from_normal(layer.weight.data.astype(np.float64), scale / math.sqrt(50))
    assert_array_equal(layer.bias.data, np.zeros(80))


@given(rngs, st.sampled_from([1.0, 0.1]))
def test_embeddings_are_drawn_with_the_std_that_is_given(rng, std):
    weight = Embedding(50, 80, std=std, rng=rng).weight.data
    assert_drawn_from_normal(weight.astype(np.float64), std)


def test_without_a_bias_there_is_none():
    layer = Linear(3, 4, bias=False, rng=np.random.default_rng(0))
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


@pytest.mark.parametrize("bias", [True, False])
@given(rng=rngs, leading=leading_shapes, sizes=unequal_sizes(2))
def test_it_is_the_equation_and_keeps_the_gradients(bias, rng, leading, sizes):
    layer = scatter(Linear(*sizes, bias=bias, rng=rng).astype(np.float64), rng)
    parameters = [p for _, p in layer.named_parameters()]
    x, dy = rng.normal(size=(*leading, sizes[0])), rng.normal(size=(*leading, sizes[1]))
    y, backward = layer(x)
    y_equation, equation_backward = F.linear(x, *(p.data for p in parameters))
    dx, *grads = equation_backward(dy)
    assert_array_equal(y, y_equation)
    for times in 1, 2:  # a second backward adds
        assert_array_equal(backward(dy), dx)
        for p, grad in zip(parameters, grads, strict=True):
            assert_allclose(p.grad, times * grad, rtol=1e-15)
