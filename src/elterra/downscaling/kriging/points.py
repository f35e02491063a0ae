"""Kriging of point data with a drift, from the nearest data of each place (moving neighbourhood)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from elterra.downscaling.kriging.variogram import Variogram

Array = NDArray[np.float64]

_BATCH = 4096


def krige(
    points: Array,
    values: Array,
    at: Array,
    variogram: Variogram,
    *,
    drift: Array | None = None,
    drift_at: Array | None = None,
    error_variance: Array | None = None,
    neighbours: int = 40,
    noisy: bool = True,
) -> tuple[Array, Array]:
    """Mean and variance ``[m]`` at the places `at` ``[m, dim]`` from `values` ``[n]`` at `points` ``[n, dim]``.

    Ordinary kriging; with `drift` ``[n, k]`` and `drift_at` ``[m, k]`` universal (external drift). `error_variance` ``[n]``
    is added to the data. `noisy`: the variance is that of a datum (nugget included), else of the smooth field. Coordinates
    are in one unit; the caller stretches axes that count differently (height, time).
    """
    k = min(neighbours, len(values))
    near = cKDTree(points).query(at, k=k)[1].reshape(len(at), k)
    base, base_at = _drift(drift, len(values)), _drift(drift_at, len(at))
    noise = np.full(len(values), variogram.nugget) + (0.0 if error_variance is None else error_variance)
    terms = base.shape[1]
    mean, variance = np.empty(len(at)), np.empty(len(at))
    level = variogram.nugget + variogram.sill
    for start in range(0, len(at), _BATCH):
        rows = slice(start, min(start + _BATCH, len(at)))
        index = near[rows]
        p = points[index]
        cov = variogram.correlated(np.linalg.norm(p[:, :, None] - p[:, None], axis=-1))
        cov[:, np.arange(k), np.arange(k)] += noise[index] + 1e-10 * level
        cross = variogram.correlated(np.linalg.norm(p - at[rows, None], axis=-1))
        f, f_at = base[index], base_at[rows]
        system = np.zeros((len(index), k + terms, k + terms))
        system[:, :k, :k] = cov
        system[:, :k, k:], system[:, k:, :k] = f, f.transpose(0, 2, 1)
        # a drift that does not vary in the neighbourhood must not make the system singular
        system[:, np.arange(k, k + terms), np.arange(k, k + terms)] = -1e-9 * np.abs(f).max() ** 2 / level
        right = np.concatenate([cross, f_at], axis=1)
        weight = np.linalg.solve(system, right[..., None])[..., 0]
        mean[rows] = np.einsum("mk,mk->m", weight[:, :k], values[index])
        variance[rows] = variogram.sill - np.einsum("mk,mk->m", weight, right)
    return mean, np.maximum(variance, 1e-9 * level) + (variogram.nugget if noisy else 0.0)


def leave_group_out(
    points: Array,
    values: Array,
    group: NDArray[np.int64],
    variogram: Variogram,
    *,
    drift: Array | None = None,
    neighbours: int = 40,
) -> tuple[Array, Array]:
    """Mean and variance ``[n]`` of each datum from the data of the other groups, with one variogram."""
    mean, variance = np.empty(len(values)), np.empty(len(values))
    for g in np.unique(group):
        out = group == g
        mean[out], variance[out] = krige(
            points[~out],
            values[~out],
            points[out],
            variogram,
            drift=None if drift is None else drift[~out],
            drift_at=None if drift is None else drift[out],
            neighbours=neighbours,
        )
    return mean, variance


def _drift(drift: Array | None, count: int) -> Array:
    one = np.ones((count, 1))
    return one if drift is None else np.concatenate([one, drift], axis=1)
