import jax
import jax.numpy as jnp
import numpy as np

from elterra.land.numerics import solve_tridiagonal


def _system(rng, layers, columns):
    lower, upper = -rng.random((2, layers, columns))
    diag = 2.0 + rng.random((layers, columns))
    return tuple(jnp.asarray(x) for x in (lower, diag, upper, rng.normal(size=(layers, columns))))


def test_agrees_with_a_dense_solve():
    lower, diag, upper, rhs = _system(np.random.default_rng(1), 25, 3)
    x = solve_tridiagonal(lower, diag, upper, rhs)
    for c in range(3):
        dense = np.diag(diag[:, c]) + np.diag(lower[1:, c], -1) + np.diag(upper[:-1, c], 1)
        np.testing.assert_allclose(x[:, c], np.linalg.solve(dense, rhs[:, c]), rtol=1e-13)


def test_tracers_share_coefficients():
    lower, diag, upper, rhs = _system(np.random.default_rng(2), 20, 4)
    tracers = jnp.stack([rhs, 2 * rhs], axis=1)
    x = solve_tridiagonal(lower[:, None], diag[:, None], upper[:, None], tracers)
    np.testing.assert_array_equal(x[:, 0], solve_tridiagonal(lower, diag, upper, rhs))


def test_gradient_is_that_of_the_inverse():
    lower, diag, upper, rhs = _system(np.random.default_rng(3), 6, 1)
    jacobian = jax.jacobian(lambda r: solve_tridiagonal(lower, diag, upper, r)[:, 0])(rhs)[:, :, 0]
    dense = np.diag(diag[:, 0]) + np.diag(lower[1:, 0], -1) + np.diag(upper[:-1, 0], 1)
    np.testing.assert_allclose(jacobian, np.linalg.inv(dense), rtol=1e-12, atol=1e-15)
