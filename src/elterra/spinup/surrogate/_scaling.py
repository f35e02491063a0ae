"""Numbers that bring inputs and targets to the order of one; stored with the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from elterra.spinup.surrogate._sample import Sample

Array = NDArray[np.float64]
#: what is added to a pool before the logarithm, as a share of its mean over the training data
SMALL = 1e-3
#: inputs are kept within so many standard deviations of the training data
MOST = 8.0


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each input over the valid cells of the training data; ``*_small`` of each pool (g m-2
    or g m-3), added before the logarithm; ``*_target`` the root mean square of each pool's log-ratio."""

    surface_mean: Array
    surface_sd: Array
    soil_mean: Array
    soil_sd: Array
    scalars_mean: Array
    scalars_sd: Array
    surface_small: Array
    soil_small: Array
    surface_target: Array
    soil_target: Array

    def surface(self, sample: Sample) -> NDArray[np.float32]:
        """Scaled inputs, 0 in the sea."""
        return _scale(sample.surface, self.surface_mean, self.surface_sd, sample.land)

    def soil(self, sample: Sample) -> NDArray[np.float32]:
        """Scaled inputs, 0 in the sea and in rock."""
        return _scale(sample.soil, self.soil_mean, self.soil_sd, sample.valid & sample.land)

    def scalars(self, sample: Sample) -> NDArray[np.float32]:
        """Scaled scalars."""
        return ((sample.scalars - self.scalars_mean) / self.scalars_sd).astype(np.float32)

    def log_ratios(self, sample: Sample) -> tuple[Array, Array]:
        """log((truth + small) / (prior + small)) of surface and soil pools; 0 where the truth is not known."""
        assert sample.true_surface is not None
        assert sample.true_soil is not None
        cells = sample.usable
        layers = sample.valid & cells
        return (
            _ratio(sample.true_surface, sample.prior_surface, self.surface_small, cells),
            _ratio(sample.true_soil, sample.prior_soil, self.soil_small, layers),
        )

    def arrays(self) -> dict[str, Array]:
        """By name, to be stored."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def scaling_of(samples: Sequence[Sample]) -> Scaling:
    """Numbers from the usable cells of the training data."""
    cells = [s.usable for s in samples]
    layers = [s.valid & c for s, c in zip(samples, cells, strict=True)]
    surface = np.concatenate([s.surface[c] for s, c in zip(samples, cells, strict=True)])
    soil = np.concatenate([s.soil[v] for s, v in zip(samples, layers, strict=True)])
    scalars = np.stack([s.scalars for s in samples])
    above = np.concatenate([np.asarray(s.true_surface)[c] for s, c in zip(samples, cells, strict=True)])
    below = np.concatenate([np.asarray(s.true_soil)[v] for s, v in zip(samples, layers, strict=True)])
    first = Scaling(
        *_moments(surface),
        *_moments(soil),
        *_moments(scalars),
        np.maximum(SMALL * above.mean(axis=0, dtype=np.float64), 1e-9),
        np.maximum(SMALL * below.mean(axis=0, dtype=np.float64), 1e-9),
        np.ones(above.shape[1]),
        np.ones(below.shape[1]),
    )
    ratios = [first.log_ratios(s) for s in samples]
    targets = [
        np.sqrt(np.mean(np.concatenate([r[k][c] for r, c in zip(ratios, where, strict=True)]) ** 2, axis=0))
        for k, where in ((0, cells), (1, layers))
    ]
    values = first.arrays() | {"surface_target": _floor(targets[0]), "soil_target": _floor(targets[1])}
    return Scaling(**values)


def _floor(x: Array) -> Array:
    return np.maximum(x, 1e-3)


def _moments(x: NDArray) -> tuple[Array, Array]:
    sd = x.std(axis=0, dtype=np.float64)
    return x.mean(axis=0, dtype=np.float64), np.where(sd > 1e-12, sd, 1.0)


def _scale(x: NDArray, mean: Array, sd: Array, where: NDArray[np.bool_]) -> NDArray[np.float32]:
    scaled = np.clip((np.where(where[..., None], x, mean) - mean) / sd, -MOST, MOST)
    return scaled.astype(np.float32)


def _ratio(truth: NDArray, prior: NDArray, small: Array, where: NDArray[np.bool_]) -> Array:
    known = where[..., None]
    return np.asarray(
        np.log(np.where(known, truth, 0.0) + small) - np.log(np.where(known, prior, 0.0) + small), np.float64
    )
