"""Black carbon and dust in the snow: deposition, and what melt water washes down."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

#: order of the first axis of the state ``snow_aerosols``: black carbon that takes up water and that does not, and four
#: sizes of dust, small first. CLM5 carries organic carbon, too, but keeps it out of the radiation.
SPECIES = ("bcphi", "bcpho", "dst1", "dst2", "dst3", "dst4")
#: share of a species' mass fraction at which melt water carries it (CLM5 ``SnowHydrologyMod``; Flanner et al. 2007)
SCAVENGED = np.array([0.20, 0.03, 0.02, 0.02, 0.01, 0.01])


def wash_down(aerosols: jax.Array, leaving: jax.Array, left: jax.Array) -> jax.Array:
    """Aerosols after percolation, ``[aerosol, snow_layer, column]`` (kg m-2), from the top down (CLM5 ``SnowWater``).

    ``leaving`` is the water that leaves a layer downward and ``left`` the water and ice that stay in it (kg m-2
    ``[snow_layer, column]``). What leaves the lowest layer is gone.
    """
    share = jnp.where(leaving > 0.0, leaving / jnp.where(left > 0.0, left, 1.0), 0.0)
    part = jnp.minimum(SCAVENGED[:, None, None] * share, 1.0)

    def body(falling: jax.Array, layer: tuple[jax.Array, jax.Array]) -> tuple[Any, Any]:
        mass, out = layer
        mass = mass + falling
        falling = mass * out
        return falling, mass - falling

    top_first = jnp.moveaxis(aerosols, 1, 0), jnp.moveaxis(part, 1, 0)
    _, rows = jax.lax.scan(body, jnp.zeros_like(aerosols[:, 0]), top_first)
    return jnp.moveaxis(rows, 0, 1)
