"""Hybrid covariance and 4DEnVar."""

from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest
from linear_problem import COVARIANCE, MEAN, POSTERIOR_MEAN, SD, A, Y, prior

from elterra.assimilation import fourdenvar, gaspari_cohn, hybrid_columns, modulated
from elterra.assimilation.hybrid import increment_weights, increment_weights_iterative

D = (Y - A @ MEAN) / SD


def _columns():
    x = prior()
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.shape[1] - 1)


@pytest.mark.parametrize("iterations", [None, 3])
def test_the_increment_is_exact_for_a_linear_model(iterations):
    columns = _columns()
    found = fourdenvar(
        jnp.asarray(columns), jnp.asarray(A @ columns / SD[:, None]), jnp.asarray(D), iterations
    )
    np.testing.assert_allclose(MEAN + found, POSTERIOR_MEAN, atol=1e-8)


def test_the_direct_and_the_iterative_minimum_agree_and_conjugate_gradients_descend():
    rng = np.random.default_rng(0)
    s, d = jnp.asarray(rng.normal(size=(30, 12))), jnp.asarray(rng.normal(size=30))

    def cost(v):
        return float(v @ v + ((d - s @ v) ** 2).sum())

    best = increment_weights(s, d)
    np.testing.assert_allclose(increment_weights_iterative(s, d, 12), best, atol=1e-8)
    np.testing.assert_allclose(
        increment_weights(s.T, d[:12]), np.linalg.solve(s @ s.T + np.eye(30), s @ d[:12]), atol=1e-10
    )
    costs = [cost(increment_weights_iterative(s, d, k)) for k in range(1, 13)]
    assert all(b <= a + 1e-12 for a, b in pairwise(costs))
    assert cost(best) <= costs[-1] + 1e-9


def test_modulation_gives_the_schur_product():
    rng = np.random.default_rng(0)
    anomalies = rng.normal(size=(6, 5))
    anomalies -= anomalies.mean(axis=1, keepdims=True)
    taper = gaspari_cohn(np.abs(np.subtract.outer(np.arange(6.0), np.arange(6.0))), 2.0)
    values, vectors = np.linalg.eigh(taper)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    columns = np.asarray(modulated(jnp.asarray(anomalies), jnp.asarray(root)))
    np.testing.assert_allclose(columns @ columns.T, taper * np.cov(anomalies), atol=1e-10)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_hybrid_mixes_the_covariances(share):
    columns, static = _columns(), np.diag([2.0, 0.5])
    both = np.asarray(hybrid_columns(jnp.asarray(columns), jnp.asarray(static), share))
    np.testing.assert_allclose(
        both @ both.T, (1 - share) * COVARIANCE + share * static @ static.T, atol=1e-10
    )


def test_a_static_part_moves_what_two_members_cannot():
    ensemble = jnp.asarray([[1.0, -1.0], [0.0, 0.0]])
    s = jnp.eye(2)
    d = jnp.asarray([1.0, 1.0])
    alone = fourdenvar(ensemble, s @ ensemble, d)
    both = hybrid_columns(ensemble, jnp.eye(2), 0.5)
    np.testing.assert_allclose(alone[1], 0.0, atol=1e-12)
    assert float(fourdenvar(both, s @ both, d)[1]) == pytest.approx(0.5 / 1.5)
