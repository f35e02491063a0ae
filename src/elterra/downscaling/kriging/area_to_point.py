"""Area-to-point kriging (Kyriakidis 2004): pixels from the means of the coarse cells around, by block covariances.

On a grid whose cells are all alike, covariances depend on offsets only, so that each pattern of known neighbours needs one
system for all its cells. The means of the pixels of a full cell equal its value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.kriging.variogram import Variogram

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BlockKriging:
    """`factor` pixels a side; `step` the distances between rows and columns of pixels in the unit of the variogram;
    `radius` cells on each side count."""

    variogram: Variogram
    factor: int
    step: tuple[float, float]
    radius: int = 2

    def predict(self, coarse: Array, wanted: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Mean and variance of all pixels ``[Y * factor, X * factor]`` of the cells `wanted` ``[Y, X]``; NaN elsewhere.

        `coarse` ``[Y, X]``, NaN where missing; wanted cells must have a value.
        """
        r, f = self.radius, self.factor
        padded = np.pad(coarse, r, constant_values=np.nan)
        where = np.argwhere(wanted & np.isfinite(coarse))
        offsets = [(i, j) for i in range(-r, r + 1) for j in range(-r, r + 1)]
        around = np.stack([padded[where[:, 0] + r + i, where[:, 1] + r + j] for i, j in offsets], axis=1)
        patterns, which = np.unique(np.isfinite(around), axis=0, return_inverse=True)
        which = which.ravel()
        block, point = self._covariances(offsets)
        mean = np.full((coarse.shape[0] * f, coarse.shape[1] * f), np.nan)
        variance = mean.copy()
        fine_mean, fine_variance = (
            a.reshape(coarse.shape[0], f, coarse.shape[1], f) for a in (mean, variance)
        )
        for k, pattern in enumerate(patterns):
            weights, spread = self._weights(block[np.ix_(pattern, pattern)], point[pattern])
            rows = np.flatnonzero(which == k)
            values = around[rows][:, pattern] @ weights
            fine_mean[where[rows, 0], :, where[rows, 1], :] = values.reshape(-1, f, f)
            fine_variance[where[rows, 0], :, where[rows, 1], :] = spread.reshape(f, f)
        return mean, variance

    def _weights(self, block: Array, point: Array) -> tuple[Array, Array]:
        """Ordinary kriging weights ``[cell, pixel]`` and variance ``[pixel]``."""
        n = len(block)
        system = np.ones((n + 1, n + 1))
        system[:n, :n] = block + 1e-12 * np.trace(block) / n * np.eye(n)
        system[n, n] = 0.0
        right = np.concatenate([point, np.ones((1, point.shape[1]))])
        found = np.linalg.solve(system, right)
        level = self.variogram.sill + self.variogram.nugget
        return found[:n], np.maximum(level - (found * right).sum(axis=0), 1e-9 * level)

    def _covariances(self, offsets: list[tuple[int, int]]) -> tuple[Array, Array]:
        """Between cells ``[cell, cell]``, and between cells and the pixels of the middle one ``[cell, pixel]``."""
        f, dy, dx = self.factor, *self.step
        reach = (2 * self.radius + 1) * f
        lag = np.arange(-reach, reach + 1)
        smooth = self.variogram.correlated(np.hypot(lag[:, None] * dy, lag[None, :] * dx))
        cell = np.array(offsets)
        # pixel to cell: mean over the pixels of the cell
        position = np.arange(f)
        point = np.empty((len(cell), f, f))
        for k, (i, j) in enumerate(offsets):
            rows = (i * f + position[None, :] - position[:, None]) + reach
            columns = (j * f + position[None, :] - position[:, None]) + reach
            point[k] = smooth[rows[:, None, :, None], columns[None, :, None, :]].mean(axis=(2, 3))
        # a pixel's own noise is one share of the noise of its cell
        middle = offsets.index((0, 0))
        point[middle] += self.variogram.nugget / f**2
        # cell to cell: lags of pixels have triangular weights
        triangle = (f - np.abs(np.arange(-f + 1, f))) / f**2
        shifts = {}
        for di in range(-2 * self.radius, 2 * self.radius + 1):
            for dj in range(-2 * self.radius, 2 * self.radius + 1):
                part = smooth[
                    di * f + reach - f + 1 : di * f + reach + f, dj * f + reach - f + 1 : dj * f + reach + f
                ]
                shifts[di, dj] = float(triangle @ part @ triangle)
        gap = cell[:, None] - cell[None, :]
        block = np.array([[shifts[int(a), int(b)] for a, b in row] for row in gap])
        block += np.eye(len(cell)) * self.variogram.nugget / f**2
        return block, point.reshape(len(cell), f * f)
