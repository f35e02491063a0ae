"""Soil albedo of the 20 colour classes (Lawrence & Chase 2007; technical note, table of soil albedos)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

# Classes 1 (brightest) to 20 (darkest); saturated and dry, visible and near infrared.
_SATURATED_VIS = np.array([25, 23, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4]) * 0.01
_SATURATED_NIR = (
    np.array([50, 46, 42, 40, 38, 36, 34, 32, 30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8]) * 0.01
)
_DRY_VIS = np.array([36, 34, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 20, 18, 16, 14, 12, 10, 8]) * 0.01
_DRY_NIR = np.array([61, 57, 53, 51, 49, 48, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25, 23, 21, 16]) * 0.01


def soil_albedo(soil_color: jax.Array, water: jax.Array) -> jax.Array:
    """Albedo of bare soil `[2, column]`, direct = diffuse.

    Args:
        soil_color: class 1 to 20, int `[column]`.
        water: volumetric water (liquid and ice) of the top layer (m3 m-3) `[column]`.
    """
    chosen = jnp.arange(1, 21)[:, None] == soil_color

    def pick(table: np.ndarray) -> jax.Array:
        return jnp.sum(jnp.where(chosen, table[:, None], 0.0), axis=0)

    drier = jnp.maximum(0.11 - 0.40 * water, 0.0)
    vis = jnp.minimum(pick(_SATURATED_VIS) + drier, pick(_DRY_VIS))
    nir = jnp.minimum(pick(_SATURATED_NIR) + drier, pick(_DRY_NIR))
    return jnp.stack([vis, nir])
