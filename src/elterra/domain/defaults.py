"""Stated assumptions for what the data of a domain lack: terrain, radiation, humidity, wind, pressure, soil.

The numbers and what is known of their errors stand in `defaults.toml`. All are functions of latitude, longitude
and the monthly climatology, so that they exist on every grid.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from elterra.domain.bioclimate import SECONDS_PER_DAY
from elterra.domain.europe import DAYS

#: W m-2, mean over the solar cycle
SOLAR_CONSTANT = 1361.0
#: K m-1, of temperature with elevation (International Standard Atmosphere)
LAPSE = 0.0065


@cache
def table() -> dict[str, Any]:
    """`defaults.toml`."""
    return tomllib.loads((files("elterra") / "domain" / "defaults.toml").read_text(encoding="utf-8"))


def top_of_atmosphere(lat: np.ndarray) -> np.ndarray:
    """Mean radiation on a level surface above the atmosphere in the middle of each month, W m-2 ``[12, ...]``.

    `lat` in degrees ``[...]``. FAO irrigation paper 56 (Allen et al. 1998), equations 21 to 25.
    """
    middle = np.cumsum(DAYS) - 0.5 * DAYS
    angle = (2.0 * np.pi * middle / 365.25).reshape(12, *(1,) * np.ndim(lat))
    distance = 1.0 + 0.033 * np.cos(angle)
    declination = 0.409 * np.sin(angle - 1.39)
    phi = np.deg2rad(np.asarray(lat, float))[None]
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1.0, 1.0))
    part = sunset * np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return SOLAR_CONSTANT / np.pi * distance * part


def radiation(tas: np.ndarray, pr: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Short-wave radiation, W m-2 ``[12, ...]``, of `tas` (K), `pr` (kg m-2 s-1) and latitude (degrees)."""
    entry = table()["rsds"]
    a, b, c, d = entry["coefficients"]
    wet = np.sqrt(np.maximum(pr, 0.0) * SECONDS_PER_DAY)
    clearness = a + b * (np.asarray(tas) - 273.15) + c * wet + d * np.sin(np.deg2rad(lat))
    return top_of_atmosphere(lat) * np.clip(clearness, *entry["range"])


def humidity(pr: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Relative humidity, % ``[12, ...]``, of `pr` (kg m-2 s-1) and latitude (degrees)."""
    entry = table()["hurs"]
    a, b, c = entry["coefficients"]
    part = a + b * top_of_atmosphere(lat) + c * np.sqrt(np.maximum(pr, 0.0) * SECONDS_PER_DAY)
    return 100.0 * np.clip(part, *entry["range"])


def wind(shape: tuple[int, ...]) -> np.ndarray:
    """Wind, m s-1 ``[12, *shape]``."""
    return np.full((12, *shape), float(table()["sfcWind"]["value"]))


def elevation(tas: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Elevation, m ``[...]``, of `tas` (K, ``[12, ...]``) and position (degrees)."""
    entry = table()["elevation"]
    t = np.asarray(tas) - 273.15
    north, east = (np.asarray(lat) - 50.0) / 10.0, (np.asarray(lon) - 10.0) / 20.0
    values = {
        "1": np.ones_like(north),
        "L": north,
        "O": east,
        "L*L": north**2,
        "L*O": north * east,
        "O*O": east**2,
        "T_summer": t[[5, 6, 7]].mean(axis=0),
        "T_winter": t[[11, 0, 1]].mean(axis=0),
    }
    total = sum(c * values[term] for c, term in zip(entry["coefficients"], entry["terms"], strict=True))
    return np.clip(np.asarray(total), *entry["range"])


def elevation_sd(elevation_m: np.ndarray) -> np.ndarray:
    """Standard deviation of the elevation within a cell, m."""
    entry = table()["elevation_sd"]
    return np.maximum(entry["per_elevation"] * np.asarray(elevation_m), entry["minimum"])


def slope(sd: np.ndarray) -> np.ndarray:
    """Mean slope, degrees, of the standard deviation of the elevation (m)."""
    entry = table()["slope"]
    return entry["intercept"] + entry["per_sd"] * np.asarray(sd)


def pressure(elevation_m: np.ndarray, tas: np.ndarray) -> np.ndarray:
    """Surface pressure, Pa ``[...]``, hydrostatic with the annual mean of `tas` (K, ``[12, ...]``) at the
    surface and 6.5 K km-1 below it (International Standard Atmosphere)."""
    surface = np.asarray(tas).mean(axis=0)
    sea_level = surface + LAPSE * np.asarray(elevation_m)
    return 101325.0 * (surface / sea_level) ** 5.2559


def soil(shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """`sand`, `clay` (%), `organic` (kg m-3) ``[layer, y, x]`` and `bedrock_depth` (m), `soil_color` ``[y, x]``
    for the layers of `soil_depth`."""
    entry = table()["soil"]
    bounds = np.array([0.0, *entry["depth_m"]])
    scale = entry["organic_depth_m"]
    # mean of an exponential over each layer
    mean = scale * (np.exp(-bounds[:-1] / scale) - np.exp(-bounds[1:] / scale)) / np.diff(bounds)
    layers = (len(bounds) - 1, *shape)
    return {
        "sand": np.full(layers, float(entry["sand"])),
        "clay": np.full(layers, float(entry["clay"])),
        "organic": np.broadcast_to((entry["organic_surface"] * mean)[:, None, None], layers).copy(),
        "bedrock_depth": np.full(shape, float(entry["bedrock_depth"])),
        "soil_color": np.full(shape, float(entry["soil_color"])),
    }


def soil_depth() -> np.ndarray:
    """Lower bounds of the soil layers of a domain, m."""
    return np.array(table()["soil"]["depth_m"])
