"""Marginal distribution sampling, the gap-filling standard of FLUXNET.

Reichstein et al. (2005), appendix A: a missing half-hour gets the mean of measured half-hours under similar
weather close in time; windows grow until enough are found. Order of the methods and growth of the windows are
those in common use (Wutzler et al., 2018, section 2.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from elterra.product._time import Float, Time, as_time, hour_of_day
from elterra.product.baselines._base import Prediction, same_day_correlation

Method = Literal["weather", "radiation", "course"]


@dataclass(frozen=True)
class MarginalDistributionSampling:
    """Look-up by weather: radiation (W m-2), air temperature (degC or K) and vapour pressure deficit
    (hPa), `[time]`.

    Similar means within 50 W m-2 (20 where it is dark: the tolerance is the radiation itself held within
    20..50), 2.5 K and 5 hPa. The spread is the standard deviation of the half-hours that were averaged.
    """

    radiation: Float
    temperature: Float
    vpd: Float
    radiation_tolerance: tuple[float, float] = (20.0, 50.0)
    temperature_tolerance: float = 2.5
    vpd_tolerance: float = 5.0
    least: int = 2

    def __call__(self, time: Time, target: Float, wanted: NDArray[np.bool_]) -> Prediction:
        ask, donors = np.flatnonzero(wanted), np.flatnonzero(np.isfinite(target))
        mean, sd = self._fill(as_time(time), target, ask, donors)
        # errors of one day: refill every seventh measured day from the others
        check = donors[(as_time(time)[donors].astype("datetime64[D]").astype(int) % 7) == 3]
        others = np.setdiff1d(donors, check, assume_unique=True)
        guess, spread = self._fill(as_time(time), target, check, others)
        correlation = same_day_correlation(as_time(time)[check], target[check] - guess, spread)
        return Prediction.gaussian(mean, sd * _calibration(target[check] - guess, spread), correlation)

    def _fill(
        self, time: Time, target: Float, ask: NDArray[np.int64], donors: NDArray[np.int64]
    ) -> tuple[Float, Float]:
        mean, sd = np.full(ask.size, np.nan), np.full(ask.size, np.nan)
        if not ask.size or not donors.size:
            return mean, sd
        hours = (time - time[0]) / np.timedelta64(1, "h")
        clock = hour_of_day(time)
        for method, days in _schedule():
            open_ = np.flatnonzero(~np.isfinite(mean))
            if not open_.size:
                break
            for chunk in _chunks(open_, hours[ask], days):
                points = ask[chunk]
                low = np.searchsorted(hours[donors], hours[points[0]] - 24.0 * days - 12.0)
                high = np.searchsorted(hours[donors], hours[points[-1]] + 24.0 * days + 12.0, side="right")
                pool = donors[low:high]
                if not pool.size:
                    continue
                similar = self._similar(method, days, points, pool, hours, clock)
                weight = similar.astype(np.float64)
                count = weight.sum(axis=1)
                enough = count >= self.least
                safe = np.maximum(count, 1.0)
                centre = target[pool].mean()
                deviation = target[pool] - centre
                average = weight @ deviation / safe
                square = weight @ deviation**2 / safe
                mean[chunk[enough]] = centre + average[enough]
                # of a new half-hour: sample variance and the error of the mean
                variance = np.maximum(square - average**2, 0.0) * (safe + 1.0) / np.maximum(safe - 1.0, 1.0)
                sd[chunk[enough]] = np.sqrt(variance[enough])
        return mean, sd

    def _similar(
        self,
        method: Method,
        days: int,
        points: NDArray[np.int64],
        pool: NDArray[np.int64],
        hours: Float,
        clock: Float,
    ) -> NDArray[np.bool_]:
        lag = np.abs(hours[points][:, None] - hours[pool][None, :])
        if method == "course":
            apart = np.abs(clock[points][:, None] - clock[pool][None, :])
            near = np.minimum(apart, 24.0 - apart) <= 1.0
            return near & (lag <= 24.0 * days + 12.0)
        light = self.radiation[points]
        tolerance = np.clip(light, *self.radiation_tolerance)[:, None]
        similar = (lag <= 24.0 * days) & (np.abs(light[:, None] - self.radiation[pool][None, :]) < tolerance)
        if method == "weather":
            similar &= (
                np.abs(self.temperature[points][:, None] - self.temperature[pool][None, :])
                < self.temperature_tolerance
            )
            similar &= np.abs(self.vpd[points][:, None] - self.vpd[pool][None, :]) < self.vpd_tolerance
        return similar


def _calibration(residual: Float, spread: Float) -> float:
    """Factor that lets 90 % of the refilled measurements lie in the interval (few donors understate a
    spread)."""
    ok = np.isfinite(residual) & np.isfinite(spread) & (spread > 0)
    if ok.sum() < 50:
        return 1.0
    return float(np.clip(np.quantile(np.abs(residual[ok]) / spread[ok], 0.9) / 1.6449, 0.8, 2.0))


def _schedule() -> Iterator[tuple[Method, int]]:
    """Methods and half-widths (days) in the order in which they are tried."""
    yield "weather", 7
    yield "weather", 14
    yield "radiation", 7
    for days in (0, 1, 2):
        yield "course", days
    for days in range(21, 71, 7):
        yield "weather", days
    for days in range(14, 71, 7):
        yield "radiation", days
    for days in range(7, 211, 7):
        yield "course", days


def _chunks(
    index: NDArray[np.int64], hours: Float, days: int, most: int = 512
) -> Iterator[NDArray[np.int64]]:
    """Pieces of `index` that lie close together, so that each has a small pool of donors."""
    reach = max(5.0, float(days)) * 24.0
    start = 0
    while start < index.size:
        stop = int(np.searchsorted(hours[index], hours[index[start]] + reach, side="right"))
        stop = min(max(stop, start + 1), start + most)
        yield index[start:stop]
        start = stop
