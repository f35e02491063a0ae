"""Errors of the stated assumptions of a domain, and the fits behind `domain/defaults.toml`, from the shared data.

Towers and blocks of land are left out in turn: the errors are of places that a fit has not seen.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from elterra.domain import defaults, packaged_europe
from elterra.domain.climate_part import saturation
from elterra.domain.europe import grid_about
from elterra.domain.regrid import Regridder

#: parts that are left out in turn
_FOLDS = 8


def shared() -> Path:
    """Where the shared data are looked for."""
    return Path(os.environ.get("ELTERRA_SHARED", Path(__file__).resolve().parents[4] / "shared"))


def assumption_figures() -> dict[str, float]:
    """``NAME.rmse_unseen``, ``NAME.rmse_constant`` (one number everywhere) and ``NAME.drift``, the largest relative
    difference of predictions by a new fit and by `defaults.toml`. Empty where the data or their reader are not
    here."""
    out: dict[str, float] = {}
    if (shared() / "data" / "gridded" / "eudem_stats_eu_0p11.nc").exists():
        out |= _elevation()
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return out
    if (shared() / "data" / "flux" / "fluxnet2015_eu_daily_dev.parquet").exists():
        out |= _towers()
    return out


def _unseen(x: np.ndarray, y: np.ndarray, groups: np.ndarray, scale: np.ndarray) -> tuple[float, np.ndarray]:
    """Root mean square error at groups left out in turn (times `scale`), and the coefficients of all."""
    error = np.zeros(y.size)
    names = np.unique(groups)
    for k in range(_FOLDS):
        out = np.isin(groups, names[k::_FOLDS])
        w = scale[~out]
        found, *_ = np.linalg.lstsq(x[~out] * w[:, None], y[~out] * w, rcond=None)
        error[out] = x[out] @ found - y[out]
    whole, *_ = np.linalg.lstsq(x * scale[:, None], y * scale, rcond=None)
    return float(np.sqrt(np.mean((error * scale) ** 2))), whole


def _report(
    name: str, x: np.ndarray, y: np.ndarray, groups: np.ndarray, scale: np.ndarray, shipped: list[float]
) -> dict[str, float]:
    unseen, found = _unseen(x, y, groups, scale)
    constant, _ = _unseen(x[:, :1], y, groups, scale)
    ours, new = (x @ np.asarray(shipped)) * scale, (x @ found) * scale
    return {
        f"{name}.rmse_unseen": unseen,
        f"{name}.rmse_constant": constant,
        f"{name}.drift": float(np.abs(new - ours).max() / np.abs(ours).max()),
    }


def _elevation() -> dict[str, float]:
    """Elevation of ERA5's cells against EU-DEM, blocks of 5 degrees left out."""
    import xarray as xr

    with xr.open_dataset(shared() / "data" / "gridded" / "eudem_stats_eu_0p11.nc") as file:
        data = file.sortby("lat").load()
    europe = packaged_europe()
    grid = europe.climate_grid
    regrid = Regridder(grid_about(data.lat.values, data.lon.values, "EU-DEM"), grid)
    z = regrid.mean(data.altitude_mean.values, 0.8)[0]
    known = np.isfinite(z)
    lat, lon = grid.lat[known], grid.lon[known]
    t = europe.climate.tas.values[:, known] - 273.15
    north, east, one = (lat - 50.0) / 10.0, (lon - 10.0) / 20.0, np.ones(lat.size)
    summer, winter = t[[5, 6, 7]].mean(axis=0), t[[11, 0, 1]].mean(axis=0)
    x = np.stack([one, north, east, north**2, north * east, east**2, summer, winter], axis=1)
    blocks = 100 * np.floor(lat / 5.0) + np.floor(lon / 5.0)
    return _report("elevation", x, z[known], blocks, one, defaults.table()["elevation"]["coefficients"])


def _towers() -> dict[str, float]:
    """Radiation and humidity of tower months, towers left out."""
    import pandas as pd

    flux = shared() / "data" / "flux"
    daily = pd.read_parquet(flux / "fluxnet2015_eu_daily_dev.parquet")
    for name in ("TA", "SW_IN", "VPD"):
        daily.loc[daily[f"{name}_qc"] < 0.7, name] = np.nan
    daily["month"] = pd.to_datetime(daily["date"]).dt.month
    # saturation between the extremes of the day, hPa
    extremes = daily[["TA_min", "TA_max"]].to_numpy() + 273.15
    span = saturation(extremes).mean(axis=1) / 100.0
    daily["rh"] = 1.0 - daily["VPD"] / span
    groups = daily.groupby(["site", "month"])
    enough = groups[["TA", "SW_IN", "VPD"]].count().min(axis=1) > 60
    months = groups[["TA", "SW_IN", "rh"]].mean()[enough].reset_index()
    rain = pd.read_parquet(flux / "cardamom_fluxval_monthly_drivers_obs_2001_2016_dev.parquet")
    rain["month"] = rain["month"].str[5:].astype(int)
    rain = rain.groupby(["site", "month"])["PRECIP_mm_d"].mean().reset_index()
    sites = pd.read_csv(flux / "fluxnet2015_eu_sites.csv").set_index("site")
    months = months.merge(rain, on=["site", "month"])
    months["lat"] = months["site"].map(sites["lat"])
    months = months.dropna()
    lat, month = months["lat"].to_numpy(), months["month"].to_numpy() - 1
    above = defaults.top_of_atmosphere(lat)[month, np.arange(lat.size)]
    wet, one = np.sqrt(months["PRECIP_mm_d"].to_numpy()), np.ones(lat.size)
    clear = np.where(above > 5.0, months["SW_IN"].to_numpy() / np.maximum(above, 5.0), 0.4)
    places = months["site"].to_numpy()
    table = defaults.table()
    x = np.stack([one, months["TA"].to_numpy(), wet, np.sin(np.deg2rad(lat))], axis=1)
    out = _report("rsds", x, clear, places, above, table["rsds"]["coefficients"])
    x = np.stack([one, above, wet], axis=1)
    out |= _report("hurs", x, months["rh"].to_numpy(), places, one, table["hurs"]["coefficients"])
    for key in ("hurs.rmse_unseen", "hurs.rmse_constant"):
        out[key] *= 100.0  # %
    return out
