"""Climates for the tests of the weather generator."""

from __future__ import annotations

import numpy as np

from elterra.forcing.weather import MonthlyClimate

MONTH = np.arange(12)[:, None]


def climate(
    latitude=(47.0, 67.0, 37.0),
    longitude=(9.8, 25.0, -3.0),
    elevation=(1600.0, 300.0, 20.0),
    mean=(4.0, -1.0, 17.0),
    swing=(9.0, 15.0, 9.0),
    rain=(2.5, 1.3, 1.2),
    **optional,
) -> MonthlyClimate:
    """An alpine, a boreal and a Mediterranean cell; July and August are without rain in the last."""
    season = -np.cos(2.0 * np.pi * (MONTH - 0.5) / 12.0)
    t = 273.15 + np.array(mean) + np.array(swing) * season
    p = np.array(rain) * (1.0 + np.array([0.3, 0.3, -0.9])[: len(rain)] * season)
    if len(rain) == 3:
        p[6:8, 2] = 0.0
    return MonthlyClimate(np.array(latitude), np.array(longitude), np.array(elevation), t, p, **optional)


def months(generator, years) -> dict[str, list[np.ndarray]]:
    """Streams of whole years by name: for each calendar month all its steps."""
    out: dict[str, list[list[np.ndarray]]] = {}
    for year in years:
        for month in range(1, 13):
            for name, value in generator.month(year, month).items():
                if name != "time":
                    out.setdefault(name, [[] for _ in range(12)])[month - 1].append(value)
    return {n: [np.concatenate(v) for v in of] for n, of in out.items()}


def monthly_means(found: dict[str, list[np.ndarray]], name: str) -> np.ndarray:
    """``[12, cell]``."""
    return np.stack([v.mean(axis=0) for v in found[name]])
