"""Errors of the data as the inversion takes them, and what a calibrated model is wrong by: both learned from the first part.

The inversion. A model that is as right as a day-of-year climatology is right enough: the error of a datum is that of the
measurement, at least the scatter of the data about their own climatology, and it lasts: data within its memory count as one.
This is estimated once per kind from the data alone, before any run.

The prediction. Residuals of parts of the first part of the record that were left out (`left_out`), so that they are no fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.bench.towers.records import Target, Tower
from elterra.product.baselines import Climatology

Array = NDArray[np.float64]
Days = NDArray[np.datetime64]

#: days of a seasonal kernel for variances, and the longest memory of an error
SEASON_DAYS, LONGEST_MEMORY = 25.0, 60.0
#: least share of the pooled variance that a season has: few data make no certainty
LEAST_SHARE = 0.2
#: largest share of the whole information that a left-out part may hold
LARGEST_SHARE = 0.9
#: bounds of the factor that makes 90 % intervals hold 90 % of what was left out
SMALLEST_FACTOR, LARGEST_FACTOR = 0.3, 4.0
LEVEL = 0.9
#: data of a kind below which it is not calibrated on, and not judged
LEAST_DATA = 30


@dataclass(frozen=True)
class Climate:
    """Day-of-year climatology of a kind, from its first part: ``mean``, ``sd`` ``[day]`` of all days; ``memory`` in data."""

    mean: Array
    sd: Array
    memory: float


def climatology(tower: Tower, target: Target) -> Climate | None:
    """Harmonics of the year fitted to the first part, its scatter by season, how long residuals last; None with too
    few data."""
    train = np.arange(tower.days) < tower.train_days
    known = np.where(train, target.value, np.nan)
    if np.isfinite(known).sum() < LEAST_DATA:
        return None
    time = calendar_days(tower.days)
    prediction = Climatology(annual=2, diurnal=0)(time, known, np.ones(tower.days, dtype=bool))
    residual = known - prediction.mean
    return Climate(prediction.mean, seasonal_sd(residual), memory_of(residual / prediction.sd))


def calendar_days(days: int) -> Days:
    """A regular axis of ``days`` days from a 1 January on; its leap days shift the season by a day at most."""
    return np.asarray(np.datetime64("2001-01-01T00:00:00", "ns") + np.arange(days) * np.timedelta64(1, "D"))


def seasonal_sd(residual: Array) -> Array:
    """Root mean square ``[day]`` of ``residual [day]`` (NaN: unknown) by season, a Gaussian kernel on the circle of
    the year."""
    of_year = np.arange(residual.size) % 365
    known = np.isfinite(residual)
    square = residual[known] ** 2
    distance = np.abs(np.subtract.outer(np.arange(365), of_year[known]))
    weight = np.exp(-0.5 * (np.minimum(distance, 365 - distance) / SEASON_DAYS) ** 2)
    pooled = float(square.mean())
    # ten data of the whole year stand in where a season has none
    mean = (weight @ square + 10.0 * pooled) / (weight.sum(axis=1) + 10.0)
    return np.sqrt(np.maximum(mean, LEAST_SHARE * pooled))[of_year]


def memory_of(normalised: Array) -> float:
    """How many neighbouring days count as one: 1 + 2 x the sum of the correlations up to the first below 0.05."""
    known = np.isfinite(normalised)
    level = float(np.mean(normalised[known] ** 2))
    total = 1.0
    for lag in range(1, int(LONGEST_MEMORY) + 1):
        pair = normalised[lag:] * normalised[:-lag]
        use = np.isfinite(pair)
        if use.sum() < LEAST_DATA:
            break
        correlation = float(pair[use].mean()) / level
        if correlation < 0.05:
            break
        total += 2.0 * correlation
    return min(total, LONGEST_MEMORY)


@dataclass(frozen=True)
class TrainData:
    """Data of the first part of a tower: ``value``, ``sd`` ``[datum]`` (inflated for memory), kind and day of each."""

    kinds: tuple[str, ...]
    value: Array
    sd: Array
    kind: NDArray[np.int64]
    day: NDArray[np.int64]

    def predicted(self, predictions: Mapping[str, Array]) -> Array:
        """``[datum, member]`` from predictions ``[day, member]`` by kind."""
        members = predictions[self.kinds[0]].shape[1]
        out = np.empty((self.value.size, members))
        for number, kind in enumerate(self.kinds):
            here = self.kind == number
            out[here] = predictions[kind][self.day[here]]
        return out


def train_data(tower: Tower) -> TrainData:
    """What a tower is calibrated on. Kinds with fewer than `LEAST_DATA` values are left out."""
    kinds: list[str] = []
    values: list[Array] = []
    sds: list[Array] = []
    numbers: list[NDArray[np.int64]] = []
    days: list[NDArray[np.int64]] = []
    for target in tower.targets:
        climate = climatology(tower, target)
        if climate is None:
            continue
        day = np.flatnonzero(np.isfinite(target.value[: tower.train_days]))
        sd = np.sqrt(climate.memory) * np.maximum(climate.sd[day], target.sd[day])
        numbers.append(np.full(day.size, len(kinds)))
        kinds.append(target.kind)
        values.append(target.value[day])
        sds.append(sd)
        days.append(day)
    if not kinds:
        raise ValueError(f"{tower.key}: no kind with {LEAST_DATA} data to calibrate on")
    return TrainData(
        tuple(kinds),
        np.concatenate(values),
        np.concatenate(sds),
        np.concatenate(numbers),
        np.concatenate(days),
    )


def folds(days: NDArray[np.int64], train_days: int) -> NDArray[np.int64]:
    """Parts of the first part of a record that are left out in turn: years, or quarters where there is one year."""
    return days // 365 if train_days >= 2 * 365 else days // 91


def left_out(predicted: Array, data: TrainData, fold: NDArray[np.int64]) -> tuple[Array, Array]:
    """Mean and sd ``[datum]`` of predictions that have not seen the part of the datum.

    ``predicted [datum, member]`` is of a posterior ensemble. The information of a part is taken out of it again: the Kalman
    update with the negative likelihood, exact for a linear model. No direction loses more than `LARGEST_SHARE` of its
    information: beyond that it is noise of a small ensemble.
    """
    members = predicted.shape[1]
    mean = predicted.mean(axis=1)
    anomalies = predicted - mean[:, None]
    out_mean, out_sd = np.array(mean), np.zeros_like(mean)
    for number in np.unique(fold):
        here = fold == number
        scaled = anomalies[here] / data.sd[here, None]
        innovation = (data.value[here] - mean[here]) / data.sd[here]
        values, vectors = np.linalg.eigh(scaled.T @ scaled)
        rest = (members - 1) - np.minimum(np.maximum(values, 0.0), LARGEST_SHARE * (members - 1))
        weight = vectors @ ((vectors.T @ (scaled.T @ innovation)) / rest)
        out_mean[here] = mean[here] - anomalies[here] @ weight
        out_sd[here] = np.sqrt((((anomalies[here] @ vectors) ** 2) / rest).sum(axis=1))
    return out_mean, out_sd


def learned_sd(residual: Array, spread: Array, floor: Array) -> Array:
    """Sd ``[day]`` of what a prediction is wrong by beside its own spread, from left-out residuals ``[day]`` (NaN: unknown).

    By season; not below the measurement error ``floor [day]``. A common factor then makes the 90 % intervals hold 90
    % of the residuals themselves, whose tails are not those of a normal distribution.
    """
    known = np.isfinite(residual)
    seasonal = seasonal_sd(residual)
    usual = float(np.nanmedian(floor)) if np.isfinite(floor).any() else 0.0
    least = np.where(np.isfinite(floor), floor, usual)
    own = seasonal_sd(np.where(known, spread, np.nan))  # of the season as well: known days and others alike
    sd = np.maximum(np.sqrt(np.maximum(seasonal**2 - own**2, 0.0)), 0.5 * least)
    low, high = SMALLEST_FACTOR, LARGEST_FACTOR
    for _ in range(40):
        factor = 0.5 * (low + high)
        inside = np.abs(residual[known]) <= 1.6448536 * np.hypot(spread[known], factor * sd[known])
        low, high = (low, factor) if inside.mean() >= LEVEL else (factor, high)
    return high * sd


def by_amplitude(residuals: Sequence[Array], predictions: Sequence[Array]) -> tuple[float, float]:
    """``(a, b)`` of sd^2 = a^2 + b^2 x prediction^2, fitted to residuals of several sites: an error for sites
    without data."""
    from scipy.optimize import nnls

    square = np.concatenate([r[np.isfinite(r)] ** 2 for r in residuals])
    size = np.concatenate([p[np.isfinite(r)] ** 2 for r, p in zip(residuals, predictions, strict=True)])
    scale = 1.0 / (square.mean() + size)  # a relative fit: large fluxes would rule alone
    found, _ = nnls(np.stack([scale, size * scale], axis=1), square * scale)
    return float(np.sqrt(found[0])), float(np.sqrt(found[1]))
