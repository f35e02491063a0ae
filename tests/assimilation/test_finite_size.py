"""EnKF-N: the factor is the minimum of its cost."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from elterra.assimilation.finite_size import effective_certainty, finite_size_transform, hyperprior


def _problem(seed, n=12, m=7, scale=1.0):
    rng = np.random.default_rng(seed)
    s = scale * rng.normal(size=(n, m))
    return s - s.mean(axis=1, keepdims=True), 2.0 * rng.normal(size=n)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), certainty=st.sampled_from([1.0, 2.0]))
def test_the_factor_minimises_the_dual_cost(seed, certainty):
    s, d = _problem(seed)
    m = s.shape[1]
    u, sigma, _ = np.linalg.svd(s, full_matrices=False)
    along = u.T @ d
    e, c = (float(a) for a in hyperprior(jnp.asarray(np.append(sigma[:6], 0.0) ** 2), certainty))

    def cost(log_l):
        l2 = np.exp(2 * log_l)
        return (along**2 / (m - 1 + l2 * sigma**2)).sum() + e / l2 + c * np.log(l2)

    best = minimize_scalar(cost, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10}).fun
    found = float(finite_size_transform(jnp.asarray(s), jnp.asarray(d), certainty)[1])
    assert cost(np.log(found)) <= best + 1e-8


def test_without_information_there_is_no_inflation():
    s, d = _problem(0, scale=1e-6)
    assert float(finite_size_transform(jnp.asarray(s), jnp.asarray(d))[1]) == pytest.approx(1.0, abs=1e-6)


def test_primal_and_dual_form_agree_at_the_minimum():
    """zeta = (m-1) c / (e + w'w) of the primal form is (m-1) / l^2 of the dual one (Bocquet et al. 2015)."""
    s, d = _problem(3)
    m = s.shape[1]
    factor = float(finite_size_transform(jnp.asarray(s), jnp.asarray(d))[1])
    zeta = (m - 1) / factor**2
    w = np.linalg.solve(zeta * np.eye(m) + s.T @ s, s.T @ d)
    values = jnp.asarray(np.linalg.eigvalsh(s.T @ s).clip(0))
    assert float(effective_certainty(values, jnp.asarray(w), 1.0)) == pytest.approx(zeta, rel=1e-6)
