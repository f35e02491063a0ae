"""Melting and freezing after the conduction step.

Source: CLM5 tech note, Soil_Snow_Temperatures 2.6.2; supercooled soil water after Niu & Yang (2006).
The energy above or below the freezing point is spent on phase change as far as there is ice or
freezable water; what remains stays in the temperature.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.constants import CPLIQ, DENH2O, GRAV, HFUS, TFRZ


def supercooled_water(t: jax.Array, watsat: jax.Array, sucsat: jax.Array, bsw: jax.Array) -> jax.Array:
    """Largest liquid water content of frozen soil (m3 m-3) at temperature ``t`` (K), Niu & Yang (2006).

    ``watsat`` m3 m-3, ``sucsat`` mm. Suction in equilibrium with ice, Clapp-Hornberger retention.
    At and above the freezing point: ``watsat``.
    """
    depression = TFRZ - t
    frozen = depression > 0.0
    safe = jnp.where(frozen, depression, 1.0)
    suction = HFUS * safe / (GRAV * (TFRZ - safe)) * 1000.0  # mm
    return jnp.where(frozen, watsat * jnp.exp(-jnp.log(suction / sucsat) / bsw), watsat)


class PhaseChange(NamedTuple):
    t: jax.Array  # K
    liq: jax.Array  # kg m-2
    ice: jax.Array  # kg m-2
    melt: jax.Array  # melted in the step, freezing negative, kg m-2


def phase_change(
    t: jax.Array, liq: jax.Array, ice: jax.Array, supercool: jax.Array, stiffness: jax.Array, dt: float
) -> PhaseChange:
    """Melt or freeze in layers of any shape.

    ``supercool`` is the liquid water that does not freeze (kg m-2) and ``stiffness`` the energy flux
    that changes the layer by 1 K in the step (W m-2 K-1): capacity / dt less the slope of the surface
    flux. Conserves ``stiffness * t - HFUS / dt * ice`` to round-off.

    A layer of which the change of phase takes up all energy is at the freezing point to the bit, as in CLM5: phenology asks
    whether it is above or below.
    """
    energy = stiffness * (t - TFRZ) * (dt / HFUS)  # as mass of ice, kg m-2
    freezable = jnp.maximum(liq - supercool, 0.0)
    melt = jnp.clip(energy, -freezable, ice)
    all_taken = (energy > -freezable) & (energy < ice) & (energy != 0.0)
    new = jnp.where(all_taken, TFRZ, t - melt * (HFUS / dt) / stiffness)
    return PhaseChange(new, liq + melt, ice - melt, melt)


class WaterFreezing(NamedTuple):
    """Result of `freeze_surface_water`, each ``[column]``."""

    t_water: jax.Array  # K
    frozen: jax.Array  # water turned into ice, to be added to the snow, kg m-2
    t_below: jax.Array  # new temperature of the layer that takes the ice, K
    carried: jax.Array  # heat the ice brought into that layer, W m-2


def freeze_surface_water(
    t_water: jax.Array,
    h2osfc: jax.Array,
    stiffness: jax.Array,
    surface: jax.Array,
    t_below: jax.Array,
    stiffness_below: jax.Array,
    has_snow: jax.Array,
    dt: float,
) -> WaterFreezing:
    """Freeze standing water that is below the freezing point.

    ``stiffness`` and ``stiffness_below`` (W m-2 K-1, per unit area of ground) are those of the water
    and of the layer below it: the lowest snow layer where ``has_snow``, else the top soil layer; ``surface`` is the part
    of ``stiffness`` that is not heat capacity, minus the slope of the surface flux. Part of the water: the ice, at the
    freezing point, comes to the temperature of the snow, with the heat capacity of the water it was and with ``surface``
    (CLM5). All of it: the remaining cold is shared with the layer below.
    """
    covered = stiffness > 0.0
    safe = jnp.where(covered, stiffness, 1.0)
    potential = jnp.where(covered, jnp.maximum(TFRZ - t_water, 0.0) * stiffness * (dt / HFUS), 0.0)
    frozen = jnp.minimum(potential, h2osfc)
    t_ice = t_water + frozen * (HFUS / dt) / safe

    active = frozen > 0.0
    everything = active & (potential >= h2osfc)
    brought = jnp.where(
        everything, stiffness, jnp.where(has_snow & active, CPLIQ / dt * frozen + surface, 0.0)
    )
    mixed = (stiffness_below * t_below + brought * t_ice) / (stiffness_below + brought)
    mixed = jnp.where(active, mixed, t_below)
    carried = jnp.where(everything, 0.0, brought * (t_ice - mixed))
    return WaterFreezing(jnp.where(everything, mixed, t_ice), frozen, mixed, carried)


def supercooled_mass(
    t: jax.Array, dz: jax.Array, watsat: jax.Array, sucsat: jax.Array, bsw: jax.Array
) -> jax.Array:
    """`supercooled_water` as mass of a layer of thickness ``dz`` (m), kg m-2."""
    return supercooled_water(t, watsat, sucsat, bsw) * (dz * DENH2O)
