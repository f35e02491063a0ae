"""What temperature, water and depth do to the rates of decomposition (CLM5.0 tech note, Decomposition)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.constants import PI, SECSPDAY, TFRZ
from elterra.land.fields import Fields

YEAR = 365.0 * SECSPDAY


def _catanf(celsius: float) -> float:
    """CENTURY's temperature response (arctangent form)."""
    from math import atan

    return 11.75 + 29.7 / PI * atan(PI * 0.031 * (celsius - 15.4))


#: CENTURY's response at 15 degC relative to its reference at 30 degC
_CENTURY_15_30 = _catanf(15.0) / _catanf(30.0)


def temperature_scalar(p: Fields, t_soil: jax.Array) -> jax.Array:
    """Q10 response with reference 25 degC, its own Q10 in frozen soil, scaled so that CENTURY's rate at 15
    degC is met. ``t_soil`` K ``[soil_layer, column]``."""
    warm = 0.1 * jnp.log(p.q10_hr)
    frozen = 0.1 * jnp.log(p.froz_q10)
    celsius = t_soil - TFRZ
    response = jnp.exp(jnp.where(celsius >= 0.0, warm * (celsius - 25.0), -25.0 * warm + frozen * celsius))
    return response * (_CENTURY_15_30 * jnp.exp(10.0 * warm))


def water_scalar(p: Fields, soilpsi: jax.Array) -> jax.Array:
    """Logarithmic response to the water potential (MPa, < 0, ``[soil_layer, column]``; Andren and Paustian
    1987): 0 below ``minpsi_hr``, 1 above ``maxpsi_hr``."""
    psi = jnp.clip(soilpsi, p.minpsi_hr, p.maxpsi_hr)
    return jnp.log(p.minpsi_hr / psi) / jnp.log(p.minpsi_hr / p.maxpsi_hr)


def depth_scalar(p: Fields) -> jax.Array:
    """Exponential decrease of all rates with depth, ``[soil_layer, column]``."""
    return jnp.exp(-p.zsoi[:NLEVSOI] / p.decomp_depth_efolding)


#: factors of CLM5's ``spinup_state = 2`` that are not 1; the latitude term comes on top. Litter and active pool keep
#: their rates
ACCELERATED_POOLS = {"cwd": 10.0 / 6.0, "soil2": 5.0, "soil3": 222.2222222222222}
#: and that of the mortality of dead wood, without latitude term
ACCELERATED_WOOD = 10.0


def latitude_term(lat: jax.Array) -> jax.Array:
    """Factor on accelerated pools by latitude (degrees), 1 at the equator, 51 at the poles (CLM5.0; later versions
    are less steep)."""
    return 1.0 + 50.0 / (1.0 + jnp.exp(-0.15 * (jnp.abs(lat) - 60.0)))


def acceleration(p: Fields) -> jax.Array:
    """Factor on decay and mixing of each pool, ``[pool, column]``, in the order of `POOLS`: 1 but in accelerated
    decomposition, a device of the spin-up."""
    one = jnp.ones_like(p.accel_cwd)
    return jnp.stack([one, one, one, p.accel_cwd, one, p.accel_soil2, p.accel_soil3])


def base_rates(p: Fields) -> jax.Array:
    """Rates at scalars of 1, s-1 ``[pool, column]``, in the order of `POOLS`. ``k_decomp_scale`` multiplies
    all of them, `acceleration` each."""
    tau = jnp.stack([p.tau_l1, p.tau_l2_l3, p.tau_l2_l3, p.tau_cwd, p.tau_s1, p.tau_s2, p.tau_s3])
    return p.k_decomp_scale / (YEAR * tau) * acceleration(p)
