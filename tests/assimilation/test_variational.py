"""4D-Var by the derivative of the model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_problem import COVARIANCE, MEAN, POSTERIOR_COVARIANCE, POSTERIOR_MEAN, SD, A, Y

from elterra.assimilation import AnalysisError, gauss_newton, quasi_newton

ROOT = jnp.linalg.cholesky(jnp.asarray(COVARIANCE))
PROBLEM = (jnp.asarray(Y), jnp.asarray(SD))


def _linear(x):
    return jnp.asarray(A) @ x


def test_gauss_newton_of_a_linear_model_is_exact_after_one_iteration():
    found = gauss_newton(jnp.asarray(MEAN), ROOT, _linear, *PROBLEM, iterations=1)
    np.testing.assert_allclose(found.x, POSTERIOR_MEAN, atol=1e-8)
    np.testing.assert_allclose(found.root @ found.root.T, POSTERIOR_COVARIANCE, atol=1e-8)


def test_l_bfgs_lands_on_the_same_state():
    found = quasi_newton(jnp.asarray(MEAN), ROOT, _linear, *PROBLEM)
    np.testing.assert_allclose(found.x, POSTERIOR_MEAN, atol=1e-8)


def test_both_find_the_same_minimum_of_a_nonlinear_window():
    """Pendulum, observed at five times: the beginning of the window is found."""

    def window(x):
        def step(state, _):
            angle, speed = state
            speed = speed - 0.2 * jnp.sin(angle)
            return (angle + 0.2 * speed, speed), angle + 0.2 * speed

        return jax.lax.scan(step, (x[0], x[1]), None, length=25)[1][4::5]

    truth = jnp.asarray([1.0, 0.3])
    sd = jnp.full(5, 0.01)
    first = jnp.asarray([0.7, 0.0])
    a = gauss_newton(first, jnp.eye(2), window, window(truth), sd, 8)
    b = quasi_newton(first, jnp.eye(2), window, window(truth), sd)
    np.testing.assert_allclose(a.x, truth, atol=2e-3)
    np.testing.assert_allclose(a.x, b.x, atol=1e-5)
    assert float(a.step) < 1e-8


def test_a_huber_cost_is_not_ruled_by_one_outlier():
    value = jnp.asarray([1.0, 1.1, 0.9, 1.0, 30.0])
    plain, robust = (
        quasi_newton(
            jnp.zeros(1), 10.0 * jnp.eye(1), lambda x: x[0] * jnp.ones(5), value, jnp.full(5, 0.2), huber=h
        )
        for h in (None, 1.5)
    )
    assert abs(float(plain.x[0]) - 6.8) < 0.1
    assert abs(float(robust.x[0]) - 1.0) < 0.15


def test_a_model_that_gives_no_number_is_told():
    with pytest.raises(AnalysisError, match="not finite"):
        quasi_newton(jnp.asarray([-1.0]), jnp.eye(1), jnp.log, jnp.ones(1), jnp.ones(1))
