"""What temperature, water, oxygen and depth do to the rates of decomposition (CLM5.0 tech note,
Decomposition)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.constants import PI, RGAS, SECSPDAY, TFRZ
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


def base_rates(p: Fields) -> jax.Array:
    """Rates at scalars of 1, s-1 ``[pool, column]``, in the order of `POOLS`. ``k_decomp_scale`` multiplies
    all of them."""
    tau = jnp.stack([p.tau_l1, p.tau_l2_l3, p.tau_l2_l3, p.tau_cwd, p.tau_s1, p.tau_s2, p.tau_s3])
    return p.k_decomp_scale / (YEAR * tau)


class Oxygen(NamedTuple):
    """State of soil air, ``[soil_layer, column]``."""

    concentration: jax.Array  #: O2 per volume of soil, in air and water, mol m-3
    stress: jax.Array  #: part of the demand that can be met, 0 to 1
    consumption: jax.Array  #: demand, mol m-3 s-1


_O2_HENRY = 769.23  # L atm mol-1 at 298 K (CLM5.0 source, clm_varcon kh_theta)
_O2_HENRY_RISE = 1500.0  # K (c_h_inv)
_HENRY_T = 298.0  # K
_GAS_L_ATM = 0.0821  # gas constant, L atm mol-1 K-1
_O2_AIR = 0.209  # mol mol-1


def oxygen(
    p: Fields, t_soil: jax.Array, h2osoi_vol: jax.Array, demand: jax.Array, pressure: jax.Array, dt: float
) -> Oxygen:
    """Oxygen in the soil at steady state between diffusion from the surface and its use.

    CLM5 steps it in its methane model. Here the flux through each interface equals the ``demand`` below it
    (mol m-3 s-1, of decomposers and roots); diffusion through air-filled pores as there (mineral soil: Moldrup
    et al. 2003; organic: Millington and Quirk), plus that through water, which keeps a full pore from being
    sealed. A layer lacks oxygen where its stock does not last a step of ``dt`` seconds.
    """
    dz = p.dzsoi[:NLEVSOI]
    watsat, b = p.watsat[:NLEVSOI], p.bsw[:NLEVSOI]
    celsius = t_soil - TFRZ
    full = jnp.minimum(h2osoi_vol, watsat)
    air = jnp.maximum(watsat - full, 1.0e-4)
    filled = jnp.log(air / watsat)
    gas = (0.1759 + 0.00117 * celsius) * 1.0e-4
    water = jnp.maximum(1.172 + 0.0344 * celsius + 0.000505 * celsius * celsius, 0.1) * 1.0e-9
    henry_inverse = _O2_HENRY * jnp.exp(-_O2_HENRY_RISE * (1.0 / t_soil - 1.0 / _HENRY_T))
    dissolved = t_soil / henry_inverse * _GAS_L_ATM  # O2 in water per O2 in air
    peat = jnp.clip(p.organic[:NLEVSOI] / p.organic_max, 0.0, 1.0)
    mineral_path = air * air * jnp.exp(3.0 / b * filled)
    peat_path = jnp.exp(10.0 / 3.0 * filled) / (watsat * watsat)
    diffusivity = gas * (peat * peat_path + (1.0 - peat) * mineral_path) + dissolved * water * watsat * watsat
    layer = demand * dz
    surface = _O2_AIR * pressure / (1.0e-3 * RGAS * t_soil[0])
    below = jnp.sum(layer, axis=0)  # demand at and below the layer
    drop = jnp.zeros_like(below)
    levels = []
    resistance = 0.5 * dz / diffusivity
    for j in range(NLEVSOI):
        # half of the layer's own demand is met above its node
        through = below - 0.5 * layer[j]
        drop = drop + through * resistance[j]
        levels.append(surface - drop)
        below = below - layer[j]
        drop = drop + jnp.maximum(below, 0.0) * resistance[j]
    in_air = jnp.maximum(jnp.stack(levels), 0.0)
    concentration = in_air * (watsat - (1.0 - dissolved) * full)
    needed = demand * dt
    used = needed > 0.0
    stress = jnp.where(used, jnp.minimum(concentration / jnp.where(used, needed, 1.0), 1.0), 1.0)
    return Oxygen(concentration, stress, demand)
