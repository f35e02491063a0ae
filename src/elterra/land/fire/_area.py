"""Burned area of one step: open, agricultural and peat fires (CLM5.0 tech note, Fire; order of CLM5's CNFireLi2016)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from elterra.land.config import Config
from elterra.land.constants import TFRZ
from elterra.land.fields import Fields
from elterra.land.fire._spread import (
    SECONDS,
    area_of_a_fire,
    combustibility,
    crop_fire_rate,
    fuel_availability,
    ignitions,
    natural_share,
    peat_fire_rate,
    suppression,
)
from elterra.land.fire._weather import FIRST_CROP, fuel_climate, relative_humidity

_MONTH_ENDS = np.cumsum([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])  # last days of January to November
_TROPICAL_TREES = (4, 6)  # evergreen, deciduous
_CLOSED = 0.6  # cover of tropical trees from which on forests do not burn by themselves


class Fuel(NamedTuple):
    """Carbon that can burn, g m-2."""

    plants: jax.Array  #: all plant carbon without the roots of natural plants ``[patch, column]``
    leaf: jax.Array  #: leaves, with what is stored for them ``[patch, column]``
    leaf_shown: jax.Array  #: displayed leaves ``[patch, column]``
    litter: jax.Array  #: ``[column]``
    debris: jax.Array  #: coarse woody debris ``[column]``


class Burned(NamedTuple):
    """Burned area of a step. Parts are those burned in the step, not per second."""

    natural: jax.Array  #: part of natural land ``[column]``
    crop: jax.Array  #: part of cropland ``[column]``
    column: jax.Array  #: part of the column
    uncropped: jax.Array  #: part of the column, without fires of crops
    burndate: jax.Array  #: day of the year on which crops burned, 10000 = not yet ``[patch, column]``
    fuelc: jax.Array  #: fuel outside cropland, gC m-2 ``[column]``
    nfire: jax.Array  #: fires, km-2 s-1
    baf_crop: jax.Array  #: burned cropland, part of the column, s-1
    baf_peatf: jax.Array  #: burned on peat, part of the column, s-1
    farea_burned: jax.Array  #: all, part of the column, s-1


def month_of(dayofyear: jax.Array) -> jax.Array:
    """Month 1..12 of a day of a year without 29 February."""
    return 1 + jnp.sum(jnp.asarray(dayofyear) > jnp.asarray(_MONTH_ENDS))


def burned_area(p: Fields, s: Fields, f: Fields, drv: Fields, fuel: Fuel, cfg: Config) -> Burned:
    """Area that burns in this step.

    ``drv`` as for `carbon_nitrogen`, with ``fsat``. Lightning ``lnfm`` (km-2 h-1) and population ``hdm`` (km-2) are
    those of the forcing where it has them, else those of the surface. No more than the whole column burns in a step.
    """
    dt = cfg.dt
    hdm = f.hdm if "hdm" in f else p.hdm
    lnfm = f.lnfm if "lnfm" in f else p.lnfm
    now = fuel_climate(p, drv)
    cropf, share = natural_share(p)
    crops = p.pft >= FIRST_CROP
    wild = cropf < 1.0

    # cropland: fuel is leaves, and litter in proportion to leaves
    leaves = jnp.sum(p.wt * fuel.leaf_shown, axis=0)
    per_leaf = jnp.where(leaves > 0.0, fuel.litter / jnp.where(leaves > 0.0, leaves, 1.0), 0.0)
    crop_fuel = jnp.sum(jnp.where(crops, p.wt * (fuel.leaf + per_leaf * fuel.leaf_shown), 0.0), axis=0)
    per_crop = crop_fuel / jnp.where(cropf > 0.0, cropf, 1.0)
    season = (month_of(f.dayofyear) == p.abm) & (f.forc_t >= TFRZ) & (fuel_availability(p, per_crop) > 0.0)
    lit = season & crops & (s.burndate >= 999.0) & (p.wt > 0.0)
    crop_rate = crop_fire_rate(p, hdm) * jnp.sum(jnp.where(lit, p.wt, 0.0), axis=0)
    burndate = jnp.where(lit, 1.0 * f.dayofyear, s.burndate)

    # natural land
    all_fuel = fuel.litter + fuel.debris + jnp.sum(p.wt * fuel.plants, axis=0) - crop_fuel
    fuelc = jnp.where(wild, all_fuel / jnp.where(wild, 1.0 - cropf, 1.0), 0.0)
    fire_m = combustibility(p, fuelc, relative_humidity(f), s.rh30, now)
    tropical = (p.pft == _TROPICAL_TREES[0]) | (p.pft == _TROPICAL_TREES[1])
    closed = jnp.sum(jnp.where(tropical, p.wt, 0.0), axis=0) > _CLOSED
    left = suppression(p, hdm, share)
    lightable = ignitions(p, lnfm, hdm) / SECONDS * (1.0 - cropf)
    nfire = lightable * fuel_availability(p, fuelc) * fire_m * left.occurrence
    nfire = jnp.where(wild & ~closed, nfire, 0.0)
    each = area_of_a_fire(p, share, f.forc_wind, fire_m) * left.spread_wealth * left.spread_people
    peat_rate = peat_fire_rate(p, s.prec60, drv.fsat, now)

    crop = jnp.minimum(dt * crop_rate, 1.0)
    asked = dt * (nfire * each + peat_rate)
    rest = jnp.minimum(asked, 1.0 - crop)
    some = asked > 0.0
    on_peat = jnp.where(some, rest * (dt * peat_rate) / jnp.where(some, asked, 1.0), 0.0)
    return Burned(
        natural=jnp.where(wild, jnp.minimum(rest / jnp.where(wild, 1.0 - cropf, 1.0), 1.0), 0.0),
        crop=jnp.where(cropf > 0.0, jnp.minimum(crop / jnp.where(cropf > 0.0, cropf, 1.0), 1.0), 0.0),
        column=crop + rest,
        uncropped=rest,
        burndate=burndate,
        fuelc=fuelc,
        nfire=nfire,
        baf_crop=crop / dt,
        baf_peatf=on_peat / dt,
        farea_burned=(crop + rest) / dt,
    )
