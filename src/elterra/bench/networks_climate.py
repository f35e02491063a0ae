"""A made-up region for bench ``networks``: coasts, mountains, climate, soils and plants of a European kind, not real ones.

Everything is smooth random fields and textbook relations; it exists so that surrogates can be compared on equilibria that
cost a matrix solve. It is no substitute for the land model.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float64]
#: plant types of a column: needleleaf evergreen, broadleaf deciduous, grass
TYPES = (1, 7, 13)


@dataclass(frozen=True)
class Region:
    """What stays the same in all maps, ``[lat, lon]``; ``sand``, ``clay`` % ``[2, lat, lon]`` (top, bottom);
    ``weights [type, lat, lon]``; temperature degC and precipitation mm a month ``[month, lat, lon]``; ``sd_t`` K and
    ``sd_p`` (of the logarithm) from year to year; ``deposition`` gN m-2 yr-1."""

    lat: Array
    lon: Array
    land: NDArray[np.bool_]
    area: Array
    elevation: Array
    bedrock: Array
    sand: Array
    clay: Array
    weights: Array
    temperature: Array
    precipitation: Array
    sd_t: Array
    sd_p: Array
    deposition: Array


@dataclass(frozen=True)
class Case:
    """One climate and parameter set. ``warming`` K (more in the north and in winter), ``wetter``: factor on precipitation a
    degree (less in the south), ``co2`` ppm, ``deposition``: factor; ``factors`` on parameters of the registry."""

    warming: float = 0.0
    wetter: float = 1.0
    co2: float = 370.0
    deposition: float = 1.0
    factors: dict[str, float] = field(default_factory=dict)


def make_region(lat: int, lon: int, seed: int) -> Region:
    """A region of 36 to 70 degrees north and 52 degrees of longitude."""
    rng = np.random.default_rng(seed)

    def smooth(scale: float) -> Array:
        x = gaussian_filter(rng.standard_normal((lat, lon)), scale * lat / 32.0, mode="nearest")
        return np.asarray((x - x.mean()) / x.std())

    phi, lam = np.meshgrid(np.linspace(36.0, 70.0, lat), np.linspace(-10.0, 42.0, lon), indexing="ij")
    coast = smooth(3.0) + 0.5 * smooth(1.5) + 1.2 * (lam - 4.0) / 25.0
    land = coast > -0.35
    inland = np.clip((lam + 10.0) / 52.0 + 0.1 * smooth(3.0), 0.0, 1.0)
    elevation = np.maximum(0.0, 350.0 + 420.0 * smooth(2.0) + 250.0 * smooth(1.0))
    mean = 38.0 - 0.56 * phi + 1.5 * (1.0 - inland) - 0.0058 * elevation + 0.8 * smooth(3.0)
    swing = 5.0 + 10.0 * inland + 0.05 * (phi - 36.0)
    month = np.arange(12)[:, None, None]
    wave = np.cos(2.0 * np.pi * (month - 6.5) / 12.0)
    rain = np.maximum(
        60.0 + 22.0 * (1.0 - inland) + 0.03 * elevation + 14.0 * smooth(2.0) - 0.2 * (phi - 36.0), 18.0
    )
    south = 1.0 / (1.0 + np.exp((phi - 45.0) / 2.0))
    seasons = 1.0 + wave * (0.35 * inland * (1.0 - south) - 0.75 * south)
    sand = np.clip(np.stack([48.0 + 18.0 * smooth(2.0), 45.0 + 18.0 * smooth(2.0)]), 5.0, 92.0)
    clay = np.clip(np.stack([20.0 + 8.0 * smooth(2.0), 24.0 + 9.0 * smooth(2.0)]), 3.0, 99.0 - sand)
    bedrock = np.clip(3.2 + 1.6 * smooth(1.5) - 0.0012 * elevation, 0.5, 8.0)
    scores = np.stack(
        [
            1.2 - 0.22 * (mean - 4.0) + 0.5 * smooth(2.0),
            1.0 - 0.05 * (mean - 10.0) ** 2 + 0.5 * smooth(2.0),
            0.6 - 0.02 * (rain - 60.0) + 0.6 * smooth(2.0),
        ]
    )
    weights = np.exp(scores)
    return Region(
        lat=phi,
        lon=lam,
        land=land,
        area=np.cos(np.radians(phi)),
        elevation=elevation,
        bedrock=bedrock,
        sand=sand,
        clay=clay,
        weights=weights / weights.sum(axis=0),
        temperature=mean + swing * wave,
        precipitation=np.maximum(rain * seasons, 3.0),
        sd_t=0.7 + 0.9 * inland,
        sd_p=0.12 + 0.18 * south + 0.08 * inland,
        deposition=0.35 + 0.7 * np.exp(-(((phi - 50.0) / 7.0) ** 2) - ((lam - 10.0) / 14.0) ** 2),
    )


def climate(region: Region, case: Case) -> tuple[Array, Array]:
    """Monthly temperature (degC) and precipitation (mm) of a case, ``[month, lat, lon]``."""
    wave = np.cos(2.0 * np.pi * (np.arange(12)[:, None, None] - 6.5) / 12.0)
    north = (region.lat - 36.0) / 34.0
    warmer = case.warming * (0.8 + 0.4 * north - 0.25 * north * wave)
    trend = 1.0 + (case.wetter - 1.0) * case.warming * (2.0 * north - 0.8)
    return region.temperature + warmer, region.precipitation * np.maximum(trend, 0.3)
