"""Forcing of a step, and its perturbation for a member."""

from __future__ import annotations

import jax.numpy as jnp

from elterra.land.constants import EPS_WATER_AIR
from elterra.land.fields import Fields
from elterra.land.numerics.humidity import saturation

#: factors a member may carry, with the value that changes nothing
NEUTRAL = {
    "precipitation": 1.0,
    "shortwave": 1.0,
    "wind": 1.0,
    "temperature": 0.0,
    "longwave": 0.0,
    "humidity": 1.0,
}


def neutral_factors(columns: int) -> Fields:
    """Factors that change nothing, ``[column]``."""
    return Fields({name: jnp.full(columns, value) for name, value in NEUTRAL.items()})


def perturb_forcing(f: Fields, factors: Fields) -> Fields:
    """The forcing of one step for each column.

    ``precipitation, shortwave, wind, humidity`` multiply (rain and snow, all bands, wind, specific humidity);
    ``temperature`` (K) and ``longwave`` (W m-2) are added; all ``[column]``. Specific humidity is held at or below
    saturation of the perturbed temperature. Forcing of a single site has last axis 1 and is broadcast to all columns.
    """
    t = f.forc_t + factors.temperature
    _, _, qs, _ = saturation(t, f.forc_pbot + 0.0 * t)
    q = jnp.minimum(f.forc_q * factors.humidity, qs)
    spread = 0.0 * t
    return f.replace(
        forc_t=t,
        forc_q=q,
        forc_pbot=f.forc_pbot + spread,
        forc_wind=f.forc_wind * factors.wind,
        forc_solad=f.forc_solad * factors.shortwave,
        forc_solai=f.forc_solai * factors.shortwave,
        forc_lwrad=f.forc_lwrad + factors.longwave,
        forc_rain=f.forc_rain * factors.precipitation,
        forc_snow=f.forc_snow * factors.precipitation,
        **{
            name: f[name] + spread
            for name in ("forc_pco2", "ndep", "coszen", "dayl", "prev_dayl", "max_dayl")
        },
    )


def vapour_pressure(q: jnp.ndarray, pressure: jnp.ndarray) -> jnp.ndarray:
    """Vapour pressure (Pa) from specific humidity (kg kg-1) and pressure (Pa)."""
    return q * pressure / (EPS_WATER_AIR + (1.0 - EPS_WATER_AIR) * q)
