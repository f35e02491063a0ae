"""Whether a spin-up has arrived: the criteria of CTSM and of ORCHIDEE, between states one or more cycles apart.

CTSM (its tool SpinupStability_BGC): less than 3 % of the area changes its ecosystem carbon by more than 1 gC m-2 a
year, and the global sums of carbon by less than 0.02 PgC a year; here the latter as a mean over the area, 0.02 PgC over
the ice-free land of the Earth. ORCHIDEE: no pool changes by more than 1 % in a cycle, and (its checker SteadyState_checker)
the linear trend of the carbon of every place is below 1 gC m-2 a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elterra.land.config import NLEVSOI, POOLS
from elterra.land.fields import Fields
from elterra.land.vegetation import TISSUES, ecosystem_totals

#: gC m-2 yr-1 of ecosystem carbon, and the share of the area that may exceed it
CTSM_CHANGE, CTSM_AREA = 1.0, 0.03
#: 0.02 PgC yr-1 over 1.3e14 m2 of ice-free land, gC m-2 yr-1
CTSM_MEAN = 0.02e15 / 1.3e14
#: relative change of a pool in a cycle, and trend (gC m-2 yr-1)
ORCHIDEE_CHANGE, ORCHIDEE_TREND = 0.01, 1.0
#: pools that hold less than this (g m-2) have no relative change that means anything
SMALLEST = 0.1
_TOTALS = ("totecosysc", "totsomc", "totvegc", "totlitc", "totcwdc", "totecosysn", "totsomn", "totvegn")


@dataclass(frozen=True)
class Stocks:
    """Of one state: ``pools`` and ``totals`` by name, g m-2 ``[column]``."""

    pools: dict[str, np.ndarray]
    totals: dict[str, np.ndarray]


def stocks(p: Fields, s: Fields) -> Stocks:
    """Carbon and nitrogen of every litter, soil and plant pool (with storage) of a state in normal units. Of ``p`` the
    weights ``wt`` and the thickness ``dzsoi`` are used."""
    dz, wt = np.asarray(p.dzsoi)[:NLEVSOI], np.asarray(p.wt)
    pools: dict[str, np.ndarray] = {}
    for element in "cn":
        amount = (np.asarray(s[f"decomp_{element}pools"]) * dz).sum(axis=1)
        pools |= {f"{name}{element}": amount[i] for i, name in enumerate(POOLS)}
        for tissue in TISSUES:
            held = sum(np.asarray(s[f"{tissue}{element}{stage}"]) for stage in ("", "_storage", "_xfer"))
            pools[f"{tissue}{element}"] = (wt * held).sum(axis=0)
    totals = ecosystem_totals(p, s)
    return Stocks(pools, {n: np.asarray(totals[n]) for n in _TOTALS})


def ecosystem_check(
    series: Sequence[Stocks], years: float | Sequence[float], area: np.ndarray | None = None
) -> dict[str, Any]:
    """The criteria on states that follow each other.

    ``years`` between neighbours (one number, or one for each pair); ``area`` weights of the columns (equal by default).
    CTSM's and the 1 % of ORCHIDEE look at the last two states, the trend at all.
    """
    if len(series) < 2:
        raise ValueError(f"a change needs two states; got {len(series)}")
    gaps = [float(years)] * (len(series) - 1) if isinstance(years, int | float) else [float(y) for y in years]
    if len(gaps) != len(series) - 1 or min(gaps) <= 0.0:
        raise ValueError(f"{len(series)} states need {len(series) - 1} positive numbers of years; got {gaps}")
    before, after = series[-2], series[-1]
    columns = after.totals["totecosysc"].size
    weight = np.full(columns, 1.0 / columns) if area is None else np.asarray(area, float) / np.sum(area)
    rates = {n: (after.totals[n] - before.totals[n]) / gaps[-1] for n in after.totals}
    moving = float((weight * (np.abs(rates["totecosysc"]) > CTSM_CHANGE)).sum())
    means = {n: float((weight * rates[n]).sum()) for n in ("totecosysc", "totsomc", "totvegc")}
    relative = {}
    for name, now in after.pools.items():
        was = before.pools[name]
        counted = np.maximum(was, now) >= SMALLEST
        change = np.where(counted, (now - was) / np.where(counted, np.maximum(was, SMALLEST), 1.0), 0.0)
        if counted.any():
            relative[name] = float(change[np.argmax(np.abs(change))])
    time = np.cumsum([0.0, *gaps])
    carbon = np.stack([x.totals["totecosysc"] for x in series])
    centred = (time - time.mean())[:, None]
    trend = (centred * carbon).sum(axis=0) / (centred**2).sum()
    steepest = float(trend[np.argmax(np.abs(trend))])
    ctsm = {
        "area_in_disequilibrium": moving,
        "area_allowed": CTSM_AREA,
        "mean_change_gC_m2_yr": means,
        "mean_allowed_gC_m2_yr": CTSM_MEAN,
        "area_met": moving < CTSM_AREA,
        "mean_met": all(abs(v) < CTSM_MEAN for v in means.values()),
    }
    worst = max(relative, key=lambda n: abs(relative[n]))
    orchidee = {
        "relative_change": relative,
        "worst_pool": worst,
        "worst_relative_change": relative[worst],
        "change_allowed": ORCHIDEE_CHANGE,
        "trend_gC_m2_yr": steepest,
        "trend_allowed_gC_m2_yr": ORCHIDEE_TREND,
        "pools_met": abs(relative[worst]) < ORCHIDEE_CHANGE,
        "trend_met": abs(steepest) < ORCHIDEE_TREND,
    }
    met = ctsm["area_met"] and orchidee["pools_met"] and orchidee["trend_met"]
    return {"years": gaps[-1], "ctsm": ctsm, "orchidee": orchidee, "steady": bool(met)}
