"""Iterative smoothers: exact where all is linear, better than one step where it is not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_problem import SD, A, Y, assert_exact, prior

from elterra.assimilation import ETKF, ObservationBatch, iterative_smoother, multiple_assimilation

LINEAR = jnp.asarray(A)


def _predict(x):
    return LINEAR @ x


@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_the_iterative_smoother_of_a_linear_model_is_exact_after_any_number_of_iterations(iterations):
    x = prior()
    found = iterative_smoother(jnp.asarray(x), _predict, jnp.asarray(Y), jnp.asarray(SD), iterations)
    assert_exact(x @ np.asarray(found.transform))
    np.testing.assert_allclose(found.predicted, A @ x @ np.asarray(found.transform), atol=1e-9)


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_multiple_assimilation_with_the_square_root_is_exact_for_any_split(steps):
    x = prior()
    found, total = multiple_assimilation(
        jnp.asarray(x), _predict, jnp.asarray(Y), jnp.asarray(SD), jnp.full(steps, float(steps))
    )
    assert_exact(np.asarray(found))
    np.testing.assert_allclose(x @ np.asarray(total), found, atol=1e-10)


def test_an_uneven_split_is_exact_too():
    found, _ = multiple_assimilation(
        jnp.asarray(prior()), _predict, jnp.asarray(Y), jnp.asarray(SD), jnp.asarray([2.0, 4.0, 4.0])
    )
    assert_exact(np.asarray(found))


def test_multiple_assimilation_with_perturbed_observations_comes_within_the_sampling_error():
    """The 5-parameter, 4-datum linear problem of a random matrix, mean of 20 ensembles of 400: relative error below 5 %."""
    rng = np.random.default_rng(0)
    g, prior_mean = rng.normal(size=(4, 5)), rng.normal(size=5)
    y, sd = rng.normal(size=4) + 3.0, np.full(4, 0.7)
    gain = g.T @ np.linalg.inv(g @ g.T + np.diag(sd**2))
    exact = prior_mean + gain @ (y - g @ prior_mean)
    means = []
    for k in range(20):
        x = prior_mean[:, None] + rng.normal(size=(5, 400))
        noise = jax.random.normal(jax.random.key(k), (5, 4, 400))
        found, _ = multiple_assimilation(
            jnp.asarray(x),
            lambda e: jnp.asarray(g) @ e,
            jnp.asarray(y),
            jnp.asarray(sd),
            jnp.full(5, 5.0),
            noise,
        )
        means.append(np.asarray(found).mean(axis=1))
    assert np.linalg.norm(np.mean(means, axis=0) - exact) < 0.05 * np.linalg.norm(exact)


def test_iterations_find_the_mode_of_a_nonlinear_problem_that_one_step_misses():
    """y = x^3 with a datum far out: the cost of the mean falls to that of the mode."""
    x = 1.0 + 0.5 * np.linspace(-1.5, 1.5, 21)[None]
    variance = x.var(ddof=1)
    value, sd = jnp.asarray([8.0]), jnp.asarray([0.5])

    def cost(mean):
        return (mean - 1.0) ** 2 / variance + (8.0 - mean**3) ** 2 / 0.25

    grid = np.linspace(0.5, 3.0, 20_001)
    mode = grid[np.argmin(cost(grid))]
    one = float(jnp.mean(x @ iterative_smoother(jnp.asarray(x), lambda e: e**3, value, sd, 1).transform))
    many = float(jnp.mean(x @ iterative_smoother(jnp.asarray(x), lambda e: e**3, value, sd, 20).transform))
    assert abs(many - mode) < 0.02
    assert abs(many - mode) < 0.2 * abs(one - mode)


def test_one_iteration_is_the_etkf_of_the_window():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 8))
    data = ObservationBatch(rng.normal(size=2), np.ones(2), np.zeros(2, dtype=int))
    found = iterative_smoother(jnp.asarray(x), jnp.sin, jnp.asarray(data.value), jnp.ones(2), 1)
    np.testing.assert_allclose(found.transform, ETKF().analyse(np.sin(x), data).transform[0], atol=1e-12)


def test_the_finite_size_smoother_ends_and_keeps_the_columns():
    x = np.random.default_rng(2).normal(size=(3, 6))
    found = iterative_smoother(jnp.asarray(x), lambda e: e, jnp.full(3, 4.0), jnp.ones(3), 60, certainty=2.0)
    np.testing.assert_allclose(found.transform.sum(axis=0), 1.0, atol=1e-10)
    assert float(found.step) < 1e-4
