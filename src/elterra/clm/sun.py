"""Position of the sun as CLM computes it: a fixed orbit, 365 days, no equation of time.

Berger (1978) orbit; CLM5 tech note, Surface_Albedos (solar zenith angle): the true longitude to third order in
the eccentricity, the hour angle from the calendar day alone.
"""

from __future__ import annotations

import numpy as np

#: orbit of the year 2000 (Berger 1978): eccentricity, obliquity (degrees), longitude of perihelion (degrees)
ECCENTRICITY = 0.016704
OBLIQUITY = 23.4398
PERIHELION = 102.918
VERNAL_EQUINOX = 80.5  #: calendar day of the vernal equinox of a 365-day year
DAYS = 365.0
#: s per radian of half the day arc (CLM)
SECONDS_PER_RADIAN = 13750.9871
POLE = np.pi / 2.0 - 1.0e-9


def declination(day: np.ndarray) -> np.ndarray:
    """Declination (rad) at ``day`` (0 = 1 January, 00 UTC; fraction of days)."""
    e = ECCENTRICITY
    perihelion = np.deg2rad(PERIHELION) + np.pi
    beta = np.sqrt(1.0 - e * e)
    start = 2.0 * (
        (0.5 * e + 0.125 * e**3) * (1.0 + beta) * np.sin(perihelion)
        - 0.25 * e**2 * (0.5 + beta) * np.sin(2.0 * perihelion)
        + 0.125 * e**3 * (1.0 / 3.0 + beta) * np.sin(3.0 * perihelion)
    )
    mean = start + (np.asarray(day, float) + 1.0 - VERNAL_EQUINOX) * 2.0 * np.pi / DAYS
    anomaly = mean - perihelion
    true = mean + e * (
        2.0 * np.sin(anomaly)
        + e
        * (1.25 * np.sin(2.0 * anomaly) + e * (13.0 / 12.0 * np.sin(3.0 * anomaly) - 0.25 * np.sin(anomaly)))
    )
    return np.arcsin(np.sin(np.deg2rad(OBLIQUITY)) * np.sin(true))


def coszen(day: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Cosine of the zenith angle at one instant, ``[time, place]``; ``lat``, ``lon`` in degrees."""
    day = np.asarray(day, float)[:, None]
    decl, phi = declination(day), np.deg2rad(np.asarray(lat, float))[None]
    hour = 2.0 * np.pi * day + np.deg2rad(np.asarray(lon, float))[None]
    return np.sin(phi) * np.sin(decl) - np.cos(phi) * np.cos(decl) * np.cos(hour)


def day_length(decl: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Day length (s), ``[time, place]``, for declinations (rad) ``[time]``."""
    phi = np.clip(np.deg2rad(np.asarray(lat, float)), -POLE, POLE)[None]
    arc = np.arccos(np.clip(-np.tan(phi) * np.tan(np.asarray(decl, float)[:, None]), -1.0, 1.0))
    return 2.0 * SECONDS_PER_RADIAN * arc


def max_day_length(lat: np.ndarray) -> np.ndarray:
    """Longest day (s) at ``lat`` (degrees) ``[place]``: day length at a declination of the obliquity."""
    lat = np.asarray(lat, float)
    sign = np.where(lat >= 0.0, 1.0, -1.0)
    phi = np.clip(np.deg2rad(lat), -POLE, POLE)
    arc = np.arccos(np.clip(-np.tan(phi) * np.tan(sign * np.deg2rad(OBLIQUITY)), -1.0, 1.0))
    return 2.0 * SECONDS_PER_RADIAN * arc
