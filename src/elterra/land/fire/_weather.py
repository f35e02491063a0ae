"""What fires see of weather and soil: wetness and warmth of the top, and memories of rain and humidity."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI, Config
from elterra.land.fields import Fields
from elterra.land.memory import running_mean
from elterra.land.numerics.humidity import saturation

TOP = 0.17  #: depth of the soil that peat fires and frost go by, m
_DRY = 316230.0  #: suction of the water that plants cannot reach, mm
_LEAST_WETNESS = 0.01
FIRST_CROP = 15  #: plant types from here on are crops
NO_FIRE_YET = 10000.0  #: ``burndate`` of crops that have not burned this year, CLM's number


class FuelClimate(NamedTuple):
    """All ``[column]``."""

    tsoi17: jax.Array  #: mean temperature of the top 17 cm of soil, K
    wf2: jax.Array  #: water in the layers that end within 17 cm, part of what plants can reach there
    btran2: jax.Array  #: wetness of the root zone, mean over natural plants, 0..1
    planted: jax.Array  #: area of natural plants, part of the column


def relative_humidity(f: Fields) -> jax.Array:
    """Relative humidity of the air (%, over ice below freezing), ``[column]``."""
    _, _, qs, _ = saturation(f.forc_t, f.forc_pbot)
    return 100.0 * f.forc_q / qs


def fuel_climate(p: Fields, drv: Fields) -> FuelClimate:
    """Wetness and warmth after the water and heat of the step; ``drv`` as for `carbon_nitrogen`."""
    soil = slice(0, NLEVSOI)
    dz, watsat, sucsat, bsw = p.dzsoi[soil], p.watsat[soil], p.sucsat[soil], p.bsw[soil]
    upper = p.zisoi[:NLEVSOI]
    weight = jnp.clip(TOP - upper, 0.0, dz) / TOP
    tsoi17 = jnp.sum(weight * drv.t_soil[soil], axis=0)

    water = drv.h2osoi_vol[soil]
    dry = watsat * jnp.exp(-jnp.log(_DRY / sucsat) / bsw)
    counted = jnp.where(upper + dz <= TOP, dz, 0.0)
    wf2 = jnp.sum(counted * (water - dry), axis=0) / jnp.sum(counted * (watsat - dry), axis=0)

    wetness = jnp.maximum(water / watsat, _LEAST_WETNESS)
    smp = -sucsat * jnp.exp(-bsw * jnp.log(wetness))
    rise = (smp[:, None] - p.smpsc) / jnp.where(p.smpso > p.smpsc, p.smpso - p.smpsc, 1.0)
    per_patch = jnp.sum(p.rootfr * jnp.clip(rise, 0.0, 1.0), axis=0)
    natural = p.wt * ((p.pft > 0) & (p.pft < FIRST_CROP))
    planted = jnp.sum(natural, axis=0)
    some = planted > 0.0
    btran2 = jnp.where(some, jnp.sum(natural * per_patch, axis=0) / jnp.where(some, planted, 1.0), 1.0)
    return FuelClimate(tsoi17, wf2, btran2, planted)


def update_memory(s: Fields, f: Fields, burndate: jax.Array, cfg: Config) -> dict[str, jax.Array]:
    """New ``prec60`` (kg m-2 s-1), ``rh30`` (%) ``[column]`` and ``burndate`` ``[patch, column]``, for the next step:
    fires see the means up to the step before, as in CLM5."""
    return {
        "prec60": running_mean(s, "prec60", f.forc_rain + f.forc_snow, 60.0, cfg.dt),
        "rh30": running_mean(s, "rh30", relative_humidity(f), 30.0, cfg.dt),
        "burndate": jnp.where(f.end_of_year, NO_FIRE_YET, burndate),
    }
