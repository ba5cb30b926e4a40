"""erf's coefficients, made again by the recipe in its docstring."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from minillm.functional.special import DOUBLE, SINGLE, erf
from tests.parity.libraries import library

mp = library("mpmath")  # which torch brings


def fit_q(n_terms, n_nodes=60):
    """Weighted least squares for Q(x) = -log(erfc(x)) / x in powers of s."""
    with mp.workdps(50):
        nodes = [
            3 - 3 * mp.cos(mp.pi * (2 * j + 1) / (2 * n_nodes)) for j in range(n_nodes)
        ]
        weights = [x * mp.erfc(x) / mp.erf(x) for x in nodes]
        s = [24 / (6 + x) - 3 for x in nodes]
        powers = range(n_terms - 1, -1, -1)
        rows = [[w * si**k for k in powers] for w, si in zip(weights, s, strict=True)]
        targets = [-w * mp.log(mp.erfc(x)) / x for w, x in zip(weights, nodes, strict=True)]
        return [float(c) for c in mp.qr_solve(mp.matrix(rows), mp.matrix(targets))[0]]


@pytest.mark.parametrize("coefficients", [DOUBLE, SINGLE])
def test_the_recipe_gives_the_coefficients(coefficients):
    assert_allclose(coefficients, fit_q(len(coefficients)), rtol=1e-15)


@pytest.mark.parametrize(("coefficients", "bound"), [(DOUBLE, 1e-16), (SINGLE, 6e-9)])
def test_the_fit_is_as_good_as_the_docstring_says(coefficients, bound):
    with mp.workdps(30):
        for j in range(1, 600):
            x = mp.mpf(j) / 100
            q = mp.polyval(list(map(mp.mpf, coefficients)), 24 / (6 + x) - 3)
            assert abs(-mp.expm1(-x * q) / mp.erf(x) - 1) < bound


def test_float64_erf_is_within_3e_16_of_the_truth():
    """math.erf rounds too; thirty digits do not."""
    x = np.random.default_rng(0).uniform(0, 3, 5_000)
    with mp.workdps(30):
        for given, claimed in zip(x.tolist(), erf(x).tolist(), strict=True):
            assert abs(claimed - mp.erf(given)) < 3e-16
