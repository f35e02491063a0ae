"""Reference values of the pedotransfer functions and of supercooled soil water."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from elterra.land.constants import TFRZ
from elterra.land.fields import Fields
from elterra.land.soil_heat import soil_properties, supercooled_water

PARAMETERS = Fields(
    organic_max=130.0, om_frac_sf=1.0, pcalpha=0.5, pcbeta=0.139, zsapric=0.5, om_tkm=0.25, om_csol=2.5,
    om_tkd=0.05, watsat_sf=1.0, bsw_sf=1.0, sucsat_sf=1.0, hksat_sf=1.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def loam():
    """Sand 43, clay 18 %, no organic matter."""
    return soil_properties(jnp.full((25, 1), 43.0), jnp.full((25, 1), 18.0), jnp.zeros((25, 1)), PARAMETERS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("watsat", 0.434820), ("bsw", 5.772), ("sucsat", 207.348071), ("hksat", 0.00419212)],
)
def test_hydraulic_properties(loam, name, value):
    np.testing.assert_allclose(loam[name], value, rtol=2e-6)


@pytest.mark.parametrize(
    ("height", "theta"), [(0.5, 0.35154324), (1.0, 0.32044255), (2.0, 0.28863699), (4.0, 0.25811788)]
)
def test_hydrostatic_equilibrium(loam, height, theta):
    """Water content at a height (m) above the level where the soil is just saturated."""
    psi = loam.sucsat[0, 0] + 1000.0 * height
    got = loam.watsat[0, 0] * (psi / loam.sucsat[0, 0]) ** (-1.0 / loam.bsw[0, 0])
    assert float(got) == pytest.approx(theta, abs=1e-8)


@pytest.mark.parametrize(
    ("celsius", "theta"),
    [
        (-0.5, 0.16177268),
        (-1, 0.14342128),
        (-2, 0.12711099),
        (-5, 0.10824375),
        (-10, 0.09568263),
        (-20, 0.08428777),
    ],
)
def test_supercooled_water(loam, celsius, theta):
    got = supercooled_water(TFRZ + celsius, loam.watsat[0], loam.sucsat[0], loam.bsw[0])
    np.testing.assert_allclose(got, theta, atol=5e-8)
