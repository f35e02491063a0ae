"""Interpolation between points: kriging alone, boosted trees alone, and trees with kriging of what they leave.

All intervals come from stations that the fit has not seen (five folds of the training stations).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.interpolation._spread import Spread
from elterra.downscaling.interpolation.points import Points, groups
from elterra.downscaling.kriging import Variogram, fit_variogram, krige, leave_group_out
from elterra.downscaling.laws import Law
from elterra.errors import InputError

Array = NDArray[np.float64]

_FOLDS = 5
_NEIGHBOURS = 40
#: km of distance that a metre of height and a month of time count as; the best pair is taken by stations apart
ELEVATION_KM, MONTH_KM = (0.0, 0.1, 0.5), (20.0, 100.0, 500.0)
#: points that the choice is made on, at most
_CHOICE_POINTS = 500
_TREES = {
    "max_depth": 4, "min_child_weight": 8, "subsample": 0.7, "colsample_bytree": 0.7, "reg_lambda": 3.0,
    "learning_rate": 0.06, "nthread": 1,
}  # fmt: skip
_ROUNDS = 150


@dataclass(frozen=True)
class PointPrediction:
    """`mean` ``[n]``, `quantiles` ``[level, n]`` at `LEVELS`."""

    mean: Array
    quantiles: Array


class FittedPoints(Protocol):
    def predict(self, at: Points) -> PointPrediction: ...


class PointMethod(Protocol):
    @property
    def name(self) -> str: ...

    def fit(self, data: Points, law: Law) -> FittedPoints: ...


@dataclass(frozen=True)
class _Residuals:
    """Kriging of residuals in stretched coordinates."""

    data: Points
    values: Array
    variogram: Variogram
    stretch: tuple[float, float]

    @classmethod
    def learn(cls, data: Points, values: Array, fold: NDArray[np.int64], seed: int) -> _Residuals:
        some = np.random.default_rng(seed).permutation(len(data))[:_CHOICE_POINTS]
        months = MONTH_KM if data.month is not None else (0.0,)
        best: tuple[float, _Residuals] | None = None
        for stretch in ((e, m) for e in ELEVATION_KM for m in months):
            points = data.stretched(*stretch)
            longest = 0.5 * float(np.linalg.norm(np.ptp(points, axis=0)))
            found = cls(data, values, fit_variogram(points, values, longest, seed), stretch)
            error = 0.0
            for f in np.unique(fold[some]):
                out, test = fold == f, some[fold[some] == f]
                mean, _ = krige(
                    points[~out], values[~out], points[test], found.variogram, neighbours=_NEIGHBOURS
                )
                error += float(np.sum((mean - values[test]) ** 2))
            if best is None or error < best[0]:
                best = (error, found)
        assert best is not None
        return best[1]

    def apart(self, fold: NDArray[np.int64]) -> tuple[Array, Array]:
        mean, variance = leave_group_out(
            self.data.stretched(*self.stretch), self.values, fold, self.variogram, neighbours=_NEIGHBOURS
        )
        return mean, np.sqrt(variance)

    def at(self, points: Points) -> tuple[Array, Array]:
        mean, variance = krige(
            self.data.stretched(*self.stretch),
            self.values,
            points.stretched(*self.stretch),
            self.variogram,
            neighbours=_NEIGHBOURS,
        )
        return mean, np.sqrt(variance)


@dataclass(frozen=True)
class Kriging:
    """Ordinary kriging in place, height and time of the deviations from the mean season of all stations."""

    name: str = "kriging"
    seed: int = 0

    def fit(self, data: Points, law: Law) -> FittedPoints:
        fold = _folds(data, self.seed)
        drift = np.concatenate([np.ones((len(data), 1)), data.season()], axis=1)
        beta = np.linalg.lstsq(drift, data.measured(), rcond=None)[0]
        residuals = _Residuals.learn(data, data.measured() - drift @ beta, fold, self.seed)
        mean, sd = residuals.apart(fold)
        spread = Spread.learn(data.season(), residuals.values - mean, sd, self.seed)
        return _FittedKriging(beta, residuals, spread, law)


@dataclass(frozen=True)
class _FittedKriging:
    beta: Array
    residuals: _Residuals
    spread: Spread
    law: Law

    def predict(self, at: Points) -> PointPrediction:
        mean, sd = self.residuals.at(at)
        mean = mean + np.concatenate([np.ones((len(at), 1)), at.season()], axis=1) @ self.beta
        return _within(self.law, mean, self.spread.quantiles(mean, at.season(), sd))


@dataclass(frozen=True)
class Trees:
    """Boosted trees on features, season and height."""

    name: str = "trees"
    seed: int = 0

    def fit(self, data: Points, law: Law) -> FittedPoints:
        fold = _folds(data, self.seed)
        booster, apart = _cross_fit(data, fold, self.seed)
        x = _design(data)
        spread = Spread.learn(x, data.measured() - apart, np.ones(len(data)), self.seed)
        return _FittedTrees(booster, spread, law)


@dataclass(frozen=True)
class _FittedTrees:
    booster: Any
    spread: Spread
    law: Law

    def predict(self, at: Points) -> PointPrediction:
        x = _design(at)
        mean = np.asarray(self.booster.inplace_predict(x), dtype=np.float64)
        return _within(self.law, mean, self.spread.quantiles(mean, x, np.ones(len(at))))


@dataclass(frozen=True)
class RegressionKriging:
    """Trees, and kriging of the errors they made on stations apart (errors on stations they had seen would be too small)."""

    name: str = "regression_kriging"
    seed: int = 0

    def fit(self, data: Points, law: Law) -> FittedPoints:
        fold = _folds(data, self.seed)
        booster, apart = _cross_fit(data, fold, self.seed)
        residuals = _Residuals.learn(data, data.measured() - apart, fold, self.seed)
        mean, sd = residuals.apart(fold)
        x = _design(data)
        # how much of the kriged residual holds on stations apart: 1 where all does, 0 where it is noise
        share = float(
            np.clip(np.sum(mean * residuals.values) / max(float(np.sum(mean**2)), 1e-300), 0.0, 1.0)
        )
        spread = Spread.learn(x, residuals.values - share * mean, sd, self.seed)
        return _FittedRegressionKriging(booster, residuals, share, spread, law)


@dataclass(frozen=True)
class _FittedRegressionKriging:
    booster: Any
    residuals: _Residuals
    share: float
    spread: Spread
    law: Law

    def predict(self, at: Points) -> PointPrediction:
        x = _design(at)
        left, sd = self.residuals.at(at)
        mean = np.asarray(self.booster.inplace_predict(x), dtype=np.float64) + self.share * left
        return _within(self.law, mean, self.spread.quantiles(mean, x, sd))


#: by the key of their figures
POINT_METHODS: dict[str, PointMethod] = {m.name: m for m in (Kriging(), Trees(), RegressionKriging())}


def _design(points: Points) -> Array:
    columns = [points.features[n][:, None] for n in sorted(points.features)]
    return np.concatenate([*columns, points.season(), points.elevation[:, None]], axis=1)


def _cross_fit(data: Points, fold: NDArray[np.int64], seed: int) -> tuple[Any, Array]:
    """Trees of all data, and what trees that have not seen its fold say of each point."""
    x, y = _design(data), data.measured()
    apart = np.empty(len(y))
    for f in np.unique(fold):
        out = fold == f
        apart[out] = _boost(x[~out], y[~out], seed).inplace_predict(x[out])
    return _boost(x, y, seed), apart


def _boost(x: Array, y: Array, seed: int) -> Any:
    import xgboost as xgb

    centre = float(y.mean())
    return xgb.train(
        {**_TREES, "base_score": centre, "seed": seed},
        xgb.QuantileDMatrix(x, y, max_bin=128, nthread=1),
        _ROUNDS,
    )


def _folds(data: Points, seed: int) -> NDArray[np.int64]:
    if len(np.unique(data.station)) < 2 * _FOLDS:
        raise InputError(
            f"interpolation: {len(np.unique(data.station))} stations; expected at least {2 * _FOLDS} to learn errors from"
        )
    return groups(data.station, _FOLDS, seed)


def _within(law: Law, mean: Array, quantiles: Array) -> PointPrediction:
    low, high = law.limits
    return PointPrediction(np.clip(mean, low, high), np.clip(np.sort(quantiles, axis=0), low, high))
