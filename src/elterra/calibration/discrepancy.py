"""Model discrepancy of an observation operator: what a calibrated model still gets wrong in a way that can be learned.

After Kennedy and O'Hagan (2001): ``measurement = model + d(x) + e + measurement error``. ``d`` is the part of the
misfit that follows from what is known at any time (weather, its memory, the model's own state); it is learned by
boosted trees on whole blocks of time that are left out in turn, so that its value at a measured time has not seen
the measurement. ``e`` is what is left: random, with a variance that depends on the same features and a correlation
within the day. Arrays only; nothing here knows what is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: settings of the trees of the mean; several of different depth are averaged, which is what makes them robust
MEAN_TREES: tuple[Mapping[str, Any], ...] = (
    {"max_depth": 4, "min_child_weight": 20, "subsample": 0.5, "colsample_bytree": 0.3, "reg_lambda": 10.0},
    {"max_depth": 6, "min_child_weight": 40, "subsample": 0.5, "colsample_bytree": 0.2, "reg_lambda": 20.0},
)
ROUNDS = 200
LEARNING_RATE = 0.06
#: shallow and few: a variance is learned from squares, which are noisy
VARIANCE_TREES: Mapping[str, Any] = {
    "max_depth": 3,
    "min_child_weight": 100,
    "subsample": 0.5,
    "colsample_bytree": 0.3,
    "reg_lambda": 20.0,
}
VARIANCE_ROUNDS = 80
#: training values below which nothing is learned: the mean misfit is all that is taken out
LEAST = 2000


class DiscrepancyError(ValueError):
    """The input of a discrepancy model is unusable; the text says why."""


@dataclass(frozen=True)
class Learned:
    """``mean [time]``: cross-fitted where there was a target, the mean of all folds elsewhere. ``folds`` fitted."""

    mean: Array
    folds: int


def learn_mean(
    features: NDArray[np.float32],
    target: Array,
    fold: NDArray[np.int64],
    *,
    seed: int = 0,
    threads: int = 1,
    least: int = LEAST,
) -> Learned:
    """Cross-fitted conditional mean of ``target [time]`` (NaN: not known) given ``features [time, feature]``.

    ``fold [time]`` numbers the parts that are left out in turn: whole blocks of time, so that a value is predicted
    from blocks it does not touch. Where there is no target every fold's trees are averaged. With fewer than ``least``
    known values the mean is a constant. Raises `DiscrepancyError` if shapes do not fit or nothing is known.
    """
    if features.ndim != 2 or target.shape != features.shape[:1] or fold.shape != target.shape:
        raise DiscrepancyError(
            f"features [n, k], target [n] and fold [n] do not fit: {features.shape}, {target.shape}, {fold.shape}"
        )
    known = np.isfinite(target)
    if not known.any():
        raise DiscrepancyError("no known value to learn from")
    numbers = np.unique(fold[known])
    if known.sum() < least or numbers.size < 2:
        return Learned(np.full(target.shape, target[known].mean()), 0)
    centre, scale = float(target[known].mean()), float(target[known].std()) or 1.0
    jobs = [(number, k) for number in numbers for k in range(len(MEAN_TREES))]

    def one(job: tuple[int, int]) -> Array:
        number, k = job
        train = known & (fold != number)
        return _boost(
            features[train],
            (target[train] - centre) / scale,
            features,
            {**MEAN_TREES[k], "objective": "reg:squarederror", "seed": seed + 17 * k},
            ROUNDS,
        )

    with ThreadPoolExecutor(max_workers=threads) as pool:
        predictions = list(pool.map(one, jobs))
    by_fold = {
        number: np.mean([p for (n, _), p in zip(jobs, predictions, strict=True) if n == number], axis=0)
        for number in numbers
    }
    mean = np.mean(list(by_fold.values()), axis=0)
    for number, prediction in by_fold.items():
        here = known & (fold == number)
        mean[here] = prediction[here]
    return Learned(mean * scale + centre, int(numbers.size))


@dataclass(frozen=True)
class ErrorStructure:
    """Random part of a discrepancy.

    variance ``[time]``: expected squared residual, measurement error included. common: share of the variance that all
    times of a day have in common. hourly: share that is correlated over ``memory`` steps (exponential). The rest is
    independent from step to step; the measurement error is part of it.
    """

    variance: Array
    common: float
    hourly: float
    memory: float

    def covariance(self, steps: NDArray[np.int64], noise_sd: Array) -> Array:
        """Covariance ``[step, step]`` of the discrepancy at ``steps`` of one day, without the measurement error.

        ``noise_sd [step]``: sd of the measurement error, which the variance holds as well.
        """
        sd = np.sqrt(self.variance[steps])
        lag = np.abs(np.subtract.outer(steps, steps))
        shape = self.common + self.hourly * np.exp(-lag / self.memory)
        rest = np.maximum((1.0 - self.common - self.hourly) * sd**2 - noise_sd**2, 0.0)
        return np.outer(sd, sd) * shape + np.diag(rest)


def error_structure(
    features: NDArray[np.float32],
    residual: Array,
    noise_sd: Array,
    day: NDArray[np.int64],
    *,
    seed: int = 0,
    lags: int = 16,
) -> ErrorStructure:
    """Fit the variance and the within-day correlation of cross-fitted residuals.

    residual ``[time]`` (NaN: not known), noise_sd ``[time]`` sd of the measurement error, day ``[time]`` number of the day.
    The variance is the conditional mean of the squared residual (boosted trees with a gamma deviance), never below
    the measurement's own or a fiftieth of the mean. The correlation of normalised residuals at distances up to ``lags``
    steps of one day is fitted by ``common + hourly exp(-lag / memory)``.
    """
    known = np.isfinite(residual)
    if not known.any():
        raise DiscrepancyError("no residual to learn the error from")
    square = residual[known] ** 2
    mean_square = float(square.mean())
    if known.sum() >= LEAST and mean_square > 0:
        fitted = _boost(
            features[known],
            np.maximum(square / mean_square, 1e-4),
            features,
            {**VARIANCE_TREES, "objective": "reg:gamma", "base_score": 1.0, "seed": seed},
            VARIANCE_ROUNDS,
        )
        variance = fitted * mean_square
        # trees are fitted to half of the steps at a time: the level is put right afterwards
        variance *= mean_square / float(variance[known].mean())
    else:
        variance = np.full(residual.shape, mean_square)
    floor = np.maximum(np.where(np.isfinite(noise_sd), noise_sd, 0.0) ** 2, 0.02 * mean_square)
    variance = np.maximum(variance, floor)
    common, hourly, memory = _correlation(residual / np.sqrt(variance), day, lags)
    return ErrorStructure(variance, common, hourly, memory)


def condition(
    covariance: Array,
    known: NDArray[np.bool_],
    difference: Array,
    noise_sd: Array,
    draws: Array,
    noise: Array,
) -> Array:
    """Members of a Gaussian process ``[step, member]``, conditioned on measured steps (Matheron's rule).

    covariance ``[step, step]``; known ``[step]``; difference ``[step]`` measurement less everything else (read where
    known); noise_sd ``[step]`` of the measurement; draws, noise: standard normal ``[step, member]``.
    """
    free = _root(covariance) @ draws
    if not known.any():
        return free
    observed = covariance[np.ix_(known, known)] + np.diag(noise_sd[known] ** 2)
    misfit = difference[known, None] - free[known] - noise_sd[known, None] * noise[known]
    return free + covariance[:, known] @ np.linalg.solve(observed, misfit)


def uncovered(covariance: Array, members: Array, least: float) -> Array:
    """What of a ``covariance [step, step]`` the spread of ``members [step, member]`` does not show already.

    In the coordinates in which the covariance is the identity, each principal direction of the members loses the variance
    it has; a share of ``least`` always stays, so that the result is positive definite.
    """
    root = _root(covariance)
    anomalies = np.linalg.solve(root, members - members.mean(axis=1, keepdims=True))
    shown, directions = np.linalg.eigh(anomalies @ anomalies.T / (members.shape[1] - 1))
    left = root @ directions * np.sqrt(np.clip(1.0 - shown, least, 1.0))
    return left @ left.T


def _root(covariance: Array) -> Array:
    """Cholesky factor, with a trace of jitter against covariances that are singular to round-off."""
    size = len(covariance)
    return np.linalg.cholesky(covariance + 1e-10 * np.trace(covariance) / size * np.eye(size))


def blocks_of_days(day: NDArray[np.int64], length: int, folds: int) -> NDArray[np.int64]:
    """Fold number of each time: blocks of ``length`` days, dealt out to ``folds`` in turn."""
    return (day - day[0]) // length % folds


def _boost(
    x: NDArray[np.float32], y: Array, ask: NDArray[np.float32], settings: Mapping[str, Any], rounds: int
) -> Array:
    import xgboost as xgb

    data = xgb.QuantileDMatrix(x, y, max_bin=64, nthread=1)
    # One thread a fit: the same bits whatever the machine, and fits run side by side.
    parameters = {
        "tree_method": "hist",
        "max_bin": 64,
        "learning_rate": LEARNING_RATE,
        "nthread": 1,
        **settings,
    }
    return np.asarray(xgb.train(parameters, data, rounds).inplace_predict(ask), dtype=np.float64)


def _correlation(normalised: Array, day: NDArray[np.int64], lags: int) -> tuple[float, float, float]:
    values = []
    for lag in range(1, lags + 1):
        pair = normalised[lag:] * normalised[:-lag]
        use = np.isfinite(pair) & (day[lag:] == day[:-lag])
        values.append(float(pair[use].mean()) if use.sum() > 50 else np.nan)
    curve = np.array(values)
    if not np.isfinite(curve).all():
        return 0.1, 0.2, 4.0
    level = float(np.nanmean(normalised**2))
    curve = curve / level
    distance = np.arange(1, lags + 1)
    best = (np.inf, 0.0, 0.0, 1.0)
    for memory in (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0):
        basis = np.stack([np.ones(lags), np.exp(-distance / memory)], axis=1)
        weights = _non_negative(basis, curve)
        misfit = float(((basis @ weights - curve) ** 2).sum())
        if misfit < best[0]:
            best = (misfit, float(weights[0]), float(weights[1]), memory)
    _, common, hourly, memory = best
    total = common + hourly
    if total > 0.95:  # the measurement error is independent: something must be left for it
        common, hourly = 0.95 * common / total, 0.95 * hourly / total
    return common, hourly, memory


def _non_negative(basis: Array, value: Array) -> Array:
    from scipy.optimize import nnls

    return np.asarray(nnls(basis, value)[0], dtype=np.float64)


__all__: Sequence[str] = (
    "DiscrepancyError",
    "ErrorStructure",
    "Learned",
    "blocks_of_days",
    "condition",
    "error_structure",
    "learn_mean",
    "uncovered",
)
