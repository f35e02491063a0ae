"""Thermal conductivity and heat capacity of soil and snow.

Source: CLM5 tech note, Soil_Snow_Temperatures 2.6.3; Farouki (1981), de Vries (1963), Jordan (1991).
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from elterra.land.constants import CPICE, CPLIQ, DENH2O, DENICE, TFRZ, TKAIR, TKICE, TKWAT

_LOG_TKWAT = math.log(TKWAT)
_LOG_TKICE = math.log(TKICE)
_LOG10_E = math.log10(math.e)
_DRY = 1.0e-7  # relative wetness below which a soil counts as dry


def soil_conductivity(
    t: jax.Array, liq: jax.Array, ice: jax.Array, dz: jax.Array, watsat: jax.Array,
    tkmg: jax.Array, tkdry: jax.Array,
) -> jax.Array:  # fmt: skip
    """Conductivity of soil (W m-1 K-1) between dry and saturated (Johansen, Farouki 1981).

    ``t`` K, ``liq`` and ``ice`` kg m-2, ``dz`` m; all arrays have one shape. The Kersten number
    is logarithmic in the wetness of unfrozen and linear of frozen soil.
    """
    vol_liq = liq / (DENH2O * dz)
    vol_ice = ice / (DENICE * dz)
    water = vol_liq + vol_ice
    wet = water > _DRY * watsat
    water = jnp.where(wet, water, watsat)
    satw = jnp.minimum(1.0, water / watsat)
    kersten = jnp.where(t >= TFRZ, jnp.maximum(0.0, _LOG10_E * jnp.log(satw) + 1.0), satw)
    liquid_share = vol_liq / water
    saturated = tkmg * jnp.exp(watsat * (_LOG_TKICE + (_LOG_TKWAT - _LOG_TKICE) * liquid_share))
    return jnp.where(wet, kersten * saturated + (1.0 - kersten) * tkdry, tkdry)


def soil_heat_capacity(
    liq: jax.Array, ice: jax.Array, dz: jax.Array, watsat: jax.Array, csol: jax.Array
) -> jax.Array:
    """Heat capacity of soil layers, J m-2 K-1 (de Vries 1963)."""
    return csol * (1.0 - watsat) * dz + CPICE * ice + CPLIQ * liq


def snow_conductivity(density: jax.Array, linear: jax.Array, quadratic: jax.Array) -> jax.Array:
    """Conductivity of snow (W m-1 K-1) of bulk ``density`` (kg m-3), Jordan (1991) eq. 79.

    ``linear`` (m3 kg-1) and ``quadratic`` (m6 kg-2) are 7.75e-5 and 1.105e-6 in CLM5.
    """
    return TKAIR + density * (linear + quadratic * density) * (TKICE - TKAIR)
