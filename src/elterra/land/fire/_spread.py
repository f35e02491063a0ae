"""The equations of the chapter Fire of CLM5.0's technical note, one function each. Fits of Li et al. (2012, 2013) and Li and
Lawrence (2017) stand as numbers, what CLM5 lets a user set is a parameter."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.constants import PI, TFRZ
from elterra.land.fields import Fields
from elterra.land.fire._weather import FIRST_CROP, FuelClimate

SECONDS = 3600.0  #: of an hour
_MONTH_HOURS = 30.0 * 24.0
_REMOTE = 0.1  #: persons km-2; where fewer live nobody fights fires
_FIRST_SHRUB = 9
_G0 = 0.05  #: spread without wind, part of that in the strongest wind (eq. 23.20)


class Suppression(NamedTuple):
    """What people leave of fires, means over natural land ``[column]``."""

    occurrence: jax.Array  #: of their number, by wealth
    spread_wealth: jax.Array  #: of the area of each, by wealth
    spread_people: jax.Array  #: of the area of each, by population


def _root(x: jax.Array) -> jax.Array:
    """Square root with a finite gradient at 0."""
    positive = x > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def ignitions(p: Fields, lnfm: jax.Array, hdm: jax.Array) -> jax.Array:
    """Ignitions that people do not put out at once, km-2 h-1 ``[column]`` (eq. 23.3 to 23.5, 23.11).

    ``lnfm``: flashes, km-2 h-1; ``hdm``: persons km-2. ``lightning_angle`` is what the latitude is multiplied with
    in the share of flashes that reach the ground.
    """
    to_ground = 1.0 / (5.16 + 2.16 * jnp.cos(3.0 * p.lightning_angle * jnp.minimum(60.0, jnp.abs(p.lat))))
    peopled = hdm > 0.0
    power = jnp.where(peopled, jnp.exp(0.43 * jnp.log(jnp.where(peopled, hdm, 1.0))), 0.0)
    by_people = p.pot_hmn_ign_counts_alpha * 6.8 * power / _MONTH_HOURS
    kept = 0.01 + 0.98 * jnp.exp(-0.025 * hdm)
    return (by_people + 0.22 * to_ground * lnfm) * kept


def fuel_availability(p: Fields, fuelc: jax.Array) -> jax.Array:
    """0 below ``lfuel``, 1 above ``ufuel`` (gC m-2), eq. 23.6."""
    return jnp.clip((fuelc - p.lfuel) / (p.ufuel - p.lfuel), 0.0, 1.0)


def combustibility(
    p: Fields, fuelc: jax.Array, rh: jax.Array, rh30: jax.Array, now: FuelClimate
) -> jax.Array:
    """Combustibility of the fuel 0..1 ``[column]`` (eq. 23.7 to 23.9 with the powers of the code of CLM5.0).

    ``fuelc`` gC m-2, ``rh`` and its 30-day mean ``rh30`` %. Much fuel dries slowly and goes by the mean.
    """
    heavy = jnp.clip((fuelc - 2500.0) / 2500.0, 0.0, 1.0)
    dry_now = 1.0 - jnp.clip((rh - p.rh_low) / (p.rh_hgh - p.rh_low), 0.0, 1.0)
    dry_long = 1.0 - jnp.clip(rh30 / 90.0, 0.7, 1.0)
    dry_air = heavy * dry_long + (1.0 - heavy) * dry_now
    dry_soil = 1.0 - jnp.clip((now.btran2 - p.bt_min) / (p.bt_max - p.bt_min), 0.0, 1.0)
    possible = (rh < p.rh_hgh) & (now.planted > 0.0) & (now.tsoi17 > TFRZ)
    return jnp.where(possible, dry_air * _root(dry_air) * _root(dry_soil), 0.0)


def suppression(p: Fields, hdm: jax.Array, share: jax.Array) -> Suppression:
    """Eq. 23.12, 23.13 and 23.22 to 23.25; ``share`` is the part of natural land of a patch ``[patch, column]``, 0 for
    crops. Where more than 0.1 persons km-2 live, bare ground carries no fire."""
    low = p.pft >= _FIRST_SHRUB
    rich, middle = p.gdp > 20.0, p.gdp > 8.0

    def of_trees(at_rich: jax.Array | float, at_middle: float) -> jax.Array:
        return jnp.where(rich, at_rich, jnp.where(middle, at_middle, 1.0))

    def mean(grass: jax.Array, trees: jax.Array) -> jax.Array:
        fought = jnp.where(p.pft > 0, jnp.where(low, grass, trees), 0.0)
        return jnp.sum(share * jnp.where(hdm > _REMOTE, fought, 1.0), axis=0)

    return Suppression(
        mean(0.1 + 0.9 * jnp.exp(-PI * _root(p.gdp / 8.0)), of_trees(p.occur_hi_gdp_tree, 0.79)),
        mean(0.2 + 0.8 * jnp.exp(-PI * p.gdp / 7.0), of_trees(0.62, 0.83)),
        mean(0.2 + 0.8 * jnp.exp(-PI * _root(hdm / 450.0)), 0.4 + 0.6 * jnp.exp(-PI * hdm / 125.0)),
    )


def area_of_a_fire(p: Fields, share: jax.Array, wind: jax.Array, fire_m: jax.Array) -> jax.Array:
    """Area that a fire burns if nobody fights it, km2 ``[column]``: an ellipse (eq. 23.15 to 23.20; the head-to-back ratio
    cancels). ``wind`` m s-1; ``share`` as for `suppression`."""
    rate = jnp.sum(share * p.fsr_pft, axis=0)
    duration = jnp.sum(share * p.fd_pft, axis=0) * SECONDS
    length_to_breadth = 1.0 + 10.0 * (1.0 - jnp.exp(-0.06 * wind))
    reach = _G0 * rate * duration / 1000.0
    # the rate goes with the root of the combustibility, the area with its square
    return PI * length_to_breadth * reach * reach * fire_m


def crop_fire_rate(p: Fields, hdm: jax.Array) -> jax.Array:
    """Part of the cropland that burns per second while farmers burn it, ``[column]`` (eq. 23.30 to 23.33)."""
    people = 0.04 + 0.96 * jnp.exp(-PI * _root(hdm / 350.0))
    wealth = 0.01 + 0.99 * jnp.exp(-PI * p.gdp / 10.0)
    return p.cropfire_a1 / SECONDS * people * wealth


def peat_fire_rate(p: Fields, prec60: jax.Array, fsat: jax.Array, now: FuelClimate) -> jax.Array:
    """Part of the column that burns per second on peat, ``[column]`` (eq. 23.37 to 23.39). ``prec60`` kg m-2 s-1,
    ``fsat`` the part of the column that is saturated."""
    lack = jnp.clip(1.0 - prec60 * 86400.0 / 4.0, 0.0, 1.0)
    south = p.non_boreal_peatfire_c * lack * lack
    thaw = jnp.clip((now.tsoi17 - TFRZ) / 10.0, 0.0, 1.0)
    north = p.boreal_peatfire_c * jnp.exp(-PI * jnp.maximum(now.wf2, 0.0) / 0.3) * thaw
    return jnp.where(p.lat < p.borealat, south, north) / SECONDS * p.peatf * (1.0 - fsat)


def natural_share(p: Fields) -> tuple[jax.Array, jax.Array]:
    """Area of cropland in the column ``[column]``, and of each patch in natural land ``[patch, column]``."""
    crops = p.pft >= FIRST_CROP
    cropf = jnp.sum(jnp.where(crops, p.wt, 0.0), axis=0)
    left = 1.0 - cropf
    return cropf, jnp.where(crops, 0.0, p.wt) / jnp.where(left > 0.0, left, 1.0)
