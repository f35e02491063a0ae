"""Fixation and leaching of nitrogen (CLM5.0 tech note, External_Nitrogen_Cycle)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.constants import SECSPDAY
from elterra.land.fields import Fields

_YEAR = 365.0 * SECSPDAY


def fixation(p: Fields, lag_npp: jax.Array) -> jax.Array:
    """Biological fixation, gN m-2 s-1 ``[column]``, from lagged net primary production (gC m-2 s-1), the
    curve of Cleveland et al. (1999): never negative."""
    yearly = jnp.maximum(lag_npp, 0.0) * _YEAR
    return p.nfix_max * (1.0 - jnp.exp(-p.nfix_slope * yearly)) / _YEAR


def free_living_fixation(p: Fields, annet: jax.Array) -> jax.Array:
    """Fixation by free-living microbes, gN m-2 s-1 ``[column]``, linear in the year's evapotranspiration
    ``annet`` (kg m-2 s-1; Cleveland et al. 1999). Symbiotic fixation is bought by plants (`buy_nitrogen`)."""
    return p.freelivfix_slope_wet * jnp.maximum(annet, 0.0) + p.freelivfix_intercept / _YEAR


def leaching(p: Fields, drv: Fields, no3: jax.Array, dt: float) -> tuple[jax.Array, jax.Array]:
    """Nitrate lost with drainage and with surface runoff, gN m-3 s-1 ``[soil_layer, column]`` each.

    Dissolved nitrate leaves with the water: drainage takes it in proportion to the liquid water of all
    layers, runoff from the top ``depth_runoff_nloss`` (m). Together never more than there is.
    """
    liq = jnp.maximum(drv.h2osoi_liq[:NLEVSOI], 0.0)
    bottom = p.zisoi[1 : NLEVSOI + 1]
    dz = p.dzsoi[:NLEVSOI]
    total = jnp.sum(liq, axis=0)
    soluble = p.sf_no3 * jnp.maximum(no3, 0.0)
    drained = soluble * jnp.maximum(drv.qflx_drain, 0.0) / jnp.maximum(total, 1.0e-6)
    drained = jnp.minimum(drained, soluble / dt)
    part = jnp.clip((p.depth_runoff_nloss - (bottom - dz)) / dz, 0.0, 1.0)
    shallow = jnp.sum(liq * part, axis=0)
    run = soluble * part * jnp.maximum(drv.qflx_surf, 0.0) / jnp.maximum(shallow, 1.0e-6)
    return drained, jnp.minimum(run, jnp.maximum(no3, 0.0) / dt - drained)
