"""Water at the soil surface: runoff from saturated ground, infiltration capacity, surface water store."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import erf, ndtri

from elterra.land.constants import PI
from elterra.land.soil_water._constitutive import LN10

SQRT2 = 2.0**0.5
SQRT_2PI = (2.0 * PI) ** 0.5
#: the smallest surface water (mm) that has an area of its own; less is handed to the soil (CLM5)
MIN_H2OSFC = 1.0e-8
#: smallest outflow of the surface store, mm s-1 (CLM5)
MIN_OUTFLOW = 1.0e-8


class SurfaceWater(NamedTuple):
    """Fluxes at the surface (mm s-1) and the store after the step."""

    qflx_surf: jax.Array  #: runoff from the saturated fraction
    qflx_infl: jax.Array  #: water entering the top soil layer, evaporation subtracted (may be negative)
    qflx_h2osfc_surf: jax.Array  #: outflow of the surface store
    h2osfc: jax.Array  #: mm
    fsat: jax.Array  #: saturated fraction, 1
    qinmax: jax.Array  #: infiltration capacity, mm s-1


def micro_sigma(topo_slope: jax.Array) -> jax.Array:
    """Standard deviation of the micro-relief (m) from the slope (degrees); tech note 2.7.15."""
    # (0.4)^(-1/3): a level surface has a micro-relief of 0.4 m.
    return (topo_slope + 0.4 ** (-1.0 / 3.0)) ** -3.0


def h2osfc_fraction(h2osfc: jax.Array, topo_slope: jax.Array) -> jax.Array:
    """Fraction of the ground under surface water for a Gaussian micro-relief (tech note 2.7.14).

    The water level is found with 10 Newton steps from 0, which converge monotonically because the stored
    volume is a convex function of the level.
    """
    sigma = 1.0e3 * micro_sigma(topo_slope)
    wet = h2osfc > MIN_H2OSFC
    stored = jnp.where(wet, h2osfc, sigma / SQRT_2PI)
    level = jnp.zeros_like(sigma)
    for _ in range(10):
        below = 0.5 * (1.0 + erf(level / (sigma * SQRT2)))
        volume = level * below + sigma / SQRT_2PI * jnp.exp(-(level**2) / (2.0 * sigma**2))
        level = level - (volume - stored) / jnp.maximum(below, 1.0e-12)
    return jnp.where(wet, 0.5 * (1.0 + erf(level / (sigma * SQRT2))), 0.0)


def h2osfc_threshold(topo_slope: jax.Array, pc: jax.Array) -> jax.Array:
    """Surface water (mm) above which wet areas connect and flow off (fill and spill, tech note 2.7.17)."""
    sigma = 1.0e3 * micro_sigma(topo_slope)
    level = sigma * ndtri(pc)
    return level * pc + sigma / SQRT_2PI * jnp.exp(-(level**2) / (2.0 * sigma**2))


def saturated_fraction(zwt: jax.Array, fmax: jax.Array, fff: jax.Array) -> jax.Array:
    """Saturated fraction from the depth of the water table (m); tech note 2.7.10 (``fff`` in m-1)."""
    return fmax * jnp.exp(-0.5 * fff * zwt)


def surface_water(
    *,
    dt: float,
    qflx_top_soil: jax.Array,
    evap_soil: jax.Array,
    evap_h2osfc: jax.Array,
    h2osfc: jax.Array,
    frac_h2osfc: jax.Array,
    frac_h2osfc_nosnow: jax.Array,
    fsat: jax.Array,
    icefrac: jax.Array,
    hksat: jax.Array,
    topo_slope: jax.Array,
    e_ice: jax.Array,
    pc: jax.Array,
    mu: jax.Array,
) -> SurfaceWater:
    """Split the water that reaches the ground (CLM5 ``SurfaceRunoff``, ``Infiltration``; tech note 2.7.2).

    ``qflx_top_soil`` is rain and melt (mm s-1, >= 0); ``evap_soil`` and ``evap_h2osfc`` are the evaporation
    (mm s-1 of the whole column) taken from the soil surface and from the surface store. ``icefrac``,
    ``hksat`` are those of the three top layers. ``frac_h2osfc_nosnow`` is the fraction that the store would cover
    without snow: snow hides the water but does not cut off its outflow. A store that
    evaporates dry takes the rest from the soil, as in CLM5.
    """
    qflx_surf = fsat * qflx_top_soil
    arriving = qflx_top_soil - qflx_surf
    to_soil = (1.0 - frac_h2osfc) * arriving - evap_soil
    to_store = frac_h2osfc * arriving - evap_h2osfc
    # infiltration capacity of the unsaturated part, from the least permeable of the top layers
    capacity = jnp.min(jnp.exp(-LN10 * e_ice * icefrac) * hksat, axis=0)
    qinmax = (1.0 - fsat) * capacity
    excess = jnp.maximum(0.0, to_soil - (1.0 - frac_h2osfc) * qinmax)
    infl = to_soil - excess
    # outflow of the connected part of the store
    over = frac_h2osfc_nosnow - pc
    connected = jnp.where(over > 0.0, jnp.exp(mu * jnp.log(jnp.where(over > 0.0, over, 1.0))), 0.0)
    spill = jnp.maximum(h2osfc - h2osfc_threshold(topo_slope, pc), 0.0)
    k_wet = 1.0e-4 * jnp.sin(PI / 180.0 * topo_slope)
    outflow = jnp.minimum(k_wet * connected, 1.0 / dt) * spill
    outflow = jnp.where(outflow < MIN_OUTFLOW, 0.0, outflow)
    store = h2osfc + (to_store + excess - outflow) * dt
    shortage = jnp.minimum(store, 0.0)
    store = jnp.maximum(store, 0.0)
    drain = jnp.minimum(frac_h2osfc * qinmax, store / dt)
    store = store - drain * dt
    return SurfaceWater(qflx_surf, infl + shortage / dt + drain, outflow, store, fsat, qinmax)
