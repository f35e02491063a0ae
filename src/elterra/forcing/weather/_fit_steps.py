"""Fits of what happens within a day."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from elterra.forcing._fill import SB
from elterra.forcing.humidity import saturation_pressure
from elterra.forcing.weather import subdaily
from elterra.forcing.weather._calendar import noons
from elterra.forcing.weather._random import standard_normal
from elterra.forcing.weather.climate import daily_sun
from elterra.forcing.weather.coefficients import Regression, expit, logit
from elterra.forcing.weather.towers import Station, Steps

Array = NDArray[np.float64]
DAMPING = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5)
POWERS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
#: hours with at least this mean cosine of the zenith angle say something about clouds
HIGH_SUN = 0.2


def sky_of(days: NDArray[np.int64], latitude: float, longitude: float, steps: int = 24) -> subdaily.Sky:
    """Sun of one place."""
    return subdaily.Sky.of(days, steps, np.array([latitude]), np.array([longitude]))


def damping(places: list[Steps]) -> float:
    """Damping of the diurnal cycle that fits the mean cycles of months best, each scaled to its own amplitude."""
    error = np.zeros(len(DAMPING))
    for s in places:
        sky = sky_of(s.days, s.latitude, s.longitude)
        month = s.month
        t = s.values["t"]
        anomaly = t - t.mean(axis=1, keepdims=True)
        for i, value in enumerate(DAMPING):
            shape = subdaily.diurnal(sky, 24, value)[:, :, 0].T
            for m in range(12):
                rows = (month == m) & np.isfinite(anomaly).all(axis=1)
                if rows.sum() < 40:
                    continue
                y, x = anomaly[rows].mean(axis=0), shape[rows].mean(axis=0)
                if x @ x > 0.0:
                    error[i] += np.mean((y - x * (x @ y) / (x @ x)) ** 2)
    return float(DAMPING[int(np.argmin(error))])


def clouds(
    places: list[Steps], limit: Regression, terms_of: dict[str, dict[str, Array]]
) -> tuple[float, float]:
    """Standard deviation and memory (hours) of the log-odds of clearness within the day, from its variogram to 5 h."""
    lags = np.arange(1, 6)
    total, number = np.zeros(5), np.zeros(5)
    for s in places:
        sky = sky_of(s.days, s.latitude, s.longitude)
        month = s.month
        clear_limit = np.ravel(limit(terms_of[s.name]))[month][:, None]
        top, height = sky.top[:, :, 0].T, sky.height[:, :, 0].T
        full = clear_limit * top * np.maximum(height, 1e-6) ** subdaily.AIR_MASS_POWER
        # the daily limit belongs to the mean of the day
        full *= (clear_limit * top).mean(axis=1, keepdims=True) / np.maximum(
            full.mean(axis=1, keepdims=True), 1e-9
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            share = s.values["sw"] / full
        odds = np.where(height > HIGH_SUN, logit(np.clip(share, 0.02, 0.98)), np.nan)
        known = np.isfinite(odds)
        day = np.where(known, np.clip(share, 0.0, 1.0), 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        odds = odds[(day > 0.15) & (day < 0.92)]
        for i, lag in enumerate(lags):
            squares = (odds[:, lag:] - odds[:, :-lag]) ** 2
            total[i] += np.nansum(squares)
            number[i] += np.isfinite(squares).sum()
    gamma = 0.5 * total / number

    def residual(x: Array) -> Array:
        return np.exp(x[0]) * (1.0 - np.exp(-lags / np.exp(x[1]))) - gamma

    found = optimize.least_squares(residual, np.log([gamma[-1], 2.0])).x
    return float(np.sqrt(np.exp(found[0]))), float(np.exp(found[1]))


def amplitude_of_range(t: Array, spread: Array, shape: Array) -> Array:
    """Diurnal amplitude ``[day]`` for which daily means ``t [day + 2]`` and a ``shape [step, day]`` give the measured range
    (maximum minus minimum) ``spread [day]``; 0 where the change between days alone is larger. By bisection."""
    between = subdaily.with_neighbours(t[:, None], shape.shape[0])[:, :, 0]
    low, high = np.zeros_like(spread), np.full_like(spread, 40.0)
    for _ in range(16):
        middle = 0.5 * (low + high)
        course = between + middle * shape
        less = course.max(axis=0) - course.min(axis=0) < spread
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return np.where(np.isfinite(spread + between.sum(axis=0)), low, np.nan)


def amplitudes(s: Station, damped: float) -> tuple[Array, Array]:
    """Diurnal amplitude (K) and mean saturation pressure (Pa) ``[day]`` of a station's days, as the generator would have
    them; NaN on the first and the last day."""
    sky = sky_of(s.days[1:-1], s.latitude, s.longitude)
    shape = subdaily.diurnal(sky, 24, damped)[:, :, 0]
    found = np.full(len(s.days), np.nan)
    found[1:-1] = amplitude_of_range(s.values["t"], s.values["range"][1:-1], shape)
    course = subdaily.with_neighbours(s.values["t"][:, None], 24)[:, :, 0] + found[1:-1] * shape
    saturated = np.full(len(s.days), np.nan)
    saturated[1:-1] = saturation_pressure(course + 273.15).mean(axis=0)
    return found, saturated


def wet_share(
    rains: list[tuple[str, Array, Array]], least_hour: float, least_day: float
) -> tuple[float, float, float]:
    """Log-odds of the share of wet hours of a wet day: constant, times log of the amount (mm), times temperature over 10 K.
    Maximum likelihood of a binomial law by Newton steps, every place with the same weight a day."""
    rows, wet = [], []
    for _, rain, t in rains:
        total = rain.sum(axis=1)
        keep = total >= least_day
        rows.append(np.stack([np.ones(keep.sum()), np.log(total[keep]), t[keep] / 10.0], axis=1))
        wet.append((rain[keep] >= least_hour).mean(axis=1))
    x, y = np.concatenate(rows), np.concatenate(wet)
    b = np.zeros(3)
    for _ in range(30):
        p = expit(x @ b)
        b = b + np.linalg.solve(x.T @ (x * (p * (1.0 - p))[:, None]), x.T @ (y - p))
    return float(b[0]), float(b[1]), float(b[2])


def shower_power(
    rains: list[tuple[str, Array, Array]], share: tuple[float, float, float], hours: float, least_day: float
) -> float:
    """Exponent of intensities within a day for which the wettest hour has, on average, the measured part of the day."""
    rain = np.concatenate([r for _, r, _ in rains])
    t = np.concatenate([x for _, _, x in rains])
    total = rain.sum(axis=1)
    keep = total >= max(least_day, 2.0)
    rain, t, total = rain[keep], t[keep], total[keep]
    measured = float((rain.max(axis=1) / total).mean())
    noise = standard_normal(1, "fit", 0, (len(total), 48))
    memory = np.exp(-1.0 / hours)
    cloud = np.zeros((len(total), 48))
    for h in range(1, 48):
        cloud[:, h] = memory * cloud[:, h - 1] + np.sqrt(1.0 - memory**2) * noise[:, h]
    cloud = cloud[:, 24:].T
    wet = expit(share[0] + share[1] * np.log(total) + share[2] * t / 10.0)
    error = [
        abs(float((subdaily.rain(np.ones_like(total), cloud, wet, power).max(axis=0)).mean()) - measured)
        for power in POWERS
    ]
    return float(POWERS[int(np.argmin(error))])


def longwave(
    stations: list[Station], limit: Regression, terms_of: dict[str, dict[str, Array]]
) -> tuple[float, float, float]:
    """Gain of the clear-sky emissivity, weight and power of cloud cover, least squares on days with measured long-wave."""
    t: list[Array] = []
    e: list[Array] = []
    cloud: list[Array] = []
    lw: list[Array] = []
    for s in stations:
        sun = daily_sun(noons(s.days), np.array([s.latitude]))[0][:, 0]
        clear = s.values["sw"] / np.maximum(np.ravel(limit(terms_of[s.name]))[s.month] * sun, 1.0)
        kelvin = s.values["t"] + 273.15
        vapour = np.maximum(saturation_pressure(kelvin) - 100.0 * s.values["vpd"], 30.0)
        good = np.isfinite(clear + vapour + s.values["lw"]) & (sun > 60.0)
        weight = max(1, good.sum() // 1500)  # places with long records count as the others
        for into, value in (
            (t, kelvin),
            (e, vapour),
            (cloud, 1.0 - np.clip(clear, 0.0, 1.0)),
            (lw, s.values["lw"]),
        ):
            into.append(value[good][::weight])
    a, b, c, measured = (np.concatenate(x) for x in (t, e, cloud, lw))

    def residual(x: Array) -> Array:
        return (subdaily.longwave(a, b, c, x[0], np.exp(x[1]), np.exp(x[2])) - measured) / (SB * a**4)

    found = optimize.least_squares(
        residual, np.array([1.0, np.log(0.8), 0.0]), loss="soft_l1", f_scale=0.05
    ).x
    return float(found[0]), float(np.exp(found[1])), float(np.exp(found[2]))
