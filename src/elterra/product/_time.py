"""Clock arithmetic shared by the modules of the room: UTC days, local hours, the sun's height."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Time = NDArray[np.datetime64]

#: solar constant used for potential radiation (W m-2)
SOLAR_CONSTANT = 1361.0
DAY = np.timedelta64(1, "D")


def as_time(time: object) -> Time:
    """Any array of instants as ``datetime64[ns]``."""
    return np.asarray(time, dtype="datetime64[ns]")


def step_of(time: Time) -> np.timedelta64:
    """The interval length of a regular axis. Raises `ValueError` if the axis is not regular."""
    time = as_time(time)
    if time.size < 2:
        raise ValueError("a time axis needs at least two intervals")
    delta = np.diff(time)
    if (delta != delta[0]).any():
        where = int(np.argmax(delta != delta[0]))
        raise ValueError(
            f"time axis is not regular: step {delta[where]} after {time[where]}, expected {delta[0]}"
        )
    return delta[0]


def day_number(time: Time) -> NDArray[np.int64]:
    """Days since 1970-01-01 (UTC days)."""
    return as_time(time).astype("datetime64[D]").astype(np.int64)


def day_of_year(time: Time, offset_hours: float = 0.0) -> Float:
    """Fractional day of the year (0 = 1 January 00:00) at the middle of each half-hour, local standard
    time."""
    local = _middle(time, offset_hours)
    year = local.astype("datetime64[Y]")
    return (local - year.astype("datetime64[ns]")) / np.timedelta64(1, "D")


def hour_of_day(time: Time, offset_hours: float = 0.0) -> Float:
    """Fractional hour of the day at the middle of each half-hour, local standard time."""
    local = _middle(time, offset_hours)
    return (local - local.astype("datetime64[D]").astype("datetime64[ns]")) / np.timedelta64(1, "h")


def _middle(time: Time, offset_hours: float) -> Time:
    time = as_time(time)
    half = (step_of(time) // 2) if time.size > 1 else np.timedelta64(15, "m")
    return time + half + np.timedelta64(round(offset_hours * 3600), "s")


def potential_radiation(time: Time, latitude: float, longitude: float) -> Float:
    """Radiation at the top of the atmosphere on a level surface (W m-2), from UTC interval starts.

    Declination and equation of time after Spencer (1971).
    """
    angle = 2.0 * np.pi * day_of_year(time) / 365.0
    sin1, cos1, sin2, cos2 = np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)
    sin3, cos3 = np.sin(3 * angle), np.cos(3 * angle)
    declination = (
        0.006918 - 0.399912 * cos1 + 0.070257 * sin1 - 0.006758 * cos2 + 0.000907 * sin2
        - 0.002697 * cos3 + 0.00148 * sin3
    )  # fmt: skip
    equation = 0.000075 + 0.001868 * cos1 - 0.032077 * sin1 - 0.014615 * cos2 - 0.040849 * sin2
    distance = 1.00011 + 0.034221 * cos1 + 0.00128 * sin1 + 0.000719 * cos2 + 0.000077 * sin2
    hour_angle = np.pi * (hour_of_day(time) / 12.0 - 1.0) + np.deg2rad(longitude) + equation
    lat = np.deg2rad(latitude)
    height = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(hour_angle)
    return SOLAR_CONSTANT * distance * np.maximum(height, 0.0)
