"""Regression kriging: a linear trend on the features within cells, and area-to-point kriging of what it leaves.

In the space where the law's quantity is near normal (log for `positive`, else as it is). The trend is learned from how
pixels differ from their cell, so that the coarse field alone decides the level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from elterra.downscaling.kriging import BlockKriging, Variogram, fit_variogram
from elterra.downscaling.laws import Law
from elterra.downscaling.scene import LEVELS, Mask, Prediction, Scene

Array = NDArray[np.float64]

#: classes rarer than this share of the training pixels have no term in the trend
_RAREST_CLASS = 0.002
#: longest lag of the variogram, in coarse cells
_LONGEST_CELLS = 3.0
#: of the law `positive`: values below this share of the cell's are taken as that share
_LEAST_RATIO = 0.01


@dataclass(frozen=True)
class RegressionKriging:
    """`ridge`: penalty of the trend per training pixel, on standardised features; `rows`: training pixels at most."""

    name: str = "kriging"
    ridge: float = 1e-3
    rows: int = 60_000
    radius: int = 2
    seed: int = 5

    def fit(self, scenes: list[Scene], where: list[Mask]) -> FittedRegressionKriging:
        codes = _codes(scenes, where)
        total = sum(int((m & s.known).sum()) for s, m in zip(scenes, where, strict=True))
        thin = np.random.default_rng(self.seed)
        xs, ts, picked = [], [], []
        for scene, mask in zip(scenes, where, strict=True):
            assert scene.truth is not None
            rows = np.flatnonzero((mask & scene.known).ravel())
            rows = np.sort(
                thin.permutation(rows)[: max(1, round(len(rows) * min(1.0, self.rows / max(total, 1))))]
            )
            xs.append(_anomalies(scene, codes).reshape(-1, scene.truth.size)[:, rows].T)
            ts.append(scene.cell_anomaly(_transform(scene.law, scene.truth, scene.own)).ravel()[rows])
            picked.append(rows)
        x, t = np.concatenate(xs), np.concatenate(ts)
        scale = np.maximum(x.std(axis=0), 1e-12)
        z = x / scale
        beta = np.linalg.solve(z.T @ z + self.ridge * len(z) * np.eye(z.shape[1]), z.T @ t) / scale
        variogram = _variogram(scenes, picked, codes, beta, self.seed)
        return FittedRegressionKriging(codes, beta, variogram, self.radius)


@dataclass(frozen=True)
class FittedRegressionKriging:
    codes: tuple[float, ...]
    beta: Array
    variogram: Variogram
    radius: int

    def predict(self, scene: Scene, where: Mask) -> Prediction:
        at = where & scene.known
        trend = np.tensordot(self.beta, _anomalies(scene, self.codes), axes=1)
        cells = np.where(np.isfinite(scene.coarse), scene.coarse, np.nan)
        level = _transform(scene.law, cells, cells)
        wanted = np.zeros(scene.coarse.shape, dtype=bool)
        wanted.ravel()[np.unique(scene.aggregation.cell_of_pixel[at])] = True
        kriging = BlockKriging(self.variogram, scene.factor, _step(scene), self.radius)
        mean, variance = (a[: at.shape[0], : at.shape[1]] for a in kriging.predict(level, wanted))
        centre, sd = (mean + trend)[at], np.sqrt(variance[at])
        quantiles = np.full((len(LEVELS), *at.shape), np.nan)
        quantiles[:, at] = _back(scene.law, centre + ndtri(np.array(LEVELS))[:, None] * sd)
        best = np.full(at.shape, np.nan)
        # the mean of the distribution, not of its transform
        best[at] = quantiles[:, at].mean(axis=0)
        return Prediction(best, quantiles)


def _transform(law: Law, values: Array, base: Array) -> Array:
    if law.kind != "positive":
        return values
    return np.log(np.maximum(values, np.maximum(_LEAST_RATIO * base, 1e-30)))


def _back(law: Law, values: Array) -> Array:
    return np.exp(values) if law.kind == "positive" else np.clip(values, *law.limits)


def _step(scene: Scene) -> tuple[float, float]:
    """Kilometres between rows and columns, at the middle of the grid."""
    dy, dx = scene.features.grid.spacing
    return float(np.median(dy)) / 1000.0, float(np.median(dx)) / 1000.0


def _codes(scenes: list[Scene], where: list[Mask]) -> tuple[float, ...]:
    counts: dict[float, int] = {}
    for scene, mask in zip(scenes, where, strict=True):
        if scene.class_name is None:
            continue
        values = scene.features.values[scene.class_name][mask & scene.known]
        for code, n in zip(*np.unique(values[np.isfinite(values)], return_counts=True), strict=True):
            counts[float(code)] = counts.get(float(code), 0) + int(n)
    total = sum(counts.values())
    return tuple(sorted(c for c, n in counts.items() if n >= _RAREST_CLASS * total))


def _anomalies(scene: Scene, codes: tuple[float, ...]) -> Array:
    """Regressors ``[k, y, x]``: features and memberships of classes, less their mean in the cell."""
    out = list(scene.anomalies.values())
    if scene.class_name is not None:
        values = scene.features.values[scene.class_name]
        out += [scene.cell_anomaly((values == c).astype(float)) for c in codes]
    return np.stack(out) if out else np.zeros((1, *scene.land.shape))


def _variogram(
    scenes: list[Scene], picked: list[NDArray[np.int64]], codes: tuple[float, ...], beta: Array, seed: int
) -> Variogram:
    """Of the residuals of the trend at single pixels; scenes lie far apart, so that pairs are within one."""
    points, values = [], []
    for k, (scene, rows) in enumerate(zip(scenes, picked, strict=True)):
        assert scene.truth is not None
        dy, dx = _step(scene)
        i, j = np.divmod(rows, scene.land.shape[1])
        apart = 1e6 * k
        points.append(np.stack([i * dy + apart, j * dx], axis=1))
        trend = np.tensordot(beta, _anomalies(scene, codes), axes=1)
        values.append((_transform(scene.law, scene.truth, scene.own) - trend).ravel()[rows])
    longest = _LONGEST_CELLS * scenes[0].factor * max(_step(scenes[0]))
    return fit_variogram(np.concatenate(points), np.concatenate(values), longest, seed)
