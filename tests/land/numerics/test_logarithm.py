"""The vectorised logarithm against the one of the C library in extended precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.land.numerics.logarithm import log


@pytest.mark.parametrize(("low", "high"), [(-700.0, 700.0), (-0.7, 0.7), (-1e-4, 1e-4)])
def test_within_one_ulp(low, high):
    x = np.exp(np.random.default_rng(3).uniform(low, high, 200_000))
    exact = np.log(x.astype(np.longdouble))
    found = np.asarray(jax.jit(log)(x))
    assert (np.abs(found - exact) <= np.spacing(np.abs(exact.astype(float)))).all()


def test_limits_and_numbers_below_the_smallest_normal():
    x = jnp.array([0.0, -0.0, -1.0, jnp.inf, jnp.nan, 1.0])
    np.testing.assert_array_equal(jax.jit(log)(x), [-np.inf, -np.inf, np.nan, np.inf, np.nan, 0.0])


def test_derivatives():
    x = jnp.array([0.3, 7.0])
    np.testing.assert_array_equal(jax.grad(lambda y: jax.jit(log)(y).sum())(x), 1.0 / x)
    np.testing.assert_array_equal(jax.jvp(log, (x,), (x,))[1], jnp.ones(2))
    np.testing.assert_allclose(jax.jit(jax.vmap(log))(x), np.log(x), rtol=1e-15)
