"""Latent Gaussian fields over the earth: coherent in space and time, drawn from counters, evaluated anywhere.

A field is a sum of plane waves in three dimensions, read off on the sphere:
``y(x, t) = sum_m sqrt(W_m) (a_m(t) cos k_m x + b_m(t) sin k_m x)`` with ``sum_m W_m = 1``, so that its variance is one at
every point; its correlation is ``sum_m W_m cos k_m (x - x')``, a quadrature of the Matern covariance of the chord between
two places. The memory in time is in the coefficients, which know nothing of places. A place costs one row of the basis, no
pair of places is ever formed, and a value depends on the place, the seed and the day alone.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.forcing.weather._calendar import MONTHS, days_of_year, year_month
from elterra.forcing.weather._random import standard_normal

Array = NDArray[np.float64]
EARTH_RADIUS_KM = 6371.0
#: waves of the daily fields and of the field within the day
DAILY_WAVES, HOURLY_WAVES = 384, 128
#: longest and shortest wave, as 1/k in km
DAILY_BAND, HOURLY_BAND = (6000.0, 3.0), (1500.0, 2.0)
#: days before 1 January at which the recursion of a year begins; what came before has decayed by then
WARM_UP = 90
#: slow part: monthly numbers weighted by a Gaussian of this width (months), over as many months on each side
SLOW_WIDTH, SLOW_REACH = 0.8, 3


@dataclass(frozen=True)
class Spectrum:
    """Waves of unit variance: vectors ``k [wave, 3]`` (rad km-1) and weights ``[field, wave]``, rows sum to one."""

    k: Array
    weight: Array


def spectrum(length_km: Array, smoothness: Array, waves: int, band: tuple[float, float]) -> Spectrum:
    """Waves for Matern fields of ``length_km [field]`` and ``smoothness [field]`` (0.5: exponential).

    Wave numbers are log-spaced over ``band``; directions follow the golden spiral, shuffled by the golden ratio so that
    neighbours in wave number point elsewhere. The Matern density in three dimensions goes as
    ``(1 + k^2 L^2)^-(nu + 3/2)`` (Stein 1999, Interpolation of Spatial Data).
    """
    m = np.arange(waves)
    low, high = np.log(1.0 / band[0]), np.log(1.0 / band[1])
    radius = np.exp(low + (high - low) * (m + 0.5) / waves)
    golden = 0.5 * (1.0 + np.sqrt(5.0))
    place = np.argsort(np.argsort((m * (golden - 1.0)) % 1.0))
    z = 1.0 - (place + 0.5) / waves  # half of the sphere: k and -k are the same wave
    turn = 2.0 * np.pi * ((place * golden) % 1.0)
    flat = np.sqrt(1.0 - z**2)
    k = radius[:, None] * np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
    length = np.asarray(length_km, float)[:, None]
    power = np.asarray(smoothness, float)[:, None] + 1.5
    weight = radius**3 * (1.0 + (radius * length) ** 2) ** -power
    return Spectrum(k, weight / weight.sum(axis=1, keepdims=True))


def correlation(of: Spectrum, distance_km: Array) -> Array:
    """Mean over directions of the correlation ``[field, ...]`` at chord distances (km)."""
    radius = np.sqrt((of.k**2).sum(axis=1))
    wave = np.sinc(radius * np.asarray(distance_km, float)[..., None] / np.pi)
    return np.stack([(wave * w).sum(axis=-1) for w in of.weight])


def basis(of: Spectrum, latitude: Array, longitude: Array) -> Array:
    """Cosines and sines ``[cell, 2 wave]`` of all waves at places in degrees. No reduction over cells, no BLAS: a row
    does not depend on the other rows."""
    lat, lon = np.deg2rad(latitude), np.deg2rad(longitude)
    x = EARTH_RADIUS_KM * np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    phase = x[0][:, None] * of.k[:, 0] + x[1][:, None] * of.k[:, 1] + x[2][:, None] * of.k[:, 2]
    phase = np.mod(phase, 2.0 * np.pi)
    return np.concatenate([np.cos(phase), np.sin(phase)], axis=1)


def evaluate(coefficients: Array, at: Array) -> Array:
    """Field ``[time, cell]`` of ``coefficients [time, 2 wave]`` on a basis ``[cell, 2 wave]``.

    `einsum` without BLAS adds the waves of each place in one fixed order: the bits do not depend on how many places or
    times are asked for, which those of a matrix product do.
    """
    return np.einsum(
        "tm,cm->tc", np.ascontiguousarray(coefficients), np.ascontiguousarray(at), optimize=False
    )


def slow_weights(days: NDArray[np.int64]) -> tuple[NDArray[np.int64], Array]:
    """Months ``[day, 2 reach + 1]`` and weights of unit square sum that make the slow part of ``days``."""
    date = days.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    number = month.astype(np.int64)
    first = month.astype("datetime64[D]")
    length = ((month + 1).astype("datetime64[D]") - first).astype(float)
    position = number + ((date - first).astype(float) + 0.5) / length
    months = number[:, None] + np.arange(-SLOW_REACH, SLOW_REACH + 1)
    weight = np.exp(-0.5 * ((position[:, None] - (months + 0.5)) / SLOW_WIDTH) ** 2)
    return months, weight / np.sqrt((weight**2).sum(axis=1, keepdims=True))


def slow_autocorrelation(lags: NDArray[np.int64]) -> Array:
    """Correlation of the slow part over ``lags`` days, mean over a year."""
    start = np.arange(365)
    months, weight = slow_weights(np.arange(365 + int(lags.max()) + 1))
    full = np.zeros((len(months), int(months.max() - months.min()) + 1))
    np.put_along_axis(full, months - months.min(), weight, axis=1)
    return np.array([np.mean((full[start] * full[start + lag]).sum(axis=1)) for lag in lags])


class DailyFields:
    """Coefficients of the daily fields of any day.

    Each field is a first-order autoregression in time (``memory [field]``, correlation from day to day) of which the share
    ``slow [field]`` of the variance is a part that changes over months: weather regimes and the differences between years.
    """

    def __init__(self, seed: int, of: Spectrum, memory: Array, slow: Array, leap_days: bool = True) -> None:
        self.seed, self.of, self.leap_days = seed, of, leap_days
        self.memory, self.slow = np.asarray(memory, float), np.asarray(slow, float)
        self._amplitude = np.sqrt(np.concatenate([of.weight, of.weight], axis=1))
        self._years: OrderedDict[int, Array] = OrderedDict()

    def coefficients(self, month: int) -> Array:
        """``[day, field, 2 wave]`` of a month (`month_number`)."""
        year, of_year = year_month(month)
        days = days_of_year(year, self.leap_days)
        wanted = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) == month
        del of_year
        return self._year(year)[wanted]

    def _year(self, year: int) -> Array:
        if year in self._years:
            self._years.move_to_end(year)
            return self._years[year]
        days = days_of_year(year, self.leap_days)
        shape = self._amplitude.shape
        keep = self.memory[:, None]
        # a year begins its own recursion, so that it needs no year before it: at its first day the numbers of two
        # neighbouring years differ by memory**WARM_UP
        state = standard_normal(self.seed, "day", int(days[0]) - WARM_UP, shape)
        for day in range(int(days[0]) - WARM_UP + 1, int(days[0])):
            state = keep * state + np.sqrt(1.0 - keep**2) * standard_normal(self.seed, "day", day, shape)
        out = np.empty((len(days), *shape))
        for i, day in enumerate(days):
            state = keep * state + np.sqrt(1.0 - keep**2) * standard_normal(self.seed, "day", int(day), shape)
            out[i] = state
        months, weight = slow_weights(days)
        numbers = {
            int(m): standard_normal(self.seed, "month", int(m), shape)
            for m in range(int(months.min()), int(months.max()) + 1)
        }
        fast_part, slow_part = np.sqrt(1.0 - self.slow)[:, None], np.sqrt(self.slow)[:, None]
        for i in range(len(days)):
            drift = np.zeros(shape)
            for m, w in zip(months[i], weight[i], strict=True):
                drift = drift + w * numbers[int(m)]
            out[i] = (fast_part * out[i] + slow_part * drift) * self._amplitude
        self._years[year] = out
        while len(self._years) > MONTHS // 4:
            self._years.popitem(last=False)
        return out


class HourlyField:
    """One field at the full hours of any day: clouds and showers within the day. Memory ``hours`` (e-folding)."""

    REACH = 24

    def __init__(self, seed: int, of: Spectrum, hours: float) -> None:
        self.seed, self._amplitude = seed, np.sqrt(np.concatenate([of.weight[0], of.weight[0]]))
        weight = np.exp(-np.arange(self.REACH) / hours)
        self._weight = weight / np.sqrt((weight**2).sum())

    def coefficients(self, first_day: int, days: int) -> Array:
        """``[24 days + 1, 2 wave]`` at the full hours from 0 UTC of ``first_day`` to 24 UTC of the last day."""
        noise = np.concatenate(
            [
                standard_normal(self.seed, "hour", day, (24, self._amplitude.size))
                for day in range(first_day - 1, first_day + days + 1)
            ]
        )
        hours = 24 * days + 1
        out = np.zeros((hours, self._amplitude.size))
        for lag, weight in enumerate(self._weight):
            out = out + weight * noise[24 - lag : 24 - lag + hours]
        return out * self._amplitude
