"""From days to steps of an hour or half an hour. Every variable keeps the mean of its day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from elterra.forcing import solar
from elterra.forcing._fill import SB
from elterra.forcing.weather._calendar import quadratic
from elterra.forcing.weather.climate import half_day
from elterra.forcing.weather.coefficients import expit, logit
from elterra.forcing.weather.daily import CLEAREST, closing_of, towards

Array = NDArray[np.float64]
#: harmonics of the diurnal cycle of temperature; half days (rad) at which the shape is tabulated
HARMONICS, SHAPES = 5, 48
#: exponent of the smooth minimum that keeps vapour below saturation
SMOOTH_MIN = 8.0
#: clear-sky irradiance goes as cos zenith ** 1.15 (Adnot et al. 1979): one power is in the irradiance above the atmosphere
AIR_MASS_POWER = 0.15
#: share of the irradiance above the atmosphere that no step exceeds
STEP_LIMIT = 0.95


@cache
def shape_table(damping: float) -> Array:
    """Cosine and sine coefficients ``[SHAPES, 2, HARMONICS]`` of the diurnal cycle by half day: range 1, mean 0.

    Air over ground that takes up heat by conduction, heated by the sun: harmonic n of the forcing max(cos h - cos H, 0) is
    divided by ``damping + sqrt(i n)``. Without damping this is the surface temperature of a half space (lag 3 h, cooling as
    the square root of time in the night); damping is exchange with the air above.
    """
    h = (np.arange(1440) + 0.5) * 2.0 * np.pi / 1440 - np.pi
    out = np.zeros((SHAPES, 2, HARMONICS))
    order = np.arange(1, HARMONICS + 1)
    response = 1.0 / (damping + np.sqrt(1j * order))
    for i, half in enumerate(np.linspace(0.15, np.pi, SHAPES)):
        forcing = np.maximum(np.cos(h) - np.cos(half), 0.0)
        a = (2.0 / h.size) * (forcing[:, None] * np.cos(np.outer(h, order))).sum(axis=0)
        c = a * response
        cycle = (np.exp(1j * np.outer(h, order)) * c).real.sum(axis=1)
        c = c / (cycle.max() - cycle.min())
        out[i] = c.real, -c.imag
    return out


@dataclass(frozen=True)
class Sky:
    """Sun of days ``[day, cell]`` and steps ``[step of day, day, cell]``."""

    half: Array
    turn: Array
    top: Array
    height: Array

    @classmethod
    def of(cls, days: NDArray[np.int64], steps: int, latitude: Array, longitude: Array) -> Sky:
        """The declination and the equation of time are those of noon, so that the steps sum to the day's irradiance.

        ``half`` hour angle of sunset, ``turn`` hour angle minus that of UTC, ``top`` irradiance above the atmosphere,
        ``height`` mean cosine of the zenith angle over a step.
        """
        noon = days.astype("datetime64[D]").astype("datetime64[ns]") + np.timedelta64(12, "h")
        decl = solar.declination(noon)[:, None]
        lat = np.deg2rad(latitude)[None]
        a, b = np.sin(lat) * np.sin(decl), np.cos(lat) * np.cos(decl)
        half = half_day(a, b)
        turn = np.deg2rad(longitude)[None] + solar.equation_of_time(noon)[:, None] * np.pi / 12.0
        width = np.pi / steps
        height = np.empty((steps, *half.shape))
        for s in range(steps):
            centre = np.mod((2 * s + 1) * width + turn, 2.0 * np.pi) - np.pi
            total = np.zeros(half.shape)
            for round_ in (-2.0 * np.pi, 0.0, 2.0 * np.pi):
                low = np.maximum(centre - width, round_ - half)
                high = np.maximum(low, np.minimum(centre + width, round_ + half))
                total += a * (high - low) + b * (np.sin(high) - np.sin(low))
            height[s] = np.maximum(total / (2.0 * width), 0.0)
        top = solar.SOLAR_CONSTANT * solar.inverse_distance_squared(noon)[:, None] * height
        return cls(half, turn, top, height)


def diurnal(sky: Sky, steps: int, damping: float) -> Array:
    """Shape ``[step, day, cell]`` of the diurnal cycle of temperature: range about 1, mean 0."""
    table = shape_table(damping).reshape(SHAPES, -1)
    position = np.clip((sky.half - 0.15) / (np.pi - 0.15), 0.0, 1.0) * (SHAPES - 1)
    low = np.minimum(position.astype(int), SHAPES - 2)
    part = position - low
    out = np.zeros((steps, *sky.half.shape))
    angle = (2 * np.arange(steps) + 1) * np.pi / steps - np.pi
    for n in range(HARMONICS):
        p = table[low, n] * (1.0 - part) + table[low + 1, n] * part
        q = table[low, HARMONICS + n] * (1.0 - part) + table[low + 1, HARMONICS + n] * part
        c, s = np.cos((n + 1) * sky.turn), np.sin((n + 1) * sky.turn)
        cosine, sine = p * c + q * s, q * c - p * s
        for k in range(steps):
            out[k] += cosine * np.cos((n + 1) * angle[k]) + sine * np.sin((n + 1) * angle[k])
    # no sun, no cycle: faded out over the half days that the table does not reach
    return out * np.clip(sky.half / 0.15, 0.0, 1.0)


def with_neighbours(days: Array, parts: int) -> Array:
    """`quadratic` of the inner days of ``days [day, cell]``: ``[part, day - 2, cell]``."""
    return quadratic(days[:-2], days[1:-1], days[2:], parts)


def temperature(days: Array, amplitude: Array, shape: Array) -> Array:
    """Temperature (K) ``[step, day, cell]``; ``days`` with a day more on each side."""
    return with_neighbours(days, shape.shape[0]) + amplitude * shape


def between_days(days: Array, parts: int) -> Array:
    """Linear between the middles of days: ``[part, day - 2, cell]`` of ``days`` with one more on each side."""
    middle = ((np.arange(parts) + 0.5) / parts - 0.5).reshape(parts, 1, 1)
    here = days[1:-1]
    return here + np.where(middle < 0.0, middle * (here - days[:-2]), middle * (days[2:] - here))


def clearness_steps(clear_days: Array, cloud: Array, spread: float) -> Array:
    """Clearness (0..1) ``[step, day, cell]`` from that of days (one more on each side) and the field within the day."""
    odds = logit(np.clip(clear_days, 1e-4, 1.0 - 1e-4))
    return expit(between_days(odds, cloud.shape[0]) + spread * cloud)


def shortwave(day: Array, limit: Array, clear: Array, sky: Sky) -> Array:
    """Short-wave (W m-2) ``[step, day, cell]`` with day means ``day``, at most `STEP_LIMIT` of that above the atmosphere.

    ``limit [cell]`` is the clear-sky share of the irradiance above the atmosphere, ``clear`` the clearness of steps.
    """
    bound = STEP_LIMIT * sky.top
    raw = np.minimum(limit, CLEAREST) * clear * sky.top * np.maximum(sky.height, 1e-6) ** AIR_MASS_POWER
    raw = np.minimum(raw, bound)
    return towards(raw, bound, closing_of(raw.mean(axis=0), bound.mean(axis=0), day))


def vapour(day: Array, saturated: Array) -> Array:
    """Vapour pressure (Pa) ``[step, day, cell]`` with day means ``day``, below saturation: even over the day as far as the
    cold hours can hold it, the rest in the warm ones."""
    x = day / saturated
    raw = day / (1.0 + x**SMOOTH_MIN) ** (1.0 / SMOOTH_MIN)
    return towards(raw, saturated, closing_of(raw.mean(axis=0), saturated.mean(axis=0), day))


def rain(day: Array, cloud: Array, wet_share: Array, power: float) -> Array:
    """Amount of steps ``[step, day, cell]`` (unit of ``day``) that sum to the day's: it rains in the cloudiest steps.

    ``wet_share [day, cell]`` is the share of steps that are wet; in them the amount goes as the ``power`` of how far the
    field lies beyond its threshold.
    """
    field = -cloud
    threshold = np.minimum(-special.ndtri(np.clip(wet_share, 1e-3, 0.999)), field.max(axis=0) - 0.3)
    weight = np.maximum(field - threshold, 0.0) ** power
    return day * (weight / weight.sum(axis=0))


def longwave(
    t: Array, vapour_pressure: Array, cloud: Array, gain: float, weight: float, power: float
) -> Array:
    """Incoming long-wave (W m-2): clear-sky emissivity of Prata (1996) times ``gain``, with cloud cover closing a part
    ``weight x cloud^power`` of what lacks to one."""
    water = 46.5 * (vapour_pressure / 100.0) / t
    clear = gain * (1.0 - (1.0 + water) * np.exp(-np.sqrt(1.2 + 3.0 * water)))
    return (clear + (1.0 - clear) * np.minimum(weight * cloud**power, 1.0)) * SB * t**4


def wind(day: Array, sun_day: Array, shape: Array, gain: float) -> Array:
    """Wind (m s-1) ``[step, day, cell]`` with day means ``day``: stronger by day, the more so the more sun (W m-2)."""
    return day * (1.0 + np.minimum(gain * sun_day / 300.0, 0.9) * shape)


def cloud_steps(hourly: Array, steps: int, hours: float) -> Array:
    """Field of unit variance at the middles of steps ``[step, day, cell]`` from its values at full hours
    ``[24 day + 1, cell]``, whose correlation falls by e in ``hours``."""
    days = (len(hourly) - 1) // 24
    position = (np.arange(steps * days) + 0.5) * 24.0 / steps
    low = position.astype(int)
    part = (position - low)[:, None]
    values = hourly[low] * (1.0 - part) + hourly[low + 1] * part
    # between two numbers the variance is less than one
    keep = np.sqrt((1.0 - part) ** 2 + part**2 + 2.0 * part * (1.0 - part) * np.exp(-1.0 / hours))
    return np.swapaxes((values / keep).reshape(days, steps, -1), 0, 1)
