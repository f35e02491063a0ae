"""Water table and lateral drainage of the saturated zone above bedrock."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.constants import PI, TFRZ
from elterra.land.numerics.chains import take_from_top
from elterra.land.soil_water._constitutive import LN10

#: relative water content above which a layer counts as saturated (CLM5)
SATURATED = 0.9


def _interpolate_depth(
    is_node: jax.Array, wetness: jax.Array, z: jax.Array, wet_below: jax.Array, z_below: jax.Array
) -> jax.Array:
    """Depth where the wetness passes ``SATURATED`` between a node marked in ``is_node`` and the next one."""
    rise = wet_below - wetness
    safe = jnp.where(jnp.abs(rise) > 1.0e-12, rise, 1.0)
    depth = z_below + (z_below - z) / safe * (SATURATED - wet_below)
    return jnp.sum(jnp.where(is_node, depth, 0.0), axis=0)


def _lowest(mask: jax.Array) -> jax.Array:
    """One-hot of the lowest True layer (all False where there is none)."""
    seen = jnp.zeros_like(mask[0])
    out = []
    for i in range(mask.shape[0] - 1, -1, -1):
        out.append(mask[i] & ~seen)
        seen = seen | mask[i]
    return jnp.stack(out[::-1])


def water_table(wetness: jax.Array, z: jax.Array, zi: jax.Array, active: jax.Array) -> jax.Array:
    """Depth of the water table (m): top of the saturated zone that stands on bedrock (CLM5
    ``ThetaBasedWaterTable``).

    ``wetness`` (liquid and ice volume over porosity), ``z`` nodes, ``active`` [soil_layer, ...]; ``zi``
    [soil_layer + 1, ...]. The bottom of the active soil where its lowest layer is not saturated; the lower
    edge of the first layer where all is saturated.
    """
    n = wetness.shape[0]
    dry = _lowest(active & (wetness <= SATURATED))  # lowest unsaturated layer
    is_bottom = _one_below(active)
    bottom = jnp.sum(jnp.where(is_bottom, zi[1:], 0.0), axis=0)
    all_wet = ~jnp.any(dry, axis=0)
    first = dry[0] | all_wet
    at_bottom = jnp.any(dry & is_bottom, axis=0)
    below = jnp.concatenate([wetness[1:], wetness[-1:]])
    z_below = jnp.concatenate([z[1:], z[-1:] + 1.0])
    between = dry & ~is_bottom & (jnp.arange(n) > 0).reshape((n,) + (1,) * (wetness.ndim - 1))
    inner = jnp.maximum(0.0, _interpolate_depth(between, wetness, z, below, z_below))
    return jnp.where(first, zi[1], jnp.where(at_bottom, bottom, inner))


def _one_below(active: jax.Array) -> jax.Array:
    """One-hot of the lowest active layer."""
    after = jnp.concatenate([active[1:], jnp.zeros_like(active[:1])])
    return active & ~after


def frost_and_perched_table(
    t: jax.Array, wetness: jax.Array, z: jax.Array, zwt: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Depth of the frost table and of a water table perched on it (m); CLM5 ``PerchedWaterTable``.

    The frost table is the first node below an unfrozen one at or below freezing (the first node when the
    surface is frozen, the last node when nothing is). Without perched water both depths are equal. ``t`` (K),
    ``wetness``, ``z`` are ``[soil_layer, ...]``.
    """
    n = t.shape[0]
    unfrozen = t > TFRZ
    above_thawed = jnp.concatenate([jnp.zeros_like(unfrozen[:1]), unfrozen[:-1]])
    transition = above_thawed & ~unfrozen
    seen = jnp.zeros_like(transition[0])
    first = []
    for i in range(n):
        first.append(transition[i] & ~seen)
        seen = seen | transition[i]
    frost = jnp.stack(first)
    none = ~seen
    # no thawed layer over a frozen one: all thawed -> last node; frozen from the top -> first node
    frost = frost.at[-1].set(frost[-1] | (none & unfrozen[0]))
    frost = frost.at[0].set(frost[0] | (none & ~unfrozen[0]))
    frost_depth = jnp.sum(jnp.where(frost, z, 0.0), axis=0)
    frozen_there = jnp.any(frost & ~unfrozen, axis=0)
    above = z <= frost_depth
    dry = _lowest(above & (wetness <= SATURATED))
    # the layer above the saturated one; without any unsaturated layer CLM5 takes the first
    none_dry = ~jnp.any(dry, axis=0)
    dry = dry.at[0].set(dry[0] | none_dry)
    is_frost_layer = jnp.any(dry & frost, axis=0)
    below = jnp.concatenate([wetness[1:], wetness[-1:]])
    z_below = jnp.concatenate([z[1:], z[-1:] + 1.0])
    depth = jnp.maximum(0.0, _interpolate_depth(dry, wetness, z, below, z_below))
    perched = frozen_there & ~is_frost_layer & (zwt >= frost_depth)
    return frost_depth, jnp.where(perched, jnp.minimum(depth, frost_depth), frost_depth)


def perched_drainage(
    liq: jax.Array,
    *,
    dt: float,
    frost_table: jax.Array,
    zwt_perched: jax.Array,
    icefrac: jax.Array,
    hksat: jax.Array,
    dz: jax.Array,
    zi: jax.Array,
    topo_slope: jax.Array,
    e_ice: jax.Array,
    watmin: float,
) -> tuple[jax.Array, jax.Array]:
    """Lateral drainage of water perched on frozen ground (CLM5 ``PerchedLateralFlow``; tech note 2.7.5.1).

    Returns the liquid water (kg m-2) of the layers and the drainage of every layer (mm s-1).
    """
    top, bottom = zi[:-1], zi[1:]
    # layers from the one that holds the perched table to the one that holds the frost table
    reach = (bottom >= zwt_perched) & (top <= frost_table)
    ice_below = jnp.concatenate([icefrac[1:], icefrac[-1:]])
    k = jnp.exp(-LN10 * e_ice * 0.5 * (icefrac + ice_below)) * hksat
    weight = jnp.where(reach, dz, 0.0)
    k_mean = jnp.sum(weight * k, axis=0) / jnp.maximum(jnp.sum(weight, axis=0), 1.0e-6)
    head = jnp.maximum(frost_table - zwt_perched, 0.0)
    demand = 1.0e-5 * jnp.sin(PI / 180.0 * topo_slope) * k_mean * head * dt
    giving = reach & (top > zwt_perched)
    given, _ = take_from_top(demand, jnp.where(giving, jnp.maximum(liq - watmin, 0.0), 0.0))
    return liq - given, given / dt


def lateral_drainage(
    liq: jax.Array,
    zwt: jax.Array,
    *,
    dt: float,
    icefrac: jax.Array,
    watsat: jax.Array,
    sucsat: jax.Array,
    bsw: jax.Array,
    dz: jax.Array,
    zi: jax.Array,
    active: jax.Array,
    topo_slope: jax.Array,
    baseflow_scalar: jax.Array,
    e_ice: jax.Array,
    watmin: float,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Topographic drainage of the saturated zone (CLM5 ``LateralFlowPowerLaw``, exponent 1; tech note
    2.7.102).

    A layer gives at most its specific yield over the saturated part and keeps ``watmin`` (mm); demand that
    the layers cannot meet is not drained. Returns liquid water (kg m-2), the lowered water table (m) and the
    drainage of every layer (mm s-1).
    """
    is_bottom = _one_below(active)
    z_bottom = jnp.sum(jnp.where(is_bottom, zi[1:], 0.0), axis=0)
    # ice impedance over the layers from the one just above the water table down
    near = jnp.concatenate([zi[2:], zi[-1:] + 1.0e3]) >= zwt
    weight = jnp.where(near, dz, 0.0)
    ice = jnp.sum(weight * icefrac, axis=0) / jnp.sum(weight, axis=0)
    thickness = jnp.maximum(z_bottom - zwt, 0.0)
    rate = jnp.exp(-LN10 * e_ice * ice) * baseflow_scalar * jnp.tan(PI / 180.0 * topo_slope) * thickness
    top_of_water = jnp.maximum(zi[:-1], zwt)
    saturated = active & (zi[1:] > zwt)
    s_y = watsat * (1.0 - jnp.exp(-jnp.log(1.0 + 1.0e3 * top_of_water / sucsat) / bsw))
    s_y = jnp.maximum(s_y, 0.02)
    yield_ = s_y * (zi[1:] - top_of_water) * 1.0e3
    available = jnp.where(saturated, jnp.clip(liq - watmin, 0.0, jnp.maximum(yield_, 0.0)), 0.0)
    given, _ = take_from_top(rate * dt, available)
    lowered = zwt + jnp.sum(given / s_y, axis=0) * 1.0e-3
    return liq - given, jnp.minimum(lowered, 80.0), given / dt
