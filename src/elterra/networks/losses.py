"""Losses: weighted likelihoods of cells, and physics that a prediction of pools should keep.

``weight`` of all: broadcasts with the values; area of a cell times its share of the mass, zero where a cell is not valid.
What stands under a zero weight has no effect, also where it is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from elterra.networks._layers import F32
from elterra.networks.heads import Gaussian


def weighted_mean(value: jax.Array, weight: jax.Array) -> jax.Array:
    """Sum of ``value * weight`` over that of the weights; 0 where all weights are 0."""
    weight = jnp.broadcast_to(weight, value.shape)
    value = jnp.where(weight > 0.0, value, 0.0)
    total = weight.sum()
    return jnp.sum(value * weight) / jnp.where(total > 0.0, total, 1.0)


def mass_weights(pools: jax.Array, area: jax.Array, *, equal: float = 0.5) -> jax.Array:
    """Weights of pools ``[..., pool]`` (mass per area, >= 0) of cells with ``area [...]``, sum 1.

    A share ``equal`` of the weight goes to all pools alike, by area, the rest to the mass they hold: the totals count, and
    no small pool is forgotten.
    """
    by_area = jnp.broadcast_to(area[..., None], pools.shape)
    by_mass = jnp.where(by_area > 0.0, pools, 0.0) * by_area
    parts = [share * w / jnp.maximum(w.sum(), 1e-30) for share, w in ((equal, by_area), (1 - equal, by_mass))]
    return parts[0] + parts[1]


def huber(error: jax.Array, weight: jax.Array, *, delta: float = 1.0) -> jax.Array:
    """Quadratic to ``delta``, linear beyond (Huber 1964)."""
    error = jnp.where(weight > 0.0, error, 0.0)
    size = jnp.abs(error)
    inner = jnp.minimum(size, delta)
    return weighted_mean(inner * (size - 0.5 * inner), weight)


def gaussian_nll(found: Gaussian, truth: jax.Array, weight: jax.Array, *, beta: float = 0.0) -> jax.Array:
    """Negative log likelihood of a normal distribution.

    ``beta`` in [0, 1]: each cell counts with its predicted variance to this power, taken as a constant: with 0 cells that
    are thought uncertain hardly teach the mean, with 1 they do as in least squares (Seitzer et al. 2022).
    """
    known = weight > 0.0
    error = jnp.where(known, found.mean - jnp.where(known, truth, 0.0), 0.0)
    log_variance = jnp.where(known, found.log_variance, 0.0)
    value = 0.5 * (log_variance + error * error * jnp.exp(-log_variance) + F32(math.log(2.0 * math.pi)))
    if beta:
        value = value * jax.lax.stop_gradient(jnp.exp(beta * log_variance))
    return weighted_mean(value, weight)


def gaussian_crps(found: Gaussian, truth: jax.Array, weight: jax.Array) -> jax.Array:
    """Continuous ranked probability score of a normal distribution (Gneiting and Raftery 2007)."""
    known = weight > 0.0
    sd = jnp.exp(0.5 * jnp.where(known, found.log_variance, 0.0))
    z = jnp.where(known, found.mean - jnp.where(known, truth, 0.0), 0.0) / sd
    density = jnp.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    below = jax.scipy.stats.norm.cdf(z)
    value = sd * (z * (2.0 * below - 1.0) + 2.0 * density - 1.0 / math.sqrt(math.pi))
    return weighted_mean(value, weight)


def pinball(quantiles: jax.Array, truth: jax.Array, weight: jax.Array, levels: Sequence[float]) -> jax.Array:
    """Quantile loss (Koenker and Bassett 1978), mean over ``levels``; ``quantiles [..., level]``."""
    known = weight > 0.0
    error = jnp.where(known[..., None], jnp.where(known, truth, 0.0)[..., None] - quantiles, 0.0)
    q = jnp.asarray(levels, quantiles.dtype)
    return weighted_mean(jnp.maximum(q * error, (q - 1.0) * error).mean(axis=-1), weight)


def steady_state_residual(
    pools: jax.Array, inputs: jax.Array, operator: jax.Array, weight: jax.Array, *, floor: float = 0.0
) -> jax.Array:
    """How far pools are from balance, in fluxes: ``|inputs - operator pools|_1 / (|inputs|_1 + floor)``, weighted mean over
    columns.

    ``pools [..., n]``, ``inputs [..., n]`` (mass per time), ``operator [..., n, n]`` (one over time: what a unit of pool j
    takes from i, so that equilibrium is ``operator pools = inputs``), ``weight [...]``. In fluxes a slow pool that is off by
    a half counts as little as what it gives off; and the residual is linear in the pools, so that a mean prediction has the
    mean residual.
    """
    rest = inputs - jnp.einsum("...ij,...j->...i", operator, pools)
    whole = jnp.abs(inputs).sum(axis=-1) + floor
    value = jnp.abs(rest).sum(axis=-1) / jnp.where(whole > 0.0, whole, 1.0)
    return weighted_mean(value, weight)


def ratio_bounds(
    carbon: jax.Array,
    nitrogen: jax.Array,
    low: jax.Array,
    high: jax.Array,
    weight: jax.Array,
    *,
    tiny: float = 1e-6,
) -> jax.Array:
    """How far C:N leaves ``[low, high]``, in logarithms, weighted mean; 0 inside. Pools g m-2 or g m-3, ``tiny`` added."""
    carbon, nitrogen = (jnp.where(weight > 0.0, x, 1.0) for x in (carbon, nitrogen))
    ratio = jnp.log(carbon + tiny) - jnp.log(nitrogen + tiny)
    over = jnp.maximum(ratio - jnp.log(high), 0.0) + jnp.maximum(jnp.log(low) - ratio, 0.0)
    known = (carbon > tiny) & (nitrogen > tiny)
    return weighted_mean(over, weight * known)
