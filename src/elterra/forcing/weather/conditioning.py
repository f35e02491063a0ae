"""Numbers that make the means of the normal period equal the climate's, found from the very days that are generated.

The latent fields of any day are known in advance (counters), so the mean of every month over the normal period can be
computed before a single day is written. What moves a mean does so inside the transform of that variable: a shift of
temperature, a factor on amounts, a shift of the log-odds of clearness and of relative humidity with a remainder that moves
values towards their bounds. Nothing is clipped afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from elterra.errors import InputError
from elterra.forcing.weather import daily
from elterra.forcing.weather.coefficients import expit, logit
from elterra.forcing.weather.daily import Prescription

Array = NDArray[np.float64]
#: Newton steps for a shift of log-odds; what they leave (below 1e-8) the closing takes
STEPS = 12
#: how far below the largest number of its group the threshold of rain lies where a rainy month would have no wet day
ONE_DAY = 0.1
#: threshold of a month without rain, in standard deviations
NEVER = 30.0


@dataclass
class Normals:
    """Conditioning numbers ``[12, cell]``. ``amplitude`` multiplies the diurnal amplitude; ``longwave`` is None where the
    climate gives none."""

    threshold: Array
    least: Array
    rain: Array
    temperature: Array
    clear: Array
    clear_closing: Array
    humid: Array
    humid_closing: Array
    wind: Array
    pressure: Array
    amplitude: Array
    longwave: Array | None = None

    @classmethod
    def empty(cls, cells: int) -> Normals:
        """All numbers NaN."""
        return cls(*(np.full((12, cells), np.nan) for _ in range(11)))


def rain_threshold(z: Array, wet: Array) -> Array:
    """Threshold ``[cell]`` for a share ``wet`` of wet days; at least one day of ``z [day, cell]`` is wet where it rains."""
    with np.errstate(divide="ignore"):
        threshold = -special.ndtri(wet)
    return np.where(wet > 0.0, np.minimum(threshold, z.max(axis=0) - ONE_DAY), NEVER)


def rain_factor(random: Array, wet_days: Array, least: Array, total: Array) -> tuple[Array, Array]:
    """``(least, factor) [cell]`` with which ``least + factor x random`` on wet days sums to ``total``.

    ``least`` is lowered where the days that happen to be wet would use up half of the total.
    """
    least = np.minimum(least, 0.5 * total / np.maximum(wet_days, 1.0))
    return least, (total - least * wet_days) / np.maximum(random.sum(axis=0), 1e-300)


def shift_of(weight: Array, z: Array, sd: Array, target: Array, start: Array) -> tuple[Array, Array]:
    """Shift of log-odds and closing ``[cell]`` for which the mean of ``weight x expit(shift + sd z)`` is ``target``.

    ``weight``, ``z [day, cell]``. ``target`` must lie between 0 and the mean weight (checked by the caller).
    """
    mu = start
    full = weight.mean(axis=0)
    for _ in range(STEPS):
        p = expit(mu + sd * z)
        value = (weight * p).mean(axis=0) - target
        slope = (weight * p * (1.0 - p)).mean(axis=0)
        mu = mu - np.clip(value / np.maximum(slope, 1e-12 * np.maximum(full, 1e-12)), -1.5, 1.5)
    mean = (weight * expit(mu + sd * z)).mean(axis=0)
    return mu, daily.closing_of(mean, full, target)


def condition_first(m: Prescription, z: dict[str, Array], sun: Array, n: Normals, month: int) -> None:
    """Fill the numbers of a month that need no neighbouring day: rain, temperature, clearness, wind, pressure.

    ``m`` the parameters of the month, ``z`` latent numbers ``[day, cell]`` of that month in all years of the normal period,
    ``sun`` irradiance above the atmosphere of the same days.
    """
    days = len(sun)
    n.threshold[month] = rain_threshold(z["rain"], m.wet)
    random = daily.excess(z["rain"], n.threshold[month], m.rain_power)
    wet_days = (z["rain"] > n.threshold[month]).sum(axis=0).astype(float)
    n.least[month], n.rain[month] = rain_factor(random, wet_days, m.least, m.rain * days)
    n.temperature[month] = -(m.temperature_sd * daily.skewed(z["temperature"], m.temperature_skew)).mean(
        axis=0
    )
    limit = m.clear_limit * sun
    full = limit.mean(axis=0)
    dark = full < 0.5 * daily.DARK
    target = np.where(dark, 0.6 * full, np.minimum(m.radiation, 0.97 * full))
    start = logit(np.clip(target / np.maximum(full, 1e-9), 0.02, 0.98))
    n.clear[month], n.clear_closing[month] = shift_of(limit, z["clear"], m.clear_sd, target, start)
    n.clear[month] = np.where(dark, 0.4, n.clear[month])
    n.clear_closing[month] = np.where(dark, 1.0, n.clear_closing[month])
    n.wind[month] = 1.0 / np.exp(m.wind_sd * z["wind"]).mean(axis=0)
    n.pressure[month] = -(m.pressure_sd * z["pressure"]).mean(axis=0)


def condition_humidity(
    m: Prescription, z: Array, saturated: Array, n: Normals, month: int, name: str
) -> None:
    """Fill the numbers of humidity of a month; ``saturated [day, cell]`` is the day's mean saturation pressure (Pa)."""
    full = saturated.mean(axis=0)
    bad = m.vapour > 0.995 * full
    if bad.any():
        cell = int(np.argmax(bad))
        raise InputError(
            f"{name}: vapour pressure {m.vapour[cell]:.0f} Pa of month {month + 1} in cell {cell} is above saturation "
            f"({full[cell]:.0f} Pa at its temperatures). Give a mean below it, or leave it out to have it estimated."
        )
    start = logit(np.clip(m.vapour / full, 0.02, 0.98))
    n.humid[month], n.humid_closing[month] = shift_of(saturated, z, m.humid_sd, m.vapour, start)


#: factors of the diurnal amplitude at which the mean range of temperature is looked at
TRIED = (0.6, 1.0, 1.5)


def amplitude_factor(ranges: Array, target: Array) -> Array:
    """Factor ``[cell]`` of the diurnal amplitude for a mean daily range of ``target`` (K).

    ``ranges [3, cell]`` are the mean ranges at the factors `TRIED`; linear between and beyond them, at least 0; 1 where the
    target is NaN. The range is no driver of the land: it is met to about a hundredth, not to round-off.
    """
    low, middle, high = ranges
    below = 1.0 + (target - middle) * (1.0 - TRIED[0]) / np.maximum(middle - low, 1e-6)
    above = 1.0 + (target - middle) * (TRIED[2] - 1.0) / np.maximum(high - middle, 1e-6)
    factor = np.clip(np.where(target < middle, below, above), 0.0, 4.0)
    return np.where(np.isfinite(target), factor, 1.0)
