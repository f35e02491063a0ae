"""Layers of the snow pack: number, thickness, merging and splitting."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from elterra.land.constants import CPICE, CPLIQ, HFUS, TFRZ
from elterra.land.snow._grains import RADIUS_MAX, RADIUS_MIN

# Thickness limits (m) of CLM5, from the top layer down. A pack with fewer layers (nlevsno < 12) uses the
# first
# entries; its lowest possible layer has no upper limit.
_DZMIN = np.array([0.010, 0.015, 0.025, 0.055, 0.115, 0.235, 0.475, 0.955, 1.915, 3.835, 7.675, 15.355])
_DZMAX_LAST = np.array([0.03, 0.07, 0.18, 0.41, 0.88, 1.83, 3.74, 7.57, 15.24, 30.59, 61.3, 1.0e30])
_DZMAX_INNER = np.array([0.02, 0.05, 0.11, 0.23, 0.47, 0.95, 1.91, 3.83, 7.67, 15.35, 30.71, 1.0e30])
#: density below which a layer is merged, kg m-3
MIN_DENSITY = 50.0
#: ice below which a layer is merged, kg m-2
MIN_ICE = 0.01


def thickness_limits(nlevsno: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smallest thickness, largest as lowest layer, largest above others, for ``nlevsno`` <= 12 layers (m).

    Raises ValueError for another number of layers.
    """
    if not 3 <= nlevsno <= 12:
        raise ValueError(f"nlevsno is {nlevsno}; CLM5's thickness tables allow 3 to 12 snow layers")
    last = _DZMAX_LAST[:nlevsno].copy()
    last[-1] = 1.0e30
    return _DZMIN[:nlevsno], last, _DZMAX_INNER[:nlevsno]


class Pack(NamedTuple):
    """Contents of the layers, ``[snow_layer, column]``, bottom-aligned; all of them extensive."""

    dz: jax.Array  #: m
    liq: jax.Array  #: kg m-2
    ice: jax.Array  #: kg m-2
    heat: jax.Array  #: J m-2 relative to ice at 0 degC
    grain: jax.Array  #: um kg m-2, radius times mass


def pack_layers(dz: jax.Array, liq: jax.Array, ice: jax.Array, t: jax.Array, radius: jax.Array) -> Pack:
    """Extensive contents from temperature (K) and grain radius (um)."""
    heat = (CPICE * ice + CPLIQ * liq) * (t - TFRZ) + HFUS * liq
    return Pack(dz, liq, ice, heat, radius * (liq + ice))


def unpack_layers(pack: Pack, t_empty: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Temperature (K; ``t_empty`` in layers without mass) and grain radius (um) of the layers."""
    capacity = CPICE * pack.ice + CPLIQ * pack.liq
    full = capacity > 0.0
    t = TFRZ + (pack.heat - HFUS * pack.liq) / jnp.where(full, capacity, 1.0)
    mass = pack.liq + pack.ice
    radius = jnp.clip(pack.grain / jnp.where(full, mass, 1.0), RADIUS_MIN, RADIUS_MAX)
    return jnp.where(full, t, t_empty), jnp.where(full, radius, RADIUS_MIN)


def _position(nlevsno: int, snl: jax.Array) -> jax.Array:
    """Place of each layer counted from the top active one (negative above it)."""
    return jnp.arange(nlevsno)[:, None] - (nlevsno - snl)


def merge_thin_layer(pack: Pack, snl: jax.Array, frac_sno: jax.Array) -> tuple[Pack, jax.Array]:
    """Merge the uppermost layer that is too thin, too light or empty of ice with a neighbour (CLM5
    ``Combo``).

    The top layer goes to the one below, the lowest to the one above, others to the thinner neighbour. CLM5
    merges all such layers in one step; here one a call, which changes only when, not what is conserved.
    """
    n = pack.dz.shape[0]
    place = _position(n, snl)
    minimum, _, _ = thickness_limits(n)
    limit = jnp.asarray(minimum)[jnp.clip(place, 0, n - 1)]
    active = place >= 0
    column_dz = frac_sno * pack.dz
    thin = (column_dz < limit) | (pack.ice + pack.liq < MIN_DENSITY * column_dz) | (pack.ice <= MIN_ICE)
    thin = thin & active & (snl >= 2)
    seen = jnp.zeros_like(thin[0])
    first = []
    for i in range(n):
        first.append(thin[i] & ~seen)
        seen = seen | thin[i]
    one = jnp.stack(first)
    above = jnp.concatenate([pack.dz[:1], pack.dz[:-1]])
    below = jnp.concatenate([pack.dz[1:], pack.dz[-1:]])
    lowest = (jnp.arange(n) == n - 1)[:, None]
    upward = one & (lowest | ((place > 0) & (above < below)))
    downward = one & ~upward
    # index of the lower partner: the layer itself when merged with the one above, else the next
    lower = upward | jnp.concatenate([jnp.zeros_like(one[:1]), downward[:-1]])
    # layers above the partner move down by one
    shift = lower
    rows = [shift[n - 1]]
    for i in range(n - 2, -1, -1):
        rows.append(rows[-1] | shift[i])
    moves = jnp.stack(rows[::-1])

    def merged(x: jax.Array) -> jax.Array:
        previous = jnp.concatenate([jnp.zeros_like(x[:1]), x[:-1]])
        return jnp.where(lower, x + previous, jnp.where(moves, previous, x))

    return Pack(*(merged(x) for x in pack)), snl - seen.astype(snl.dtype)


def split_thick_layers(pack: Pack, snl: jax.Array, frac_sno: jax.Array) -> tuple[Pack, jax.Array]:
    """Hand what exceeds the largest thickness to the layer below; halve the lowest when too thick.

    CLM5 ``DivideSnowLayers`` without its extrapolation of the temperature into the new layer.
    """
    n = pack.dz.shape[0]
    place = _position(n, snl)
    _, last, inner = thickness_limits(n)
    index = jnp.clip(place, 0, n - 1)
    limit = jnp.asarray(inner)[index]
    frac = jnp.maximum(frac_sno, 1.0e-6)
    stacked = jnp.stack(pack)  # [quantity, layer, column]
    carry = jnp.zeros_like(stacked[:, 0])
    out = []
    for i in range(n - 1):
        total = stacked[:, i] + carry
        thickness = total[0] * frac
        over = (place[i] >= 0) & (thickness > limit[i])
        keep = jnp.where(over, limit[i] / jnp.where(over, thickness, 1.0), 1.0)
        kept = total * keep
        carry = total - kept
        out.append(kept)
    bottom = stacked[:, n - 1] + carry
    most = jnp.asarray(last)[jnp.clip(snl - 1, 0, n - 1)]
    split = (snl >= 1) & (snl < n) & (bottom[0] * frac > most)
    half = jnp.where(split, 0.5, 1.0) * bottom
    out.append(half)
    moved = jnp.stack(out, axis=1)
    up = jnp.concatenate([moved[:, 1:], moved[:, -1:]], axis=1)
    result = jnp.where(split, up, moved)
    return Pack(*result), snl + split.astype(snl.dtype)


def initial_layers(snow_depth: jax.Array, nlevsno: int) -> tuple[jax.Array, jax.Array]:
    """Number of layers and their thickness for a pack of ``snow_depth`` (m, [column]); CLM5
    ``InitSnowLayers``.

    Returns ``snl`` (int32 [column]) and ``dz_snow`` [snow_layer, column].
    """
    minimum, last, inner = thickness_limits(nlevsno)
    bounds = np.concatenate([[last[0]], np.cumsum(inner)[1 : nlevsno - 1]])
    snl = jnp.where(snow_depth < minimum[0], 0, 1 + jnp.sum(snow_depth > bounds[:, None], axis=0))
    place = _position(nlevsno, snl)
    sums = jnp.asarray(np.concatenate([[0.0], np.cumsum(inner)]))
    fixed = jnp.asarray(inner)[jnp.clip(place, 0, nlevsno - 1)]
    above_two = sums[jnp.clip(snl - 2, 0, nlevsno)]
    rest = snow_depth - above_two
    inner_last = jnp.asarray(inner)[jnp.clip(snl - 2, 0, nlevsno - 1)]
    equal = rest <= 2.0 * inner_last
    second = jnp.where(equal, 0.5 * rest, inner_last)
    dz = jnp.where(place == snl - 2, second, fixed)
    dz = jnp.where(place == snl - 1, jnp.where(snl == 1, snow_depth, rest - second), dz)
    return snl.astype(jnp.int32), jnp.where(place >= 0, dz, 0.0)
