"""Quantiles for methods that give one number: those of their own errors in the training regions, by how steep the coarse
field is around the cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.rivals._deviation import from_deviation, to_deviation
from elterra.downscaling.scene import LEVELS, Mask, Prediction, Scene

Array = NDArray[np.float64]

_BINS = 5


def steepness(scene: Scene) -> Array:
    """Standard deviation of the coarse field (its deviations from the cell, by the law) over 3 x 3 cells, at each pixel."""
    shape = scene.coarse.shape
    padded = np.pad(scene.coarse, 1, constant_values=np.nan)
    around = np.stack([padded[i : i + shape[0], j : j + shape[1]] for i in range(3) for j in range(3)])
    gap = to_deviation(scene.law, around, scene.coarse)
    count = np.isfinite(gap).sum(axis=0)
    rms = np.sqrt(np.nansum(gap**2, axis=0) / np.maximum(count, 1))
    cells = np.repeat(np.repeat(rms, scene.factor, axis=0), scene.factor, axis=1)
    return cells[: scene.land.shape[0], : scene.land.shape[1]]


@dataclass(frozen=True)
class Dressing:
    """Edges of the steepness ``[bin - 1]`` and error quantiles ``[bin, level]``."""

    edges: Array
    errors: Array

    @classmethod
    def learn(cls, scenes: list[Scene], means: list[Array], where: list[Mask]) -> Dressing:
        errors, steep = [], []
        for scene, mean, mask in zip(scenes, means, where, strict=True):
            assert scene.truth is not None
            at = mask & scene.known
            errors.append(to_deviation(scene.law, scene.truth[at], mean[at]))
            steep.append(steepness(scene)[at])
        error, slope = np.concatenate(errors), np.concatenate(steep)
        edges = np.quantile(slope, np.arange(1, _BINS) / _BINS)
        bin_ = np.searchsorted(edges, slope)
        table = np.array(
            [np.quantile(error[bin_ == b] if (bin_ == b).any() else error, LEVELS) for b in range(_BINS)]
        )
        return cls(edges, table)

    def dress(self, scene: Scene, mean: Array, where: Mask) -> Prediction:
        at = where & scene.known
        quantiles = np.full((len(LEVELS), *mean.shape), np.nan)
        bin_ = np.searchsorted(self.edges, steepness(scene)[at])
        quantiles[:, at] = from_deviation(scene.law, self.errors[bin_].T, mean[at])
        return Prediction(np.where(at, mean, np.nan), quantiles)
