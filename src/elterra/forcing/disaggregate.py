"""Daily weather as half-hours: sun by geometry, temperature by a daily course, rain in events.

For records that have days only. Daily means and sums of the result are those that were given. What the half-hours of a real
day do beside that is lost; `docs/science/towers.md` says by how much on records that have both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elterra.errors import InputError
from elterra.forcing import solar
from elterra.forcing.humidity import saturation_pressure

Array = NDArray[np.float64]
Times = NDArray[np.datetime64]

STEPS = 48  #: half-hours of a day
SECONDS = 1800.0
_HALF_HOUR = np.timedelta64(1800, "s")
#: the warmest hour after the sun's noon; bounds of half a day's length (h) where the sun does not set or rise
WARMEST_AFTER_NOON = 2.5
HALF_DAY = (4.0, 10.5)
#: share of the largest elevation's irradiance under which there is no day: the course of temperature is then flat
_DARK = 1e-6
#: relative size of the smallest event: hours that 0 mm and each further mm of a day take
EVENT_HOURS, HOURS_PER_MM = 2.0, 0.8


def half_hours(start: Times, utc_offset_h: float) -> Times:
    """UTC starts ``[48 * day]`` of the half-hours of days ``start [day]`` of local standard time."""
    day = np.asarray(start, "datetime64[D]").astype("datetime64[ns]")
    first = day - np.timedelta64(round(utc_offset_h * 3600), "s")
    return np.asarray(first[:, None] + np.arange(STEPS) * _HALF_HOUR, "datetime64[ns]").reshape(-1)


def shortwave(time: Times, mean: Array, latitude: float, longitude: float) -> Array:
    """Half-hours (W m-2) of daily means ``mean [day]``: the course at the top of the atmosphere times one number a day.

    A day without sun has none, whatever the mean (a radiometer's offset).
    """
    toa = solar.top_of_atmosphere(time, SECONDS, latitude, longitude).reshape(-1, STEPS)
    level = toa.mean(axis=1)
    share = np.where(level > _DARK, np.asarray(mean, float) / np.where(level > _DARK, level, 1.0), 0.0)
    return (np.maximum(share, 0.0)[:, None] * toa).reshape(-1)


def temperature(
    time: Times, mean: Array, low: Array, high: Array, latitude: float, longitude: float
) -> Array:
    """Half-hours of daily ``mean``, ``low``, ``high`` ``[day]``, in their unit.

    The change from day to day is a line from noon to noon through the means. Upon it lies the course of the sun: from the
    coldest half-hour, at sunrise, to the warmest, `WARMEST_AFTER_NOON` hours after the sun's noon, and on to the coldest
    of the next day by half waves of a cosine; its range is that of the day less what the line itself covers. A number a
    day then puts the mean right.
    """
    mean, low, high = (np.asarray(x, float) for x in (mean, low, high))
    days = mean.size
    noon = time.reshape(-1, STEPS)[:, STEPS // 2]
    hours = np.arange(days * STEPS) * 0.5 + 0.25
    line = np.interp(hours, 24.0 * np.arange(days) + 12.0, mean).reshape(-1, STEPS)
    swing = np.maximum(high - low - np.ptp(line, axis=1), 0.0)
    # hour of the local day at which the sun stands highest, and half the length of the day
    clock = (noon - noon.astype("datetime64[D]")).astype("timedelta64[s]").astype(float) / 3600.0
    ahead = clock + longitude / 15.0 + solar.equation_of_time(noon) - 12.0
    sun_noon = 12.0 - ((ahead + 12.0) % 24.0 - 12.0)
    half_day = np.clip(solar.day_length(latitude, solar.declination(noon)) / 7200.0, *HALF_DAY)
    offset = 24.0 * np.arange(days)
    coldest, warmest = offset + sun_noon - half_day, offset + sun_noon + WARMEST_AFTER_NOON
    knots = np.stack([coldest, warmest], axis=1).reshape(-1)
    values = np.stack([-0.5 * swing, 0.5 * swing], axis=1).reshape(-1)
    # the evening before the first day and the morning after the last are those of these days again
    knots = np.concatenate([[warmest[0] - 24.0], knots, [coldest[-1] + 24.0]])
    values = np.concatenate([[0.5 * swing[0]], values, [-0.5 * swing[-1]]])
    place = np.clip(np.searchsorted(knots, hours, side="right") - 1, 0, knots.size - 2)
    part = (hours - knots[place]) / (knots[place + 1] - knots[place])
    rise = 0.5 - 0.5 * np.cos(np.pi * np.clip(part, 0.0, 1.0))
    course = line + (values[place] + (values[place + 1] - values[place]) * rise).reshape(-1, STEPS)
    return np.asarray(course - course.mean(axis=1, keepdims=True) + mean[:, None]).reshape(-1)


def vapour_pressure_deficit(kelvin: Array, mean: Array) -> Array:
    """Half-hours (Pa) of daily means ``mean [day]`` (Pa): the vapour pressure is one number a day, temperature ``kelvin``
    ``[48 * day]`` does the rest; negative values are cut off and the mean is kept by a factor."""
    saturated = saturation_pressure(kelvin).reshape(-1, STEPS)
    mean = np.maximum(np.asarray(mean, float), 0.0)
    # more than what saturates is no vapour pressure: a hundredth of it is the least
    vapour = np.maximum(saturated.mean(axis=1) - mean, 0.01 * saturated.min(axis=1))
    deficit = np.maximum(saturated - vapour[:, None], 0.0)
    level = deficit.mean(axis=1)
    factor = np.where(level > 0.0, mean / np.where(level > 0.0, level, 1.0), 0.0)
    return (deficit * factor[:, None]).reshape(-1)


def precipitation(total: Array, seed: int) -> Array:
    """Half-hours (same unit a half-hour) of daily sums ``total [day]``: one event a day, the longer the more it rains.

    Its start is drawn uniformly over the day (counter of ``seed`` and day: the same weather at every call).
    """
    total = np.asarray(total, float)
    if (total < 0.0).any():
        raise InputError(
            f"precipitation: day {int(np.argmax(total < 0))} has {total.min():g}; expected sums >= 0"
        )
    length = np.clip(np.rint(2.0 * (EVENT_HOURS + HOURS_PER_MM * total)), 1, STEPS).astype(int)
    draw = np.random.Generator(np.random.Philox(key=seed)).random(total.size)
    first = np.floor(draw * (STEPS - length + 1)).astype(int)
    step = np.arange(STEPS)
    inside = (step >= first[:, None]) & (step < (first + length)[:, None])
    return (inside * (total / length)[:, None]).reshape(-1)


def wet_days(month: NDArray[np.int64], monthly: Array, dull: Array, wet_share: float = 0.45) -> Array:
    """Daily sums from monthly ones: the dullest days of a month are wet, the duller the wetter.

    month ``[day]``: number of the month of each day, an index of ``monthly`` (mean per day, mm d-1). ``dull [day]``: the
    larger, the more likely rain (cloud, humidity). ``wet_share``: share of wet days in a month of 2 mm d-1; it follows
    the square root of the sum. Sums of whole months are exact; of a month cut off at the ends, in proportion.
    """
    out = np.zeros(month.size)
    for number in np.unique(month):
        days = np.flatnonzero(month == number)
        rain = float(monthly[number])
        if not np.isfinite(rain):
            raise InputError(f"precipitation: month {int(number)} is missing; give a complete table")
        if rain <= 0.0:
            continue
        count = int(np.clip(np.ceil(days.size * wet_share * np.sqrt(rain / 2.0)), 1, days.size))
        order = days[np.argsort(-dull[days], kind="stable")][:count]
        # amounts of wet days are about exponential: expected order statistics, the dullest day first
        size = np.cumsum(1.0 / np.arange(count, 0, -1))[::-1]
        out[order] = rain * days.size * size / size.sum()
    return out
