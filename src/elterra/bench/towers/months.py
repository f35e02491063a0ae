"""Months of CARDAMOM-FLUXVAL: GPP, NEE and evapotranspiration of the towers, with the split between assimilation and
validation that its authors made. The months judged are those of their validation half that lie in the judged part here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from elterra.bench.towers.inversion import Calibrated
from elterra.bench.towers.methods import Predicted
from elterra.bench.towers.records import Tower
from elterra.bench.towers.runs import Predictions
from elterra.product.scores import Sample, ensemble_sample

Array = NDArray[np.float64]
Months = NDArray[np.datetime64]

#: variable of the months -> series of the model, factor to its unit, column of the assimilation half
VARIABLES: Mapping[str, tuple[str, float, str]] = {
    "GPP_month": ("GPP_all", 1.0, "GPP_gC_m2_d"),
    "NEE_month": ("NEE_all", 1.0, "NEE_gC_m2_d"),
    # latent heat of 2.5 MJ kg-1: mm d-1 of W m-2
    "ET_month": ("LE_all", 86400.0 / 2.5e6, "ET_mm_d"),
}
#: months that have to be there on either side
LEAST = 6
#: error of a month's value where nothing was learned: relative, and absolute in the unit of the variable
PRIOR_ERROR = {"GPP_month": (0.15, 0.2), "NEE_month": (0.2, 0.3), "ET_month": (0.2, 0.1)}


class MonthlyTable:
    """The two files of CARDAMOM-FLUXVAL."""

    def __init__(self, data: Path) -> None:
        first = pd.read_parquet(data / "flux" / "cardamom_fluxval_monthly_drivers_obs_2001_2016_dev.parquet")
        second = pd.read_csv(data / "flux" / "cardamom_fluxval_monthly_gpp_nee_et_eu_dev.csv.gz")
        self._first = {str(n): g for n, g in first.groupby("site")}
        self._second = {str(n): g for n, g in second.groupby("site")}

    def values(self, station: str, variable: str, validation: bool) -> tuple[Months, Array]:
        """Months and values of a station (none where it is not in the table)."""
        table = (self._second if validation else self._first).get(station)
        if table is None:
            return np.zeros(0, "datetime64[M]"), np.zeros(0)
        column = variable.split("_")[0] if validation else VARIABLES[variable][2]
        known = table[np.isfinite(table[column].to_numpy(float))]
        return known["month"].to_numpy().astype("datetime64[M]"), known[column].to_numpy(float)


def monthly(tower: Tower, members: Array, factor: float) -> tuple[Months, Array]:
    """Whole months of a tower and means ``[month, member]`` of ``members [day, member]`` times ``factor``."""
    month = tower.weather.days.astype("datetime64[M]")
    numbers, index = np.unique(month, return_inverse=True)
    good = np.isfinite(members).all(axis=0)
    mean = np.stack([members[index == i][:, good].mean(axis=0) for i in range(numbers.size)])
    return numbers, factor * mean


def monthly_samples(
    tower: Tower, table: MonthlyTable, prior: Predictions, site: Calibrated, shared: Calibrated | None
) -> dict[str, dict[str, Sample]]:
    """Judged months by variable and method. The error beside the members' spread is the root mean square misfit of
    the months of the first part (of the calibrated methods and the climatology), or `PRIOR_ERROR`."""
    out: dict[str, dict[str, Sample]] = {}
    split = tower.weather.days[tower.train_days].astype("datetime64[M]")
    for variable, (series, factor, _) in VARIABLES.items():
        runs = {"prior": prior, "site": site.judged[tower.key]}
        if shared is not None:
            runs["global"] = shared.judged[tower.key]
        means = {n: monthly(tower, np.asarray(p[series], dtype=float), factor) for n, p in runs.items()}
        known = [table.values(tower.station, variable, half) for half in (False, True)]
        month, value = (np.concatenate([k[i] for k in known]) for i in range(2))
        axis = means["site"][0]
        inside = np.isin(month, axis)
        train = inside & (month < split)
        judged = np.isin(month, known[1][0]) & inside & (month >= split)
        if train.sum() < LEAST or judged.sum() < LEAST:
            continue
        methods: dict[str, Predicted] = {}
        at = np.searchsorted(axis, month.clip(axis[0], axis[-1]))
        for name, (_, members) in means.items():
            if name == "site":
                residual = value[train] - members[at[train]].mean(axis=1)
                sd = np.full(value.size, np.sqrt(np.mean(residual**2)))
            else:
                relative, absolute = PRIOR_ERROR[variable]
                sd = absolute + relative * np.abs(value)
            methods[name] = Predicted(members[at], sd)
        methods["climatology"] = _climatology(month, value, train)
        block = (month - split).astype(int) // 3
        out[variable] = {
            name: ensemble_sample(
                value[judged], m.members[judged], m.sd[judged], block[judged], np.random.default_rng(7)
            )
            for name, m in methods.items()
        }
    return out


def _climatology(month: Months, value: Array, train: NDArray[np.bool_]) -> Predicted:
    """Mean of the calendar month in the first part, of all months where it has none; sd of the residuals."""
    of_year = month.astype(int) % 12
    known = np.array(
        [
            value[train & (of_year == m)].mean() if (train & (of_year == m)).any() else np.nan
            for m in range(12)
        ]
    )
    known = np.where(np.isfinite(known), known, value[train].mean())
    mean = known[of_year]
    # of n values a month the residuals are short by n / (n - 1)
    n = np.array([max((train & (of_year == m)).sum(), 1) for m in range(12)])[of_year]
    scale = np.sqrt(np.maximum(n, 2) / np.maximum(n - 1, 1))
    sd = float(np.sqrt(np.mean((scale[train] * (value[train] - mean[train])) ** 2)))
    return Predicted(np.repeat(mean[:, None], 2, axis=1), np.full(value.size, max(sd, 1e-6)))
