"""Daily weather from latent fields: what the climate prescribes, and the transforms.

Every transform is a function of one standard normal number a day and of monthly parameters; the numbers that make monthly
means come out exactly (`conditioning`) are parameters too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from elterra.errors import InputError
from elterra.forcing._fill import barometric
from elterra.forcing.humidity import saturation_pressure
from elterra.forcing.weather.climate import MonthlyClimate, monthly_sun
from elterra.forcing.weather.coefficients import FIELDS, Coefficients, terms

Array = NDArray[np.float64]
#: irradiance (W m-2) under which a month counts as polar night and its radiation is not conditioned
DARK = 2.0
#: share of the irradiance at the top of the atmosphere that no day exceeds
CLEAREST = 0.92
#: share of the mean of wet days that every wet day has at most in advance of its random part
LEAST_SHARE = 0.2


@dataclass(frozen=True)
class Prescription:
    """Monthly parameters ``[12, cell]`` of the daily model; ``mixing [field, field, 12, cell]``.

    Radiation, vapour pressure: targets in W m-2 and Pa. rain: mm d-1; wet: share of wet days; least: part of a wet day's
    amount (mm) that is not random; range: mean diurnal amplitude, K.
    """

    mixing: Array
    temperature: Array
    temperature_sd: Array
    temperature_skew: Array
    rain: Array
    wet: Array
    least: Array
    clear_limit: Array
    radiation: Array
    clear_sd: Array
    range: Array
    range_spread: Array
    range_target: Array | None
    vapour: Array
    humid_sd: Array
    wind: Array
    pressure: Array
    pressure_sd: Array
    longwave: Array | None
    rain_power: Array
    wind_sd: float

    def month(self, index: int) -> Prescription:
        """Parameters ``[cell]`` of month ``index`` (0..11)."""
        chosen: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            chosen[f.name] = value[..., index, :] if isinstance(value, np.ndarray) else value
        return Prescription(**chosen)


def prescribe(climate: MonthlyClimate, c: Coefficients) -> Prescription:
    """Monthly parameters of a climate; what it does not give is estimated from what it gives."""
    sun, _ = monthly_sun(climate.latitude)
    known = terms(climate)
    clear_limit, radiation = _light(climate, c, sun, known)
    clearness = np.clip(radiation / np.maximum(clear_limit * sun, 1e-9), 0.03, 0.93)
    known = terms(climate, clearness)
    rain = climate.precipitation
    wet = given_or(climate.wet_fraction, rain / np.maximum(c.estimate("wet_amount", known), 1e-6))
    wet = np.where(rain > 0.0, np.clip(wet, 1e-3, 0.97), 0.0)
    least = np.minimum(c.wet_limit, LEAST_SHARE * rain / np.maximum(wet, 1e-3))
    amplitude = c.estimate("range", known)
    if climate.diurnal_range is not None:
        share = c.numbers["amplitude_of_range"]
        amplitude = given_or(np.maximum(climate.diurnal_range * share, 0.05), amplitude)
    saturated = saturation_pressure(climate.temperature)
    vapour = given_or(climate.vapour_pressure, c.estimate("humid", known) * saturated)
    wind = given_or(climate.wind, np.full(rain.shape, c.numbers["wind_mean"]))
    return Prescription(
        mixing=c.mixing(sun),
        temperature=climate.temperature,
        temperature_sd=c.estimate("temperature_sd", known),
        temperature_skew=c.estimate("temperature_skew", known),
        rain=rain,
        wet=wet,
        least=least,
        clear_limit=clear_limit,
        radiation=radiation,
        clear_sd=c.estimate("clear_sd", known),
        range=amplitude,
        range_spread=c.estimate("range_spread", known),
        range_target=climate.diurnal_range,
        vapour=vapour,
        humid_sd=c.estimate("humid_sd", known),
        wind=wind,
        pressure=barometric_mean(climate),
        pressure_sd=c.estimate("pressure_sd", known),
        longwave=climate.longwave,
        rain_power=c.estimate("rain_power", known | {"w": wet}),
        wind_sd=c.numbers["wind_sd"],
    )


def given_or(given: Array | None, estimate: Array) -> Array:
    """What is given where it is, else the estimate."""
    return estimate if given is None else np.where(np.isfinite(given), given, estimate)


def _light(
    climate: MonthlyClimate, c: Coefficients, sun: Array, known: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Share of the irradiance above the atmosphere that clear days let through, and monthly means of the radiation."""
    limit = c.estimate("clear_limit", known)
    estimate = c.estimate("clearness", known) * limit * sun
    if climate.radiation is None:
        return limit, estimate
    bad = (sun >= DARK) & (climate.radiation > 0.85 * CLEAREST * sun)
    if bad.any():
        m, cell = np.argwhere(bad)[0]
        raise InputError(
            f"{climate.name}: radiation of month {m + 1} in cell {cell} is {climate.radiation[m, cell]:.1f} W m-2, more "
            f"than {0.85 * CLEAREST:.2f} of the {sun[m, cell]:.1f} W m-2 above the atmosphere. Check unit and months."
        )
    radiation = given_or(climate.radiation, estimate)
    radiation = np.where(sun < DARK, np.minimum(radiation, 0.7 * limit * sun), radiation)
    return np.clip(radiation / np.maximum(sun, 1e-9) / 0.85, limit, CLEAREST), radiation


def barometric_mean(climate: MonthlyClimate) -> Array:
    """Mean pressure (Pa) ``[12, cell]`` of the elevation and the mean temperature."""
    return np.stack([np.asarray(barometric(climate.elevation, t)) for t in climate.temperature])  # type: ignore[arg-type]


def latent(y: Mapping[str, Array], mixing: Array) -> dict[str, Array]:
    """Correlated standard normal numbers ``[day, cell]`` by field from independent ones and the factors of a month."""
    out = {}
    for i, name in enumerate(FIELDS):
        z = mixing[i, 0] * y[FIELDS[0]]
        for j in range(1, i + 1):
            z = z + mixing[i, j] * y[FIELDS[j]]
        out[name] = z
    return out


def skewed(z: Array, g: Array) -> Array:
    """Mean 0, sd 1, skewness near ``3 g``: Tukey's g transform ``(exp(g z) - 1) / g``, standardised."""
    g = np.where(np.abs(g) < 1e-3, 1e-3, g)
    mean = np.expm1(0.5 * g**2) / g
    sd = np.sqrt(np.expm1(g**2) * np.exp(g**2)) / np.abs(g)
    return (np.expm1(g * z) / g - mean) / sd


def excess(z: Array, threshold: Array, power: Array) -> Array:
    """Random part of the amount of wet days ``[day, cell]`` over its mean; 0 on dry days.

    A day is wet where ``z`` exceeds the threshold; how far it does so is the quantile of its amount, which follows a
    Weibull law of shape ``1 / power`` (Wilson and Toumi 2005 on stretched exponential tails of rain).
    """
    wet = z > threshold
    tail = special.log_ndtr(-np.where(wet, z, threshold)) - special.log_ndtr(-threshold)
    amount = np.maximum(-tail, 0.0) ** power / special.gamma(1.0 + power)
    return np.where(wet, amount, 0.0)


def amplitude(z: Array, mean: Array, spread: Array) -> Array:
    """Diurnal amplitude (K) ``[day, cell]``: square of a shifted normal number, never negative, with the given mean."""
    return mean * (1.0 + spread * z) ** 2 / (1.0 + spread**2)


def towards(x: Array, bound: Array, closing: Array) -> Array:
    """``x`` (0..bound) scaled down by ``closing`` where that is at most 1, else its distance to ``bound`` by
    ``2 - closing``: the mean moves and no value leaves the bounds."""
    return np.where(closing <= 1.0, closing * x, bound - (2.0 - closing) * (bound - x))


def closing_of(mean: Array, bound: Array, target: Array) -> Array:
    """The ``closing`` with which `towards` gives a mean of ``target``, from the means of value and bound."""
    down = target / np.maximum(mean, 1e-300)
    up = 2.0 - (bound - target) / np.maximum(bound - mean, 1e-300)
    return np.where(target <= mean, down, np.clip(up, 1.0, 2.0))
