"""Interception of rain and snow by the canopy (tech note, Hydrology 7.1; snow on canopy after Roesch et al. 2001)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import TFRZ
from elterra.land.fields import Fields


def intercept(p: Fields, s: Fields, f: Fields, veg: Fields, cfg: Config) -> tuple[Fields, Fields]:
    """Rain and snow caught, dripping, unloading.

    ``veg``: elai, esai, frac_veg_nosno ``[patch, column]``. Gives the state with new liqcan, snocan (kg m-2) and:
    qflx_liq_grnd, qflx_snow_grnd ``[column]`` (what reaches the ground, kg m-2 s-1), their patch values
    qflx_prec_grnd_rain, qflx_prec_grnd_snow, and fwet, fdry, fcansno ``[patch, column]``. Water in = change of canopy
    water + water to the ground, to round-off. Water left on a canopy that is gone (leafless, snowed in) falls.
    """
    dt = cfg.dt
    area = veg.elai + veg.esai
    covered = (veg.frac_veg_nosno > 0) & (area > 0)
    rain, snow = f.forc_rain, f.forc_snow
    caught_rain = jnp.where(covered, p.interception_fraction * jnp.tanh(area), 0.0) * rain
    caught_snow = jnp.where(covered, 1.0 - jnp.exp(-0.5 * area), 0.0) * snow
    liquid = s.liqcan + dt * caught_rain
    frozen = s.snocan + dt * caught_snow
    capacity = jnp.where(covered, p.dewmx * area, 0.0)
    warm = f.forc_t > TFRZ
    drip = jnp.where(covered & ~warm, 0.0, jnp.maximum(liquid - capacity, 0.0))
    slide = jnp.where(covered & warm, 0.0, jnp.maximum(frozen - p.snocan_capacity * capacity, 0.0))
    liquid, frozen = liquid - drip, frozen - slide
    by_warmth = jnp.maximum(0.0, frozen * (f.forc_t - 270.15) / 1.87e5)
    by_wind = 0.5 * frozen * f.forc_wind / 1.56e5
    unload = jnp.minimum((by_warmth + by_wind) * dt, frozen)
    frozen = frozen - unload
    to_ground_rain = rain - caught_rain + drip / dt
    to_ground_snow = snow - caught_snow + (slide + unload) / dt
    fwet, fdry, fcansno = wetness(p, veg, liquid, frozen)
    results = Fields(
        qflx_liq_grnd=(p.wt * to_ground_rain).sum(axis=0),
        qflx_snow_grnd=(p.wt * to_ground_snow).sum(axis=0),
        qflx_prec_grnd_rain=to_ground_rain,
        qflx_prec_grnd_snow=to_ground_snow,
        fwet=fwet,
        fdry=fdry,
        fcansno=fcansno,
    )
    return s.replace(liqcan=liquid, snocan=frozen), results


def wetness(
    p: Fields, veg: Fields, liquid: jax.Array, frozen: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Wet, dry-and-green and snow-covered fractions of the canopy ``[patch, column]``."""
    area = veg.elai + veg.esai
    covered = (veg.frac_veg_nosno > 0) & (area > 0)
    capacity = jnp.where(covered, p.dewmx * area, 1.0)

    def fraction(amount: jax.Array, power: float) -> jax.Array:
        held = amount > 0.0
        return jnp.where(held & covered, jnp.exp(power * jnp.log(jnp.where(held, amount, 1.0))), 0.0)

    fwet = jnp.minimum(fraction((liquid + frozen) / capacity, 2.0 / 3.0), p.maximum_leaf_wetted_fraction)
    fcansno = jnp.minimum(fraction(frozen / (p.snocan_capacity * capacity), 0.15), 1.0)
    fdry = jnp.where(covered, (1.0 - fwet) * veg.elai / jnp.where(covered, area, 1.0), 0.0)
    return fwet, fdry, fcansno
