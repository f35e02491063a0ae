"""What the weather generator has to beat: the record of the nearest tower moved to the climate, and Richardson's WGEN."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elterra.bench.weather_stats import Daily
from elterra.forcing.weather._calendar import month_of
from elterra.forcing.weather.climate import daily_sun
from elterra.forcing.weather.towers import Station

Array = NDArray[np.float64]
#: variables that a shift adds to; the others are multiplied
ADDED = ("t",)
#: wet day of WGEN (mm), as in Richardson (1981)
WGEN_WET = 0.254


def daily_of(s: Station) -> Daily:
    """A station's days."""
    return Daily(s.month, s.values)


def nearest(target: Station, stations: list[Station], needs: tuple[str, ...]) -> Station | None:
    """The nearest of ``stations`` with five years of ``needs``; a degree of height (100 m) counts as 20 km."""
    best, found = np.inf, None
    for s in stations:
        if s.name == target.name or not s.has(*needs) or len(s.days) < 5 * 365:
            continue
        x = np.cos(np.deg2rad(target.latitude)) * (s.longitude - target.longitude)
        km = 111.0 * np.hypot(s.latitude - target.latitude, x) + 0.2 * abs(s.elevation - target.elevation)
        if km < best:
            best, found = float(km), s
    return found


def moved(source: Station, means: dict[str, Array]) -> Daily:
    """The record of ``source`` with its monthly means moved to ``means [12]``: temperature shifted, the rest scaled."""
    out = {}
    for name, value in source.values.items():
        if name not in means:
            out[name] = value
            continue
        own = source.monthly(name)
        if name in ADDED:
            out[name] = value + (means[name] - own)[source.month]
        else:
            out[name] = value * np.clip(means[name] / np.maximum(own, 1e-6), 0.0, 20.0)[source.month]
    if "sw" in out:
        noon = source.days.astype("datetime64[D]").astype("datetime64[ns]") + np.timedelta64(12, "h")
        # no more than the clear sky of the place it came from; a shift knows nothing of the other latitude
        out["sw"] = np.minimum(out["sw"], 0.85 * daily_sun(noon, np.array([source.latitude]))[0][:, 0])
    return Daily(source.month, out)


def wgen(source: Station, means: dict[str, Array], days: NDArray[np.int64], seed: int) -> Daily:
    """Richardson (1981): first-order two-state chain, gamma amounts, residuals of the rest as a first-order autoregression
    whose means and deviations depend on wet or dry. Parameters by month from the record of ``source``; the monthly means
    are those of the climate (amounts scaled, others shifted or scaled as in `moved`)."""
    names = [n for n in ("t", "range", "sw", "vpd") if source.has(n)]
    random = np.random.default_rng(seed)
    month = month_of(days)
    rain = source.values["rain"]
    wet_days = np.where(np.isfinite(rain), rain >= WGEN_WET, False)
    chain, shape = np.zeros((12, 2)), np.zeros((12, 2))
    for m in range(12):
        at = np.flatnonzero((source.month[1:] == m) & np.isfinite(rain[1:]) & np.isfinite(rain[:-1])) + 1
        for before in (0, 1):
            of = at[wet_days[at - 1] == bool(before)]
            chain[m, before] = wet_days[of].mean() if of.size else 0.3
        amounts = rain[(source.month == m) & wet_days]
        log_gap = np.log(amounts.mean()) - np.log(amounts).mean()
        alpha = (1.0 + np.sqrt(1.0 + 4.0 * log_gap / 3.0)) / (4.0 * log_gap)  # Thom (1958)
        shape[m] = alpha, amounts.mean() / alpha
    parameters = np.zeros((len(names), 12, 2, 2))
    standard = np.full((len(names), len(source.days)), np.nan)
    for k, name in enumerate(names):
        value = source.values[name]
        for m in range(12):
            for state in (0, 1):
                at = (source.month == m) & (wet_days == bool(state)) & np.isfinite(value)
                if at.sum() < 5:
                    at = (source.month == m) & np.isfinite(value)
                parameters[k, m, state] = value[at].mean(), max(float(value[at].std()), 1e-6)
                standard[k, at] = (value[at] - parameters[k, m, state, 0]) / parameters[k, m, state, 1]
    good = np.isfinite(standard).all(axis=0)
    pairs = np.flatnonzero(good[1:] & good[:-1]) + 1
    lag0 = np.corrcoef(standard[:, good])
    lag1 = standard[:, pairs] @ standard[:, pairs - 1].T / len(pairs)
    a = lag1 @ np.linalg.inv(lag0)
    spread = lag0 - a @ lag1.T
    values, vectors = np.linalg.eigh(0.5 * (spread + spread.T))
    b = vectors * np.sqrt(np.maximum(values, 0.0))
    out = {n: np.zeros(len(days)) for n in names}
    out["rain"] = np.zeros(len(days))
    state, x = 0, np.zeros(len(names))
    for i, m in enumerate(month):
        state = int(random.random() < chain[m, state])
        if state:
            out["rain"][i] = random.gamma(shape[m, 0], shape[m, 1])
        x = a @ x + b @ random.standard_normal(len(names))
        for k, name in enumerate(names):
            out[name][i] = parameters[k, m, state, 0] + parameters[k, m, state, 1] * x[k]
    for name in ("range", "sw", "vpd"):
        if name in out:
            out[name] = np.maximum(out[name], 0.0)
    made = Station(source.name, source.latitude, source.longitude, source.elevation, days, out)
    return moved(made, means)
