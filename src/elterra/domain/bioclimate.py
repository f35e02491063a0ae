"""Climate indices that decide which plant functional types live where, from a monthly climatology."""

from __future__ import annotations

import numpy as np

from elterra.domain.europe import DAYS

#: base of the growing-degree days, degC
GDD_BASE = 5.0
#: November to April, the winter half-year of the northern hemisphere (month index)
WINTER = (10, 11, 0, 1, 2, 3)
SECONDS_PER_DAY = 86400.0


def bioclimate(tas: np.ndarray, pr: np.ndarray) -> dict[str, np.ndarray]:
    """Indices of `tas` (K) and `pr` (kg m-2 s-1), both ``[12, ...]``, monthly means.

    Returns arrays ``[...]``: `coldest`, `warmest` (degC, monthly means), `gdd` (growing-degree days above 5 degC,
    K day), `annual_pr` (mm), `winter_share` (part of it from November to April), `driest_warm_pr` (mm, driest
    month of those above 22 degC; inf where none is), `driest_pr` (mm, driest month).
    """
    t = np.asarray(tas, float) - 273.15
    month_pr = np.asarray(pr, float) * SECONDS_PER_DAY * DAYS.reshape(12, *(1,) * (np.ndim(pr) - 1))
    annual = month_pr.sum(axis=0)
    winter = month_pr[list(WINTER)].sum(axis=0)
    return {
        "coldest": t.min(axis=0),
        "warmest": t.max(axis=0),
        "gdd": growing_degree_days(t),
        "annual_pr": annual,
        "winter_share": np.divide(winter, annual, out=np.zeros_like(annual), where=annual > 0.0),
        "driest_warm_pr": np.where(t > 22.0, month_pr, np.inf).min(axis=0),
        "driest_pr": month_pr.min(axis=0),
    }


def growing_degree_days(tas_c: np.ndarray, base: float = GDD_BASE) -> np.ndarray:
    """Sum of temperature above `base` over a year, K day, of monthly means (degC, ``[12, ...]``).

    Temperature is taken as linear between the middles of the months; each half month is integrated exactly.
    """
    t = np.asarray(tas_c, float) - base
    total = np.zeros(t.shape[1:])
    for month in range(12):
        nxt = (month + 1) % 12
        middle = 0.5 * (t[month] + t[nxt])
        for start, end, days in ((t[month], middle, DAYS[month]), (middle, t[nxt], DAYS[nxt])):
            total += 0.5 * days * _positive_mean(start, end)
    return total


def _positive_mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean of max(x, 0) for x linear from a to b."""
    high, low = np.maximum(a, b), np.minimum(a, b)
    span = np.where(high > low, high - low, 1.0)
    crossing = 0.5 * high**2 / span
    return np.where(low >= 0.0, 0.5 * (a + b), np.where(high <= 0.0, 0.0, crossing))
