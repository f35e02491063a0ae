"""The 25 ground layers of CLM5 (``20SL_8.5m``) and the mapping of coarser soil maps onto them.

Source: CLM5 tech note, Ecosystem, table of soil layer depths.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from elterra.land.config import NLEVGRND, NLEVSOI
from elterra.land.fields import Fields

ZMIN_BEDROCK = 0.4  #: bedrock is never nearer to the surface than the layer that contains this depth, m


def _thickness() -> np.ndarray:
    dz = np.zeros(NLEVGRND)
    dz[:4] = 0.02 * np.arange(1, 5)
    dz[4:13] = dz[3] + 0.04 * np.arange(1, 10)
    dz[13:NLEVSOI] = dz[12] + 0.10 * np.arange(1, NLEVSOI - 12)
    dz[NLEVSOI:] = dz[NLEVSOI - 1] + (25.0 * np.arange(1, NLEVGRND - NLEVSOI + 1)) ** 1.5 / 100.0
    return dz


DZSOI = _thickness()  #: layer thickness, m
ZISOI = np.concatenate([[0.0], np.cumsum(DZSOI)])  #: interface depths, m; the first is the surface
ZSOI = 0.5 * (ZISOI[:-1] + ZISOI[1:])  #: node depths (middle of the layer), m
for _constant in (DZSOI, ZISOI, ZSOI):
    _constant.setflags(write=False)


def layer_geometry(ncolumns: int = 1) -> Fields:
    """Geometry of the ground layers, broadcast to columns.

    Returns ``zsoi``, ``dzsoi`` ``[25, ncolumns]`` and ``zisoi`` ``[26, ncolumns]``, all in m.
    """
    full = {"zsoi": ZSOI, "dzsoi": DZSOI, "zisoi": ZISOI}
    return Fields({k: jnp.broadcast_to(jnp.asarray(v)[:, None], (len(v), ncolumns)) for k, v in full.items()})


def bedrock_layer(zbedrock: jax.Array) -> jax.Array:
    """Number of soil layers above bedrock (int32) for a bedrock depth ``zbedrock`` (m) of any shape.

    The layer that contains the bedrock surface still counts as soil. At most 20 and at least the
    number of layers down to 0.4 m. (CLM5's initVertical takes 20 layers where bedrock is shallower than
    that; here it takes the minimum.)
    """
    below = jnp.asarray(zbedrock)[..., None] > ZISOI[1 : NLEVSOI + 1]
    lowest = int(np.searchsorted(ZISOI[1:], ZMIN_BEDROCK)) + 1
    return jnp.clip(jnp.sum(below, axis=-1) + 1, lowest, NLEVSOI).astype(jnp.int32)


def _map_layers() -> np.ndarray:
    """For each ground layer the index of the layer of the 10-layer CLM surface data set."""
    node = 0.025 * (np.exp(0.5 * (np.arange(1, 11) - 0.5)) - 1.0)
    interface = np.concatenate([[0.0], 0.5 * (node[:-1] + node[1:])])
    last = node[9] + 0.5 * (node[9] - node[8])
    interface = np.concatenate([interface, [last]])
    index = np.zeros(NLEVGRND, dtype=int)
    for layer in range(1, NLEVSOI):
        bottom = ZISOI[layer + 1]
        inside = [j for j in range(1, 10) if interface[j] <= bottom < interface[j + 1]]
        index[layer] = inside[0] if inside else index[layer - 1]
    index[NLEVSOI:] = 9
    return index


SURFACE_DATA_INDEX = _map_layers()


def from_surface_data(values: np.ndarray) -> np.ndarray:
    """Texture or organic matter ``[10, ...]`` of a CLM surface data set on the 25 ground layers.

    A ground layer takes the value of the map layer that contains its lower boundary (CLM5).
    Organic matter of the layers below 8.6 m is ignored by `soil_properties`.
    """
    return np.asarray(values)[SURFACE_DATA_INDEX]
