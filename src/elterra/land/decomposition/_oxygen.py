"""Oxygen in the soil: how long the stock of a layer lasts, and its diffusion from the surface (CLM5.0 tech note,
Methane, oxygen of the part of the column that is not under water)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.constants import RGAS, TFRZ
from elterra.land.fields import Fields
from elterra.land.numerics.tridiagonal import solve_tridiagonal

_O2_HENRY = 769.23  # L atm mol-1 at 298 K (CLM5.0 source, clm_varcon kh_theta)
_O2_HENRY_RISE = 1500.0  # K (c_h_inv)
_HENRY_T = 298.0  # K
_GAS_L_ATM = 0.0821  # gas constant, L atm mol-1 K-1
_O2_AIR = 0.209  # mol mol-1
_LEAST_AIR = 1.0e-6  # m3 m-3, keeps the logarithm finite


class Oxygen(NamedTuple):
    """``[soil_layer, column]``."""

    concentration: jax.Array  #: O2 per volume of soil, in air and water, mol m-3
    stress: jax.Array  #: part of the demand that can be met, 0 to 1
    consumption: jax.Array  #: what is used, mol m-3 s-1


def oxygen(concentration: jax.Array, demand: jax.Array, dt: float) -> Oxygen:
    """What a ``demand`` (mol m-3 s-1) gets: all of it, or what the stock ``concentration`` gives in a step."""
    needed = demand * dt
    used = needed > 0.0
    stress = jnp.where(used, jnp.minimum(concentration / jnp.where(used, needed, 1.0), 1.0), 1.0)
    return Oxygen(concentration, stress, demand * stress)


def diffuse_oxygen(
    p: Fields, ox: Oxygen, t_soil: jax.Array, h2osoi_vol: jax.Array, pressure: jax.Array, dt: float
) -> jax.Array:
    """Oxygen (mol m-3 of soil) after its use and one implicit step of diffusion; never negative.

    Diffusion in air-filled pores is CLM's (mineral soil: Moldrup et al. 2003; organic: Millington and Quirk).
    Its water table, below which oxygen moves in water only, is replaced by both paths side by side: a full layer
    conducts through its water. Oxygen in water is in equilibrium with that in air.
    """
    dz = p.dzsoi[:NLEVSOI]
    watsat, b = p.watsat[:NLEVSOI], p.bsw[:NLEVSOI]
    celsius = t_soil - TFRZ
    full = jnp.minimum(h2osoi_vol, watsat)
    air = jnp.maximum(watsat - full, _LEAST_AIR)
    filled = jnp.log(air / watsat)
    gas = (0.1759 + 0.00117 * celsius) * 1.0e-4
    water = jnp.maximum(1.172 + 0.0344 * celsius + 0.000505 * celsius * celsius, 0.1) * 1.0e-9
    henry_inverse = _O2_HENRY * jnp.exp(-_O2_HENRY_RISE * (1.0 / t_soil - 1.0 / _HENRY_T))
    dissolved = t_soil / henry_inverse * _GAS_L_ATM  # O2 in water per O2 in air
    peat = jnp.clip(p.organic[:NLEVSOI] / p.organic_max, 0.0, 1.0)
    mineral_path = air * air * jnp.exp(3.0 / b * filled)
    peat_path = jnp.exp(10.0 / 3.0 * filled) / (watsat * watsat)
    diffusivity = gas * (peat * peat_path + (1.0 - peat) * mineral_path) + dissolved * water * watsat * watsat
    capacity = watsat - (1.0 - dissolved) * full

    resistance = 0.5 * dz / diffusivity
    between = 1.0 / (resistance[1:] + resistance[:-1])
    top = 1.0 / resistance[0]
    surface = _O2_AIR * pressure / (1.0e-3 * RGAS * t_soil[0])
    above = jnp.concatenate([top[None], between]) * dt / dz
    below = jnp.concatenate([between, jnp.zeros_like(top)[None]]) * dt / dz
    left = jnp.maximum(ox.concentration - ox.consumption * dt, 0.0)
    rhs = jnp.concatenate([left[:1] + (above[0] * surface)[None], left[1:]])
    inside = solve_tridiagonal(-above, capacity + above + below, -below, rhs)
    return capacity * inside
