"""Vertical mixing of litter and soil organic matter by soil animals (CLM5.0 tech note, Decomposition:
bioturbation as diffusion)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.decomposition._cascade import CW
from elterra.land.decomposition._scalars import acceleration
from elterra.land.fields import Fields

_MIXED = tuple(i for i in range(7) if i != CW)


def interface_conductance(p: Fields) -> jax.Array:
    """Diffusivity over distance between layers i and i+1 (m s-1 ``[soil_layer - 1, column]``); zero into
    bedrock. Of a pool that is not accelerated."""
    z = p.zsoi[:NLEVSOI]
    inside = jnp.arange(1, NLEVSOI)[:, None] < p.nbedrock
    return jnp.where(inside, p.som_diffus / (z[1:] - z[:-1]), 0.0)


def _solve(lower: jax.Array, diag: jax.Array, upper: jax.Array, rhs: jax.Array) -> jax.Array:
    """Thomas algorithm with loops that are not unrolled: it runs once a day, and compiles ten times faster.
    All arrays ``[layer, tracer, column]``."""

    def down(carry: tuple, row: tuple) -> tuple:
        ratio, x = carry
        low, mid, up, r = row
        pivot = mid - low * ratio
        new = (up / pivot, (r - low * x) / pivot)
        return new, new

    start = (jnp.zeros_like(diag[0]), jnp.zeros_like(rhs[0]))
    rows: tuple[jax.Array, jax.Array] = jax.lax.scan(down, start, (lower, diag, upper, rhs))[1]

    def back(below: jax.Array, row: tuple) -> tuple:
        ratio, value = row
        new = value - ratio * below
        return new, new

    return jax.lax.scan(back, jnp.zeros_like(rhs[0]), rows, reverse=True)[1]


def mix(p: Fields, c: jax.Array, n: jax.Array, dt: float) -> tuple[jax.Array, jax.Array]:
    """Pools after implicit diffusion over ``dt`` seconds, ``[pool, soil_layer, column]``; woody debris stays.

    The tridiagonal solution gives the concentrations at the end, and with them the fluxes; the pools are then
    changed by those fluxes, each added to one layer and taken from its neighbour, so that mass is conserved
    to round-off whatever the error of the solver.
    """
    dz = p.dzsoi[:NLEVSOI, None]
    mixed = jnp.asarray(_MIXED)
    faster = jnp.tile(acceleration(p)[mixed], (2, 1))  # carbon and nitrogen of a pool alike
    conductance = interface_conductance(p)[:, None] * faster
    none = jnp.zeros_like(conductance[:1])
    upper = jnp.concatenate([conductance, none]) * dt / dz
    lower = jnp.concatenate([none, conductance]) * dt / dz
    tracers = jnp.concatenate([c[mixed], n[mixed]])  # [tracer, layer, column]
    by_layer = jnp.moveaxis(tracers, 1, 0)
    diag = 1.0 + upper + lower
    end = _solve(-lower, diag, -upper, by_layer)
    flux = conductance * (end[:-1] - end[1:]) * dt  # downward, g m-2
    pad = jnp.zeros_like(flux[:1])
    change = (jnp.concatenate([pad, flux]) - jnp.concatenate([flux, pad])) / dz
    change = jnp.moveaxis(change, 0, 1)
    half = len(_MIXED)
    return c.at[mixed].add(change[:half]), n.at[mixed].add(change[half:])
