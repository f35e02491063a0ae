"""Limits of the surface-layer profiles and agreement with the piecewise formulas."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elterra.land import constants as c
from elterra.land.canopy._monin_obukhov import first_stability, heat_profile, profiles, update_stability

Z, Z0M, Z0H = 30.0, 1.0, 0.2
PROFILES = jax.jit(profiles)


def both(zeta):
    zeta = jnp.asarray(zeta, dtype=float)
    return PROFILES(zeta, jnp.asarray(Z0M / Z), jnp.log(Z / Z0M), jnp.asarray(Z0H / Z), jnp.log(Z / Z0H))


def psi_m(zeta):
    x = (1 - 16 * zeta) ** 0.25
    return 2 * np.log((1 + x) / 2) + np.log((1 + x * x) / 2) - 2 * np.arctan(x) + np.pi / 2


def psi_h(zeta):
    return 2 * np.log((1 + np.sqrt(1 - 16 * zeta)) / 2)


def reference(zeta):
    """The four regimes of Zeng et al. (1998), written out."""
    obu = Z / zeta
    if zeta < -1.574:
        free = 1.14 * ((-zeta) ** 0.333 - 1.574**0.333)
        m = np.log(-1.574 * obu / Z0M) - psi_m(-1.574) + psi_m(Z0M / obu) + free
    elif zeta < 0:
        m = np.log(Z / Z0M) - psi_m(zeta) + psi_m(Z0M / obu)
    elif zeta <= 1:
        m = np.log(Z / Z0M) + 5 * zeta - 5 * Z0M / obu
    else:
        m = np.log(obu / Z0M) + 5 - 5 * Z0M / obu + 5 * np.log(zeta) + zeta - 1
    if zeta < -0.465:
        free = 0.8 * (0.465**-0.333 - (-zeta) ** -0.333)
        h = np.log(-0.465 * obu / Z0H) - psi_h(-0.465) + psi_h(Z0H / obu) + free
    elif zeta < 0:
        h = np.log(Z / Z0H) - psi_h(zeta) + psi_h(Z0H / obu)
    elif zeta <= 1:
        h = np.log(Z / Z0H) + 5 * zeta - 5 * Z0H / obu
    else:
        h = np.log(obu / Z0H) + 5 - 5 * Z0H / obu + 5 * np.log(zeta) + zeta - 1
    return m, h


@pytest.mark.parametrize("zeta", [-80.0, -5.0, -1.575, -1.0, -0.466, -0.3, -0.01, 0.01, 0.4, 0.999, 1.5, 6.0])
def test_profiles_equal_the_piecewise_formulas(zeta):
    m, h = reference(zeta)
    result = both(zeta)
    assert float(result.momentum) == pytest.approx(m, rel=1e-12)
    assert float(result.heat) == pytest.approx(h, rel=1e-12)
    alone = heat_profile(jnp.asarray(zeta), jnp.asarray(Z0H / Z), jnp.log(Z / Z0H))
    assert float(alone) == float(result.heat)


def test_neutral_limit_is_the_logarithm():
    result = both(1e-9)
    assert float(result.momentum) == pytest.approx(np.log(Z / Z0M), rel=1e-8)
    assert float(result.heat) == pytest.approx(np.log(Z / Z0H), rel=1e-8)
    under = both(-1e-9)
    assert float(under.momentum) == pytest.approx(np.log(Z / Z0M), rel=1e-6)


def test_resistance_falls_with_instability_and_is_continuous():
    zeta = jnp.concatenate([-jnp.linspace(2.0, 1e-4, 400), jnp.linspace(1e-4, 3.0, 400)])
    result = both(zeta)
    for values in result:
        assert (jnp.diff(values) > -1e-9).all()
        assert float(jnp.abs(jnp.diff(values)).max()) < 0.1
        assert (values > 0).all()


def test_first_guess_has_the_sign_of_the_temperature_difference():
    dthv = jnp.array([-5.0, -0.1, 0.0, 0.1, 5.0])
    um, zeta = first_stability(
        jnp.asarray(2.0), jnp.asarray(290.0), dthv, jnp.asarray(Z), jnp.log(Z / Z0M), jnp.asarray(0.5)
    )
    assert (zeta[:2] < 0).all()
    assert (zeta[2:] > 0).all()
    assert (jnp.abs(zeta) >= 0.01).all()
    assert float(zeta[-1]) == 0.5
    assert float(um[0]) == pytest.approx(np.sqrt(4.0 + 0.25))


def test_free_convection_adds_gusts():
    wind, ustar, thv, thvstar = 1.0, 0.3, 295.0, -0.4
    um, zeta = update_stability(*(jnp.asarray(x) for x in (wind, thv, thvstar, ustar, Z, 0.5)))
    gust = (-c.GRAV * ustar * thvstar * 1000.0 / thv) ** 0.333
    assert float(um) == pytest.approx(np.hypot(wind, gust), rel=1e-12)
    assert float(zeta) == pytest.approx(Z * 0.4 * c.GRAV * thvstar / (ustar**2 * thv), rel=1e-12)


@pytest.mark.parametrize("zeta", [-100.0, -1.574, -0.465, -0.01, 0.0, 0.01, 0.5, 1.0])
def test_gradients_are_finite(zeta):
    assert np.isfinite(jax.grad(lambda z: both(z).momentum + both(z).heat)(zeta))


@pytest.mark.parametrize("thvstar", [-1.0, 0.0, 1.0])
def test_gradient_of_the_update_is_finite(thvstar):
    def total(x):
        um, zeta = update_stability(
            jnp.asarray(1.0), jnp.asarray(290.0), x, jnp.asarray(0.3), jnp.asarray(Z), jnp.asarray(0.5)
        )
        return um + zeta

    assert np.isfinite(jax.grad(total)(thvstar))
