"""Layers of the snow pack: number, thickness, merging and splitting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from elterra.land.constants import CPICE, CPLIQ, TFRZ
from elterra.land.snow._grains import RADIUS_MAX, RADIUS_MIN

# Thickness limits (m) of CLM5, from the top layer down. A pack with fewer layers (nlevsno < 12) uses the first
# entries; its lowest possible layer has no upper limit.
_DZMIN = np.array([0.010, 0.015, 0.025, 0.055, 0.115, 0.235, 0.475, 0.955, 1.915, 3.835, 7.675, 15.355])
_DZMAX_LAST = np.array([0.03, 0.07, 0.18, 0.41, 0.88, 1.83, 3.74, 7.57, 15.24, 30.59, 61.3, 1.0e30])
_DZMAX_INNER = np.array([0.02, 0.05, 0.11, 0.23, 0.47, 0.95, 1.91, 3.83, 7.67, 15.35, 30.71, 1.0e30])
#: density below which a layer is merged, kg m-3
MIN_DENSITY = 50.0
#: ice below which a layer gives its water to the next one, kg m-2
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
    """What the layers hold, ``[snow_layer, column]`` (or one layer, ``[column]``)."""

    dz: jax.Array  #: m, of the snow-covered part
    liq: jax.Array  #: kg m-2
    ice: jax.Array  #: kg m-2
    t: jax.Array  #: K
    radius: jax.Array  #: effective grain radius, um
    aerosols: tuple[jax.Array, ...] = ()  #: kg m-2 a species; none unless `Config.aerosols` is "deposition"

    def layer(self, i: int) -> Pack:
        """One layer, ``[column]``."""
        return _each(lambda x: x[i], self)


def _each(change: Callable[..., jax.Array], *packs: Pack) -> Pack:
    """``change`` of each of the arrays."""
    changed: Pack = jax.tree.map(change, *packs)
    return changed


def _choose(mask: jax.Array, yes: Pack, no: Pack) -> Pack:
    return _each(lambda a, b: jnp.where(mask, a, b), yes, no)


def _combine(a: Pack, b: Pack) -> Pack:
    """Two layers as one: masses and thickness add up, enthalpy is kept (CLM5 ``Combo``); ``a.t`` where nothing is."""
    heat_a, heat_b = CPICE * a.ice + CPLIQ * a.liq, CPICE * b.ice + CPLIQ * b.liq
    capacity = heat_a + heat_b
    mass_a, mass_b = a.liq + a.ice, b.liq + b.ice
    some = capacity > 0.0
    # the latent heat of the liquid is the same before and after
    t = TFRZ + (heat_a * (a.t - TFRZ) + heat_b * (b.t - TFRZ)) / jnp.where(some, capacity, 1.0)
    radius = (a.radius * mass_a + b.radius * mass_b) / jnp.where(some, mass_a + mass_b, 1.0)
    return Pack(
        a.dz + b.dz,
        a.liq + b.liq,
        a.ice + b.ice,
        jnp.where(some, t, a.t),
        jnp.where(some, jnp.clip(radius, RADIUS_MIN, RADIUS_MAX), a.radius),
        tuple(x + y for x, y in zip(a.aerosols, b.aerosols, strict=True)),
    )


def count_layers(active: jax.Array) -> jax.Array:
    """Number of layers marked in ``active`` ``[snow_layer, column]``, int32 ``[column]``."""
    return jnp.sum(active, axis=0, dtype=jnp.int32)


def _arrange(pack: Pack, active: jax.Array, first: int | jax.Array) -> Pack:
    """The active layers in order without gaps, the uppermost at index ``first``; zero elsewhere."""
    n = active.shape[0]
    place = first + jnp.cumsum(active, axis=0) - active
    source = active & (jnp.arange(n)[:, None, None] == place)  # [new layer, old layer, column]
    return _each(lambda x: jnp.sum(jnp.where(source, x, 0.0), axis=1), pack)


# The passes below are scans: unrolled, XLA computes the chain anew for every layer, and takes minutes to compile it.


def drop_iceless_layers(pack: Pack, active: jax.Array) -> tuple[Pack, jax.Array, jax.Array, jax.Array]:
    """Give the water of layers with hardly any ice to the layer below, that of the lowest to the soil.

    As CLM5 (``CombineSnowLayers``, first loop) this water takes the temperature and the grains of the layer it comes to.

    Returns the layers, which of them remain, and liquid and ice for the soil (kg m-2 ``[column]``).
    """

    def body(carry: tuple[jax.Array, ...], layer: tuple[Pack, jax.Array]) -> tuple[Any, Any]:
        here, is_active = layer
        dz, liq, ice, *aerosols = carry
        full = here._replace(
            dz=here.dz + dz,
            liq=here.liq + liq,
            ice=here.ice + ice,
            aerosols=tuple(x + y for x, y in zip(here.aerosols, aerosols, strict=True)),
        )
        drop = is_active & (full.ice <= MIN_ICE)
        carry = tuple(jnp.where(drop, x, 0.0) for x in (full.dz, full.liq, full.ice, *full.aerosols))
        return carry, (full, is_active & ~drop)

    zero = jnp.zeros_like(pack.dz[0])
    start = (zero,) * (3 + len(pack.aerosols))
    (_, liq, ice, *_), (rows, kept) = jax.lax.scan(body, start, (pack, active))
    return rows, kept, liq, ice


def merge_thin_layers(pack: Pack, active: jax.Array, frac_sno: jax.Array) -> tuple[Pack, jax.Array]:
    """Merge layers that are too thin or too light with a neighbour, from the top down (CLM5 ``CombineSnowLayers``).

    The top layer goes to the one below, the lowest to the one above, others to the thinner neighbour. The smallest
    thickness is that of the place of a layer among those that remain. There may be gaps in ``active``, at entry and
    in the result.
    """
    minimum = jnp.asarray(thickness_limits(active.shape[0])[0])

    def look_down(seen: tuple[jax.Array, jax.Array], layer: tuple[jax.Array, jax.Array]) -> tuple[Any, Any]:
        dz, here = layer
        return (jnp.where(here, dz, seen[0]), seen[1] | here), seen

    nothing = jnp.zeros_like(pack.dz[0]), jnp.zeros_like(active[0])
    _, below = jax.lax.scan(look_down, nothing, (pack.dz, active), reverse=True)

    def body(carry: tuple[Any, ...], layer: tuple[Any, ...]) -> tuple[Any, Any]:
        above, falling, carried, done, left = carry  # lowest layer so far; what is merged downward; counts
        here_pack, here, (dz_below, some_below) = layer
        one = _choose(carried, _combine(here_pack, falling), here_pack)
        column_dz = frac_sno * one.dz
        small = (column_dz < minimum[done]) | (one.ice + one.liq < MIN_DENSITY * column_dz)
        small = here & small & (left >= 2)
        up = small & (done > 0) & (~some_below | (above.dz < dz_below))
        down = small & ~up
        stays = here & ~small
        ready = above, stays & (done > 0)
        above = _choose(up, _combine(one, above), _choose(stays, one, above))
        falling = _choose(down, one, falling)
        carry = above, falling, down | (carried & ~here), done + stays, left - small
        return carry, ready

    empty = _each(lambda x: jnp.zeros_like(x[0]), pack)
    left = count_layers(active)
    start = empty, empty, jnp.zeros_like(active[0]), jnp.zeros_like(left), left
    (above, _, _, done, _), (rows, kept) = jax.lax.scan(body, start, (pack, active, below))
    # a layer is ready when the next one stays
    rows = _each(lambda x, y: jnp.concatenate([x[1:], y[None]]), rows, above)
    return rows, jnp.concatenate([kept[1:], (done > 0)[None]])


def split_thick_layers(pack: Pack, active: jax.Array, frac_sno: jax.Array) -> tuple[Pack, jax.Array]:
    """Halve the lowest layer when it is too thick, hand what others have too much to the layer below (CLM5
    ``DivideSnowLayers``).

    A halved layer under another one keeps its temperature gradient, unless its lower half would melt.

    Takes layers with gaps; returns them bottom-aligned without, zero in layers that are not active, and their number
    ``snl`` (int32).
    """
    n = active.shape[0]
    _, last, inner = thickness_limits(n)
    rows = _arrange(pack, active, 0)

    def body(carry: tuple[Any, ...], layer: tuple[Any, ...]) -> tuple[Any, Any]:
        above, one, snl = carry
        below, k, most_last, most_inner = layer
        halve = (snl == k + 1) & (frac_sno * one.dz > most_last)
        half = _part(one, 0.5)
        gradient = halve & (k > 0)
        across = jnp.where(gradient, above.dz + 2.0 * half.dz, 1.0)
        step = jnp.where(gradient, (above.t - half.t) * half.dz / across, 0.0)
        step = jnp.where(half.t - step < TFRZ, step, 0.0)
        one = _choose(halve, half._replace(t=half.t + step), one)
        below = _choose(halve, half._replace(t=half.t - step), below)
        snl = snl + halve
        thick = frac_sno * one.dz
        over = (snl > k + 1) & (thick > most_inner)
        share = jnp.where(over, 1.0 - most_inner / jnp.where(over, thick, 1.0), 0.0)
        excess = _part(one, share)
        one = one._replace(
            dz=one.dz - excess.dz,
            liq=one.liq - excess.liq,
            ice=one.ice - excess.ice,
            aerosols=tuple(x - y for x, y in zip(one.aerosols, excess.aerosols, strict=True)),
        )
        return (one, _choose(over, _combine(below, excess), below), snl), one

    limits = jnp.arange(n - 1), jnp.asarray(last[:-1]), jnp.asarray(inner[:-1])
    start = rows.layer(0), rows.layer(0), count_layers(active)
    lower = _each(lambda x: x[1:], rows)
    (_, lowest, snl), upper = jax.lax.scan(body, start, (lower, *limits))
    rows = _each(lambda x, y: jnp.concatenate([x, y[None]]), upper, lowest)
    return _arrange(rows, jnp.arange(n)[:, None] < snl, n - snl), snl


def _part(one: Pack, share: jax.Array | float) -> Pack:
    """A share of what a layer holds, of the same temperature and grains."""
    return one._replace(
        dz=share * one.dz,
        liq=share * one.liq,
        ice=share * one.ice,
        aerosols=tuple(share * x for x in one.aerosols),
    )


def _position(nlevsno: int, snl: jax.Array) -> jax.Array:
    """Place of each layer counted from the top active one (negative above it)."""
    return jnp.arange(nlevsno)[:, None] - (nlevsno - snl)


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
