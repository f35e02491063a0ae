"""Implicit heat conduction through snow, ground and standing surface water.

Source: CLM5 tech note, Soil_Snow_Temperatures 2.6.1. Everything here is per unit area of ground: a layer
or an interface that covers part of the ground enters with its share. Conduction between the layers
is a chain; standing water hangs on the top soil layer as a leaf, which is eliminated before the
tridiagonal solve, so that no fourth band is needed.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.numerics import solve_tridiagonal


class SurfaceWater(NamedTuple):
    """Standing water; each array ``[column]``, per unit area of water except ``frac``."""

    t: jax.Array  # temperature, K
    frac: jax.Array  # share of the ground
    capacity: jax.Array  # J m-2 K-1
    conductance: jax.Array  # to the node of the top soil layer, W m-2 K-1
    source: jax.Array  # energy flux into the water at temperature t, W m-2
    slope: jax.Array  # its temperature derivative, W m-2 K-1


def interface_conductance(thickness: jax.Array, conductivity: jax.Array) -> jax.Array:
    """Conductance between neighbouring nodes in the middle of their layers, ``[n - 1, ...]``, W m-2 K-1.

    Equal fluxes from node to interface and interface to node: the half layers are in series.
    """
    resistance = 0.5 * thickness / conductivity
    return 1.0 / (resistance[:-1] + resistance[1:])


def conduct(
    t: jax.Array,
    capacity: jax.Array,
    conductance: jax.Array,
    source: jax.Array,
    slope: jax.Array,
    dt: float,
    water: SurfaceWater | None = None,
    top_soil: int = 0,
    implicit: float = 0.5,
) -> tuple[jax.Array, jax.Array | None]:
    """One step of heat conduction.

    ``t`` (K), ``capacity`` (J m-2 K-1, > 0), ``source`` (W m-2 into the layer at temperature ``t``) and
    ``slope`` (its derivative, ≤ 0) are ``[layer, column]``; ``conductance`` ``[layer - 1, column]``
    (W m-2 K-1). A layer without conductance and source keeps its temperature. No flux through the
    lower end. ``implicit`` = 0.5 is Crank-Nicolson (CLM5), 1 is backward Euler; sources
    are always linearised fully implicitly.

    Returns the new temperatures of the layers and of the water. Solved for the increments, so
    that the energy balance closes to round-off of the change, not of the content.
    """
    half = implicit * conductance
    flux = conductance * (t[1:] - t[:-1])  # upward through each interface
    none = jnp.zeros_like(t[:1])
    above = jnp.concatenate([none, half])
    below = jnp.concatenate([half, none])
    diag = capacity / dt - slope + above + below
    rhs = source + jnp.concatenate([flux, none]) - jnp.concatenate([none, flux])
    if water is None:
        return t + solve_tridiagonal(-above, diag, -below, rhs), None

    k = implicit * water.conductance
    gain = water.conductance * (t[top_soil] - water.t)
    pivot = water.capacity / dt - water.slope + k
    load = (water.source + gain) / pivot
    diag = diag.at[top_soil].add(water.frac * k * (1.0 - k / pivot))
    rhs = rhs.at[top_soil].add(water.frac * (k * load - gain))
    change = solve_tridiagonal(-above, diag, -below, rhs)
    return t + change, water.t + load + k / pivot * change[top_soil]
