"""Charts of what a run's innovations and increments say: is the ensemble as wide as its errors, and what did the data do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtr

from elterra.assimilation import spread_skill
from elterra.files import write_atomically
from elterra.product.svg import Panel, page

Array = NDArray[np.float64]

#: bins of the histograms; months from which a course is drawn
BINS, LEAST_MONTHS = 20, 2
#: budgets whose increments are drawn, with their units
INCREMENTS = {"water": "kg m-2", "carbon": "gC m-2", "nitrogen": "gN m-2"}


def write_diagnostic_plots(innovations: xr.Dataset, budget: xr.Dataset | None, folder: Path) -> list[Path]:
    """Write ``innovations.svg`` (four charts a kind of datum) and, with a budget, ``increments.svg`` into ``folder``.

    innovations: as ``assimilation/innovations.nc``; budget: the run's daily budget. Kinds with fewer than ``BINS`` used data
    are left out. Gives the paths written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    panels = innovation_panels(innovations)
    charts = {"innovations.svg": (panels, 4, "Innovations by kind of datum")} if panels else {}
    if budget is not None:
        increments = increment_panels(budget)
        if increments:
            charts["increments.svg"] = (increments, 3, "Increments of the analyses")
    paths = []
    for name, (drawn, columns, title) in charts.items():
        write_atomically(folder / name, page(drawn, columns, title))
        paths.append(folder / name)
    return paths


def innovation_panels(data: xr.Dataset) -> list[Panel]:
    """Of every kind: spread over error, rank of the datum, normalised square by month, fit before and after by month."""
    kinds = data["variable"].values.astype(str) if data.sizes.get("datum", 0) else np.zeros(0, dtype=str)
    out: list[Panel] = []
    for kind in np.unique(kinds):
        here = (kinds == kind) & data["used"].values.astype(bool)
        value, error, mean, spread, after = (
            data[n].values[here].astype(float)
            for n in ("value", "error_sd", "prior_mean", "prior_sd", "posterior_mean")
        )
        total = np.hypot(error, spread)
        fine = np.isfinite(value - mean) & (total > 0)
        if fine.sum() < BINS:
            continue
        value, mean, total, after = (x[fine] for x in (value, mean, total, after))
        month = data["time_start"].values[here][fine].astype("datetime64[M]").astype(int)
        out += [
            _spread_skill(kind, total, value - mean),
            _rank(kind, (value - mean) / total),
            *_by_month(kind, month, value, mean, after, total),
        ]
    return out


def _spread_skill(kind: str, total: Array, error: Array) -> Panel:
    found = spread_skill(total, error, bins=min(10, len(total) // 5 or 1))
    panel = Panel(
        f"{kind}: spread and error",
        "spread (ensemble and datum)",
        "root mean square innovation",
        diagonal=True,
    )
    low, high = (
        np.array(found["error"]) * (1 + s * 2 / np.sqrt(2 * np.array(found["count"]))) for s in (-1, 1)
    )
    return panel.add(found["spread"], found["error"], kind="points", low=low, high=high)


def _rank(kind: str, z: Array) -> Panel:
    """Rank of the datum in the predictive distribution, which is normal here; flat where it is right."""
    counts, edges = np.histogram(ndtr(z), BINS, (0.0, 1.0))
    panel = Panel(f"{kind}: rank of the datum", "probability below", "count", level=len(z) / BINS)
    return panel.add(0.5 * (edges[1:] + edges[:-1]), counts, kind="bars")


def _by_month(
    kind: str, month: NDArray[np.int64], value: Array, mean: Array, after: Array, total: Array
) -> list[Panel]:
    months, index = np.unique(month, return_inverse=True)
    count = np.bincount(index)

    def average(x: Array) -> Array:
        return np.asarray(np.bincount(index, x) / count)

    year = 1970.0 + months / 12.0
    chi2 = Panel(f"{kind}: normalised square", "year", "mean of (innovation / spread)²", level=1.0)
    chi2.add(
        year, average(((value - mean) / total) ** 2), kind="points" if len(months) < LEAST_MONTHS else "line"
    )
    fit = Panel(f"{kind}: fit by month", "year", "root mean square")
    fit.add(year, np.sqrt(average((value - mean) ** 2)), "forecast")
    fit.add(year, np.sqrt(average((value - after) ** 2)), "analysis")
    return [chi2, fit]


def increment_panels(budget: xr.Dataset) -> list[Panel]:
    """Sum of the increments since the first day, by budget."""
    time = budget["time"].values
    year = 1970.0 + (time - np.datetime64("1970-01-01")) / np.timedelta64(1, "D") / 365.25
    out = []
    for name, units in INCREMENTS.items():
        if f"increment_{name}" in budget:
            panel = Panel(f"{name}: sum of increments", "year", units, level=0.0)
            out.append(panel.add(year, np.cumsum(budget[f"increment_{name}"].values.astype(float))))
    return out
