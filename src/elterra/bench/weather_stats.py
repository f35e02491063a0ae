"""Statistics of daily weather, and how far those of one record are from those of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: variables of a day: degC, K, W m-2, hPa, mm, m s-1
VARIABLES = ("t", "range", "sw", "vpd", "rain", "wind")
#: months of the seasons, and least days of a statistic
SEASONS = ((11, 0, 1), (2, 3, 4), (5, 6, 7), (8, 9, 10))
ENOUGH = 150
#: wet day of the scores (mm): above what gauges and gridded fillings disagree on
WET = 1.0


@dataclass(frozen=True)
class Daily:
    """Days in order without holes; ``month [day]`` 0..11; ``values[name] [day]``, NaN where not known."""

    month: NDArray[np.int64]
    values: Mapping[str, Array]

    def has(self, name: str) -> bool:
        """Whether ``name`` is known on enough days."""
        return name in self.values and int(np.isfinite(self.values[name]).sum()) >= 4 * ENOUGH


def compare(measured: Daily, made: Daily) -> dict[str, float]:
    """Distances of ``made`` from ``measured`` by name (keys in `benchmarks/README.md`); those that both know."""
    out: dict[str, float] = {}
    shared = [n for n in VARIABLES if measured.has(n) and made.has(n)]
    for name in shared:
        a, b = _monthly(measured, name), _monthly(made, name)
        out[f"monthly_mean.{name}"] = float(np.nanmean(np.abs(a - b)))
        if name == "rain":
            out["monthly_mean.rain_relative"] = float(np.nansum(np.abs(a - b)) / np.nansum(a))
        ratio = _yearly_spread(made, name) / _yearly_spread(measured, name)
        out[f"year_to_year.{name}"] = abs(float(np.log(ratio)))
        if name != "rain":
            one, two = _autocorrelation(measured, name), _autocorrelation(made, name)
            out[f"autocorrelation.{name}"] = float(np.mean(np.abs(one - two)))
        out[f"ks.{name}"] = _seasonal_ks(measured, made, name)
    if "rain" in shared:
        out |= _rain(measured, made)
    pairs = [_correlation_error(measured, made, a, b) for a, b in combinations(shared, 2)]
    if pairs:
        out["correlation"] = float(np.nanmean(pairs))
    return out


def _rain(measured: Daily, made: Daily) -> dict[str, float]:
    a, b = measured.values["rain"], made.values["rain"]
    wet_a, wet_b = a[a >= WET], b[b >= WET]
    out = {
        "wet_days": float(np.mean(np.abs(_wet_share(measured) - _wet_share(made)))),
        "wet_spell": abs(_spell(a, True) - _spell(b, True)),
        "dry_spell": abs(_spell(a, False) - _spell(b, False)),
    }
    for q in (95, 99):
        out[f"rain_q{q}"] = abs(float(np.percentile(wet_b, q) / np.percentile(wet_a, q)) - 1.0)
    return out


def _monthly(d: Daily, name: str) -> Array:
    x = d.values[name]
    out = np.full(12, np.nan)
    for m in range(12):
        of = x[(d.month == m) & np.isfinite(x)]
        if of.size >= 25:
            out[m] = of.mean()
    return out


def _wet_share(d: Daily) -> Array:
    x = d.values["rain"]
    return np.array([np.mean(x[(d.month == m) & np.isfinite(x)] >= WET) for m in range(12)])


def _spell(rain: Array, wet: bool) -> float:
    """Mean length (days) of wet or dry spells; days without a value end one."""
    state = np.where(np.isfinite(rain), (rain >= WET) == wet, False).astype(int)
    starts = int((np.diff(np.concatenate([[0], state])) == 1).sum())
    return float(state.sum() / max(starts, 1))


def _yearly_spread(d: Daily, name: str) -> float:
    """Standard deviation of means of single months about their calendar month (rain: relative), pooled."""
    change = np.flatnonzero(np.diff(d.month)) + 1
    blocks = np.split(np.arange(len(d.month)), change)
    x, found = d.values[name], []
    mean = _monthly(d, name)
    for block in blocks:
        of = x[block]
        if np.isfinite(of).sum() >= 25:
            m = int(d.month[block[0]])
            scale = max(mean[m], 0.2) if name == "rain" else 1.0
            found.append((np.nanmean(of) - mean[m]) / scale)
    return float(np.std(found)) if len(found) > 12 else float("nan")


def anomaly(d: Daily, name: str) -> Array:
    """Difference from the mean of the calendar month; rain as its square root."""
    x = np.sqrt(d.values[name]) if name == "rain" else d.values[name]
    out = x.copy()
    for m in range(12):
        at = (d.month == m) & np.isfinite(x)
        out[at] = x[at] - x[at].mean() if at.any() else np.nan
    return out


def _autocorrelation(d: Daily, name: str, lags: tuple[int, ...] = (1, 2, 5)) -> Array:
    x = anomaly(d, name)
    return np.array([_correlation(x[:-lag], x[lag:]) for lag in lags])


def _correlation(a: Array, b: Array) -> float:
    good = np.isfinite(a) & np.isfinite(b)
    if good.sum() < ENOUGH or a[good].std() == 0.0 or b[good].std() == 0.0:
        return float("nan")
    return float(np.corrcoef(a[good], b[good])[0, 1])


def _correlation_error(measured: Daily, made: Daily, a: str, b: str) -> float:
    out = []
    for season in SEASONS:
        both = []
        for d in (measured, made):
            inside = np.isin(d.month, season)
            both.append(_correlation(anomaly(d, a)[inside], anomaly(d, b)[inside]))
        out.append(abs(both[0] - both[1]))
    return float(np.nanmean(out)) if np.isfinite(out).any() else float("nan")


def ks(a: Array, b: Array) -> float:
    """Kolmogorov-Smirnov distance of two samples."""
    grid = np.sort(np.concatenate([a, b]))
    below_a = np.searchsorted(np.sort(a), grid, side="right") / a.size
    below_b = np.searchsorted(np.sort(b), grid, side="right") / b.size
    return float(np.abs(below_a - below_b).max())


def _seasonal_ks(measured: Daily, made: Daily, name: str) -> float:
    out = []
    for season in SEASONS:
        both = []
        for d in (measured, made):
            x = d.values[name][np.isin(d.month, season)]
            x = x[np.isfinite(x)]
            both.append(x[x >= WET] if name == "rain" else x)
        if min(len(x) for x in both) >= 40:
            out.append(ks(*both))
    return float(np.mean(out)) if out else float("nan")


def diurnal_error(
    measured: Array, made: Array, month_measured: NDArray[np.int64], month_made: NDArray[np.int64]
) -> float:
    """Root mean square difference of the mean cycles of the seasons, each about its own mean; ``[day, hour]``."""
    out = []
    for season in SEASONS:
        cycles = []
        for x, month in ((measured, month_measured), (made, month_made)):
            rows = np.isin(month, season) & np.isfinite(x).all(axis=1)
            if rows.sum() < 30:
                break
            mean = x[rows].mean(axis=0)
            cycles.append(mean - mean.mean())
        if len(cycles) == 2:
            out.append(np.mean((cycles[0] - cycles[1]) ** 2))
    return float(np.sqrt(np.mean(out))) if out else float("nan")
