"""The loss of the network: likelihood of log-ratios, totals of the column, stoichiometry, balance of fluxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from elterra.networks import (
    Fields3D,
    gaussian_nll,
    huber,
    mass_weights,
    ratio_bounds,
    steady_state_residual,
    weighted_mean,
)
from elterra.spinup.surrogate._sample import TOTALS, Layout, Sample
from elterra.spinup.surrogate._scaling import Scaling


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of the loss. ``equal``: share of the likelihood's weight that all pools have alike, the rest goes
    by the mass they hold. ``beta``: of `networks.gaussian_nll`. ``totals``: Huber loss of the logarithm of column totals.
    ``ratios``: C:N outside of the range of the training data. ``balance``: residual of the steady state, for samples that
    bring their operator."""

    equal: float = 0.7
    beta: float = 0.5
    totals: float = 1.0
    ratios: float = 0.1
    balance: float = 0.0


class Batch(NamedTuple):
    """Crops of maps, the crop as first axis; all float32 but the masks."""

    fields: Fields3D
    target_surface: Any  #: scaled log-ratios
    target_soil: Any
    weight_surface: Any  #: 0 where the truth is not known
    weight_soil: Any
    prior_surface: Any
    prior_soil: Any
    cells: Any  #: area where the truth is known
    operator: Any
    inputs: Any


@dataclass(frozen=True)
class Bounds:
    """Indices of carbon and nitrogen and the range of their ratio ``[pair]``."""

    pairs: tuple[tuple[int, int], ...]
    low: NDArray[np.float32]
    high: NDArray[np.float32]


def weights_of(samples: Sequence[Sample], layout: Layout, equal: float) -> list[tuple[NDArray, NDArray]]:
    """Weight of each surface pool and each pool and layer of soil, one pair a sample; the mean over usable cells is about
    one."""
    masses = []
    for s in samples:
        area = np.where(s.usable, s.area, 0.0)
        depth = np.where(s.valid, s.thickness[:, None, None], 0.0)[..., None]
        soil = np.moveaxis(np.where(depth > 0.0, np.asarray(s.true_soil), 0.0) * depth, 0, -2)
        every = np.concatenate([np.asarray(s.true_surface), soil.reshape(*soil.shape[:2], -1)], axis=-1)
        alive = np.broadcast_to(np.moveaxis(depth > 0.0, 0, -2), soil.shape).reshape(*soil.shape[:2], -1)
        alive = np.concatenate([np.ones_like(every[..., : len(layout.surface_pools)], bool), alive], axis=-1)
        masses.append((np.where(area[..., None] > 0.0, every, 0.0), area, alive))
    pools = jnp.asarray(np.stack([m[0] for m in masses]), jnp.float32)
    weight = np.asarray(
        mass_weights(pools, jnp.asarray(np.stack([m[1] for m in masses]), jnp.float32), equal=equal)
    )
    weight = weight * np.stack([m[2] for m in masses])
    weight = weight / weight[weight > 0.0].mean()
    n, parts = len(layout.surface_pools), []
    for w, s in zip(weight, samples, strict=True):
        soil = w[..., n:].reshape(*s.size, len(s.thickness), -1)
        parts.append((w[..., :n].astype(np.float32), np.moveaxis(soil, 2, 0).astype(np.float32)))
    return parts


def bounds_of(pools: Sequence[NDArray], pairs: Sequence[tuple[int, int]], slack: float = 1.1) -> Bounds:
    """Range of C:N in true pools ``[..., pool]``, a tenth wider, where both exceed a thousandth of their mean."""
    low, high = [], []
    for c, n in pairs:
        carbon, nitrogen = (np.concatenate([p[..., i].ravel() for p in pools]) for i in (c, n))
        there = (carbon > 1e-3 * carbon.mean()) & (nitrogen > 1e-3 * nitrogen.mean())
        ratio = carbon[there] / nitrogen[there]
        low.append(ratio.min() / slack)
        high.append(ratio.max() * slack)
    return Bounds(tuple(pairs), np.asarray(low, np.float32), np.asarray(high, np.float32))


def loss_of(
    layout: Layout, scaling: Scaling, thickness: NDArray, bounds: tuple[Bounds, Bounds], weights: LossWeights
) -> Callable[[Any, Batch, jax.Array], tuple[jax.Array, Mapping[str, jax.Array]]]:
    """The loss as the training loop takes it. ``bounds``: of surface and soil."""
    small = [jnp.asarray(x, jnp.float32) for x in (scaling.surface_small, scaling.soil_small)]
    scale = [jnp.asarray(x, jnp.float32) for x in (scaling.surface_target, scaling.soil_target)]
    sums = np.zeros((len(layout.surface_pools) + len(layout.soil_pools), len(TOTALS)), np.float32)
    for k, name in enumerate(TOTALS):
        above, below = layout.members(name)
        sums[[*above, *(len(layout.surface_pools) + i for i in below)], k] = 1.0
    depth = jnp.asarray(thickness, jnp.float32)[:, None, None, None]
    carbon = [i for i, n in enumerate(layout.soil_pools) if n.endswith("c")]

    def pools(prior: jax.Array, scaled: jax.Array, which: int) -> jax.Array:
        ratio = jnp.clip(scaled * scale[which], -8.0, 8.0)
        return jnp.maximum((prior + small[which]) * jnp.exp(ratio) - small[which], 0.0)

    def totals(surface: jax.Array, soil: jax.Array) -> jax.Array:
        column = (soil * depth).sum(axis=1)
        return jnp.log(jnp.concatenate([surface, column], axis=-1) @ sums + 1e-3)

    def loss(model: Any, batch: Batch, key: jax.Array) -> tuple[jax.Array, Mapping[str, jax.Array]]:
        keys = jax.random.split(key, batch.cells.shape[0])
        surface, soil = jax.vmap(model)(batch.fields, keys)
        parts = [
            gaussian_nll(surface, batch.target_surface, batch.weight_surface, beta=weights.beta),
            gaussian_nll(soil, batch.target_soil, batch.weight_soil, beta=weights.beta),
        ]
        mass = [w.sum() for w in (batch.weight_surface, batch.weight_soil)]
        told = {"nll": (parts[0] * mass[0] + parts[1] * mass[1]) / jnp.maximum(mass[0] + mass[1], 1e-9)}
        known = batch.cells > 0.0
        layers = batch.fields.valid & known[:, None]
        below = jnp.where(layers[..., None], pools(batch.prior_soil, soil.mean, 1), 0.0)
        above = jnp.where(known[..., None], pools(batch.prior_surface, surface.mean, 0), 0.0)
        total = told["nll"]
        if weights.totals:
            truth = totals(
                jnp.where(known[..., None], pools(batch.prior_surface, batch.target_surface, 0), 0.0),
                jnp.where(layers[..., None], pools(batch.prior_soil, batch.target_soil, 1), 0.0),
            )
            # in units of a tenth: differences of logarithms are small
            error = 10.0 * (totals(above, below) - truth)
            told["totals"] = huber(error, jnp.broadcast_to(batch.cells[..., None], error.shape))
            total = total + weights.totals * told["totals"]
        if weights.ratios:
            told["ratios"] = _ratios(above, bounds[0], batch.cells) + _ratios(
                below, bounds[1], jnp.where(layers, batch.cells[:, None], 0.0)
            )
            total = total + weights.ratios * told["ratios"]
        if weights.balance and batch.operator is not None:
            x = jnp.moveaxis(below[..., jnp.asarray(carbon)], (1, 4), (4, 3))  # [crop, lat, lon, pool, layer]
            x = x.reshape(*x.shape[:3], -1)
            told["balance"] = steady_state_residual(x, batch.inputs, batch.operator, batch.cells)
            total = total + weights.balance * told["balance"]
        told["rmse"] = jnp.sqrt(
            weighted_mean(
                jnp.where(batch.weight_soil > 0, soil.mean - batch.target_soil, 0.0) ** 2, batch.weight_soil
            )
        )
        return total, told

    return loss


def _ratios(pools: jax.Array, bounds: Bounds, weight: jax.Array) -> jax.Array:
    if not bounds.pairs:
        return jnp.zeros((), jnp.float32)
    c, n = (jnp.asarray([p[k] for p in bounds.pairs]) for k in (0, 1))
    wide = jnp.broadcast_to(weight[..., None], (*weight.shape, len(bounds.pairs)))
    return ratio_bounds(pools[..., c], pools[..., n], jnp.asarray(bounds.low), jnp.asarray(bounds.high), wide)
