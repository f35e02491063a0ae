"""Saturated vapour against known values and its own derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.land.numerics.humidity import saturation


@pytest.mark.parametrize(
    ("celsius", "expected"),
    [(0.0, 611.2), (20.0, 2339.0), (35.0, 5628.0), (-10.0, 259.9), (-40.0, 12.84)],  # WMO tables, Pa
)
def test_known_pressures(celsius: float, expected: float) -> None:
    es = saturation(jnp.array([273.15 + celsius]), jnp.array([1e5]))[0]
    np.testing.assert_allclose(es, expected, rtol=2e-3)


def test_slopes_are_derivatives() -> None:
    t, p = jnp.array([230.0, 260.0, 272.0, 275.0, 300.0, 320.0]), jnp.full(6, 8.5e4)
    _, des, qs, dqs = saturation(t, p)
    grad_e = jax.vmap(jax.grad(lambda x, y: saturation(x, y)[0]))(t, p)
    grad_q = jax.vmap(jax.grad(lambda x, y: saturation(x, y)[2]))(t, p)
    np.testing.assert_allclose(des, grad_e, rtol=2e-3)
    np.testing.assert_allclose(dqs, grad_q, rtol=2e-3)
    assert (np.diff(qs) > 0).all()
