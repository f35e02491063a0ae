"""Particle filter: Bayes' rule, resampling without bias, failed particles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_problem import COVARIANCE, MEAN, POSTERIOR_COVARIANCE, POSTERIOR_MEAN, SD, A, Y

from elterra.assimilation import particle_analysis
from elterra.assimilation.particle import (
    bandwidth,
    effective_number,
    gaussian_log_likelihood,
    reweight,
    systematic,
    weighted_root,
)


def test_weights_give_the_posterior_within_their_sampling_error():
    n = 20_000
    x = np.random.default_rng(0).multivariate_normal(MEAN, COVARIANCE, n).T
    w = reweight(
        jnp.full(n, 1 / n), gaussian_log_likelihood(jnp.asarray(A @ x), jnp.asarray(Y), jnp.asarray(SD))
    )
    error = np.sqrt(np.diag(POSTERIOR_COVARIANCE) / float(effective_number(w)))
    assert (np.abs(x @ np.asarray(w) - POSTERIOR_MEAN) < 3 * error).all()


def test_likelihoods_of_any_size_and_failed_particles_leave_weights_that_sum_to_one():
    w = reweight(jnp.full(4, 0.25), jnp.asarray([-1e5, -1e5 - np.log(3.0), jnp.nan, -jnp.inf]))
    np.testing.assert_allclose(w, [0.75, 0.25, 0.0, 0.0], atol=1e-12)
    even = jnp.asarray([0.1, 0.9])
    np.testing.assert_array_equal(reweight(even, jnp.full(2, jnp.nan)), even)


def test_systematic_resampling_takes_floor_or_ceil_of_the_expected_number():
    w = jnp.asarray([0.5, 0.26, 0.24, 0.0])
    for k in range(20):
        count = np.bincount(np.asarray(systematic(jax.random.key(k), w)), minlength=4)
        assert (count >= np.floor(4 * np.asarray(w))).all()
        assert (count <= np.ceil(4 * np.asarray(w))).all()
        assert count[3] == 0


def test_resampling_is_not_biased():
    w = jnp.asarray([0.15, 0.6, 0.25])
    index = jax.vmap(lambda k: systematic(k, w))(jax.random.split(jax.random.key(0), 4000))
    np.testing.assert_allclose(np.bincount(np.asarray(index).ravel()) / 12_000, w, atol=0.01)


def test_weights_stay_where_many_particles_carry_them():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 50)))
    done = particle_analysis(jax.random.key(0), x, jnp.full(50, 0.02), jnp.zeros(50), 0.5, 1.0)
    np.testing.assert_array_equal(done.x, x)
    assert float(done.resampled) == 0.0
    assert float(done.effective) == pytest.approx(50.0)


def test_only_particles_drawn_more_than_once_are_moved_and_by_the_kernel():
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.normal(size=(2, 4000)))
    likelihood = gaussian_log_likelihood(x[:1], jnp.asarray([1.0]), jnp.asarray([0.5]))
    still = particle_analysis(jax.random.key(1), x, jnp.full(4000, 1 / 4000), likelihood, 1.0, 0.0)
    moved = particle_analysis(jax.random.key(1), x, jnp.full(4000, 1 / 4000), likelihood, 1.0, 1.0)
    same = (still.x == moved.x).all(axis=0)
    _, index, count = np.unique(np.asarray(still.x)[0], return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(np.asarray(same), count[index] == 1)
    w = reweight(jnp.full(4000, 1 / 4000), likelihood)
    steps = np.asarray(moved.x - still.x)[:, ~np.asarray(same)]
    root = bandwidth(4000, 2) * np.asarray(weighted_root(x, w))
    np.testing.assert_allclose(np.cov(steps), root @ root.T, rtol=0.15, atol=0.003)
    np.testing.assert_allclose(moved.weights, 1 / 4000)


def test_the_weighted_root_is_that_of_the_covariance():
    x = np.random.default_rng(0).normal(size=(3, 40))
    root = weighted_root(jnp.asarray(x), jnp.full(40, 1 / 40))
    np.testing.assert_allclose(root @ root.T, np.cov(x), rtol=1e-9, atol=1e-9)
    lone = weighted_root(jnp.asarray(x), jnp.zeros(40).at[0].set(1.0))
    np.testing.assert_allclose(lone @ lone.T, np.cov(x), rtol=1e-9, atol=1e-9)


def test_a_bimodal_posterior_keeps_both_modes():
    """y = x^2 tells nothing of the sign: a Gaussian analysis would end at zero."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 5000)))
    likelihood = gaussian_log_likelihood(x**2, jnp.asarray([1.0]), jnp.asarray([0.1]))
    done = np.asarray(
        particle_analysis(jax.random.key(0), x, jnp.full(5000, 1 / 5000), likelihood, 1.0, 0.1).x
    )
    assert 0.45 < (done > 0).mean() < 0.55
    assert np.abs(np.abs(done) - 1.0).max() < 0.5
