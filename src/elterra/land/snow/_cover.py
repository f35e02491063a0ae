"""Fresh snow and the snow-covered fraction of the ground."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.constants import PI, TFRZ

#: largest integrated snowfall, kg m-2, where the cover is so small that the formula runs away (CLM5)
INT_SNOW_LIMIT = 1.0e8


def fresh_snow_density(forc_t: jax.Array, forc_wind: jax.Array) -> jax.Array:
    """Bulk density of falling snow, kg m-3: Anderson with Slater (2017) below -15 degC, and wind.

    Tech note 2.8.24-2.8.26; ``forc_t`` K, ``forc_wind`` m s-1. The wind term is 266.861 kg m-3 times the
    8.8th power of a hyperbolic tangent (CLM5 ``NewSnowBulkDensity`` with wind-dependent density).
    """
    tc = forc_t - TFRZ
    warm = jnp.clip(tc + 15.0, 0.0, 17.0)
    anderson = 50.0 + 1.7 * warm * jnp.sqrt(jnp.where(warm > 0.0, warm, 1.0))
    cold = jnp.maximum(tc, -57.55)
    slater = -(50.0 / 15.0 + 0.0333 * 15.0) * cold - 0.0333 * cold * cold
    base = jnp.where(tc > -15.0, anderson, slater)
    wind = 266.861 * jnp.exp(8.8 * jnp.log(0.5 * (1.0 + jnp.tanh(forc_wind / 5.0))))
    return base + jnp.where(forc_wind > 0.1, wind, 0.0)


def melt_shape(topo_std: jax.Array) -> jax.Array:
    """Shape of the depletion curve from the sub-grid standard deviation of elevation (m)."""
    return 200.0 / jnp.maximum(10.0, topo_std)


def depleted_cover(
    h2osno: jax.Array, int_snow: jax.Array, int_snow_max: jax.Array, n_melt: jax.Array
) -> jax.Array:
    """Snow-covered fraction while melting (Swenson and Lawrence 2012; tech note 2.8.3).

    ``h2osno``, ``int_snow`` kg m-2.
    """
    ratio = jnp.clip(h2osno / jnp.maximum(jnp.minimum(int_snow, int_snow_max), 1.0e-12), 0.0, 1.0)
    # acos has no finite slope at its ends; outside this range it is 0 or pi to 3e-5
    inner = jnp.clip(2.0 * ratio - 1.0, -1.0 + 1.0e-9, 1.0 - 1.0e-9)
    angle = jnp.arccos(inner) / PI
    frac = 1.0 - jnp.exp(n_melt * jnp.log(angle))
    return jnp.where(ratio >= 1.0, 1.0, frac)


class NewSnow(NamedTuple):
    """Cover after snowfall."""

    frac_sno: jax.Array
    int_snow: jax.Array  #: kg m-2
    depth: jax.Array  #: m added to the depth of the snow-covered part
    covers: jax.Array  #: whether any ground is covered; without cover there is no depth (CLM5)
    mass: jax.Array  #: kg m-2


def add_new_snow(
    *,
    new_snow: jax.Array,
    h2osno: jax.Array,
    frac_sno: jax.Array,
    int_snow: jax.Array,
    density: jax.Array,
    accum_factor: jax.Array,
    n_melt: jax.Array,
) -> NewSnow:
    """Cover, integrated snowfall and depth after ``new_snow`` (kg m-2) fell (tech note 2.8.1-2.8.5).

    The integrated snowfall is reset so that the depletion curve passes through the new cover.
    """
    falls = new_snow > 0.0
    int_snow = jnp.maximum(int_snow, h2osno)
    frac_old = jnp.where(h2osno > 0.0, frac_sno, 0.0)
    added = jnp.tanh(accum_factor * new_snow)
    # Written as CLM5 does: what falls on a trace of snow below 1e-16 (the canopy sheds such traces) rounds to no cover,
    # and then there is no depth either. Depth alone buries leaves there, so that the rounding decides whether grass is
    # free.
    frac = jnp.where(h2osno > 0.0, 1.0 - (1.0 - added) * (1.0 - frac_old), added)
    bare = jnp.clip(1.0 - jnp.maximum(frac, 1.0e-6), 1.0e-300, 1.0)
    share = 0.5 * (jnp.cos(PI * jnp.exp(jnp.log(bare) / n_melt)) + 1.0)
    reset = jnp.minimum(INT_SNOW_LIMIT, (h2osno + new_snow) / jnp.maximum(share, 1.0e-30))
    frac = jnp.where(falls, frac, frac_old)
    covers = frac > 0.0
    depth = jnp.where(falls & covers, new_snow / (density * jnp.where(covers, frac, 1.0)), 0.0)
    return NewSnow(frac, jnp.where(falls, reset, int_snow) + new_snow, depth, covers, new_snow)
