"""Tower records as observations: half-hours of FLUXNET2015 and daily means with uncertainty of CalLMIP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from elterra.observations._errors import ColumnError
from elterra.observations._observe import smooth_flux
from elterra.observations._random_error import fit_error_model
from elterra.observations._report import Report
from elterra.observations.operators._observations import FLAGS, USED, Observations, make_observations_of
from elterra.observations.operators._operator import CARBON_MOLAR_MASS, SECONDS_PER_DAY
from elterra.observations.operators._tables import (
    CLOCK_COLUMNS,
    DAY,
    HALF_HOUR,
    ends_of_half_hours,
    hours,
    numbers,
    one_of_each,
    open_netcdf,
    read_frame,
    require,
    shifted,
    times,
)
from elterra.observations.operators._tower import TOWER_ERRORS

Array = NDArray[np.float64]

#: physical limits of a half-hour, as in the quality control of towers (docs/science/observations.md)
LIMITS = {
    "NEE": (-60.0, 40.0),
    "GPP": (-20.0, 80.0),
    "ER": (-10.0, 60.0),
    "LE": (-150.0, 800.0),
    "H": (-300.0, 800.0),
}
_FILLED = FLAGS.index("gap_filled_by_source")
#: offset and factors from the record's units to those of the error model (K, Pa)
_KELVIN, _PA_PER_HPA = 273.15, 100.0


def _weather(raw: xr.Dataset) -> xr.Dataset:
    """The weather by which like half-hours are found."""
    out = xr.Dataset(attrs={"step_seconds": 1800.0})
    for name, offset, factor in (("SW_IN", 0.0, 1.0), ("TA", _KELVIN, 1.0), ("VPD", 0.0, _PA_PER_HPA)):
        if name in raw:
            out[name] = ("time", np.asarray(raw[name].values, float) * factor + offset)
    return out


def read_tower_halfhours(path: Path, site: str, variable: str) -> Observations:
    """Measured half-hours of one site of a FLUXNET2015 extract (a NetCDF group a site; UTC, ends of intervals).

    variable : "NEE" or "GPP" (night-time estimate; half the difference from the day-time estimate is part of its
        representativeness error). Only where the NEE was measured (QC 0): gap-filled half-hours are flagged.
    The random error is fitted on the record (see docs/science/observations.md).
    """
    raw = open_netcdf(path, group=site)
    file = f"{Path(path).name}:{site}"
    column = {"NEE": "NEE", "GPP": "GPP_NT"}.get(variable)
    if column is None:
        raise ColumnError(file, f"it has no {variable!r}", "choose NEE or GPP", variable=variable)
    require(list(raw.data_vars), (column, "NEE", "NEE_QC"), file)
    report = Report()
    frame = pd.DataFrame({"time": raw.time.values, column: raw[column].values, "NEE": raw["NEE"].values})
    frame = one_of_each(frame, ["time"], file, report)
    raw = raw.isel(time=np.unique(raw.time.values, return_index=True)[1])
    value = numbers(raw[[column]].to_dataframe(), column, file, report, name=variable)
    nee = np.asarray(raw["NEE"].values, float)
    measured = np.asarray(raw["NEE_QC"].values) == 0
    flag = np.where(measured, USED, _FILLED).astype(np.int8)
    per_day = round(SECONDS_PER_DAY / 1800.0)
    own = np.where(measured & (np.abs(nee) < LIMITS["NEE"][1] * 2), nee, np.nan)
    random = fit_error_model(_weather(raw), "NEE", own).sd(smooth_flux(own, per_day))
    spread = TOWER_ERRORS[variable].representativeness_sd(value)
    if variable == "GPP" and "GPP_DT" in raw:
        methods = 0.5 * np.abs(np.asarray(raw["GPP_DT"].values, float) - value)
        spread = np.hypot(spread, np.nan_to_num(methods))
    end = raw.time.values.astype("datetime64[ns]")
    return make_observations_of(
        f"tower_{variable.lower()}",
        "umol m-2 s-1",
        value,
        random,
        spread,
        shifted(end, -HALF_HOUR),
        end,
        limits=LIMITS[variable],
        file=file,
        source=str(raw.attrs.get("citation", "FLUXNET2015")),
        station=site,
        flag=flag,
        report=report,
        reader="tower_halfhours",
    )


def read_tower_table(path: Path, variable: str, utc_offset_h: float, station: str) -> Observations:
    """Half-hours of a table with Year, DoY, Hour (end of the interval, local standard time) and NEE, LE, H, Rg, Tair,
    VPD: the form of REddyProc. Empty cells are missing; nothing in it is gap-filled."""
    if variable not in ("NEE", "LE", "H"):
        raise ColumnError(
            Path(path).name, f"it has no {variable!r}", "choose NEE, LE or H", variable=variable
        )
    file, report = Path(path).name, Report()
    frame = read_frame(path, (*CLOCK_COLUMNS, variable, "Rg", "Tair", "VPD"))
    frame = one_of_each(frame, CLOCK_COLUMNS, file, report)
    end = ends_of_half_hours(frame, file, report, utc_offset_h)
    weather = {
        n: numbers(frame, c, file, Report()) for n, c in (("SW_IN", "Rg"), ("TA", "Tair"), ("VPD", "VPD"))
    }
    raw = xr.Dataset({n: ("time", v) for n, v in weather.items()})
    value = numbers(frame, variable, file, report, name=variable)
    low, high = LIMITS[variable]
    own = np.where((value > low) & (value < high), value, np.nan)
    random = fit_error_model(_weather(raw), variable, own).sd(
        smooth_flux(own, round(SECONDS_PER_DAY / 1800.0))
    )
    return make_observations_of(
        f"tower_{variable.lower()}",
        TOWER_ERRORS[variable].units,
        value,
        random,
        TOWER_ERRORS[variable].representativeness_sd(value),
        shifted(end, -HALF_HOUR),
        end,
        limits=LIMITS[variable],
        file=file,
        source="REddyProc example record",
        station=station,
        report=report,
        reader="tower_table",
    )


def read_tower_days(path: Path, variable: str, utc_offset_h: float) -> Observations:
    """Daily means with their joint uncertainty of a CalLMIP file; days of local standard time.

    variable : "NEE" (gC m-2 d-1), "LE" or "H" (W m-2). The uncertainty of the file is the random part; the
    representativeness is that of `TOWER_ERRORS` as a mean over the day.
    """
    names = {
        "NEE": ("NEE_daily", "NEE_uc_daily"),
        "LE": ("Qle_daily", "Qle_uc_daily"),
        "H": ("Qh_daily", "Qh_uc_daily"),
    }
    file, report = Path(path).name, Report()
    if variable not in names:
        raise ColumnError(file, f"it has no {variable!r}", f"choose of {', '.join(names)}", variable=variable)
    raw = open_netcdf(path)
    require(list(raw.data_vars), names[variable], file)
    frame = pd.DataFrame({"time": raw.time.values.astype("datetime64[ns]")})
    frame["value"], frame["sd"] = (np.asarray(raw[n].values, float).reshape(-1) for n in names[variable])
    frame = one_of_each(frame, ["time"], file, report)
    value, sd = (
        numbers(frame, c, file, report, name=variable if c == "value" else "sd") for c in ("value", "sd")
    )
    errors = TOWER_ERRORS[variable]
    factor = SECONDS_PER_DAY * CARBON_MOLAR_MASS * 1e-6 if variable == "NEE" else 1.0
    spread = errors.representativeness[0] * factor + errors.representativeness[1] * np.abs(value)
    start = shifted(frame["time"].to_numpy("datetime64[ns]"), -hours(utc_offset_h))
    low, high = LIMITS[variable]
    return make_observations_of(
        f"tower_{variable.lower()}",
        "gC m-2 d-1" if variable == "NEE" else "W m-2",
        value,
        sd,
        spread,
        start,
        shifted(start, DAY),
        limits=(low * factor, high * factor),
        file=file,
        source="CalLMIP phase 1b, FLUXNET2015 (doi:10.1038/s41597-020-0534-3)",
        station=str(raw.attrs.get("site_code", "")),
        report=report,
        reader="tower_days",
    )


def read_tower_partitioned_days(
    path: Path, site: str, variable: str, utc_offset_h: float, minimum_quality: float = 0.75
) -> Observations:
    """Daily NEE, GPP or ER (night-time partition, gC m-2 d-1) of one site of the daily FLUXNET2015 extract; days of local
    standard time.

    Days with less than `minimum_quality` of measured or well-filled half-hours are flagged as filled. The random error
    is that of 48 independent half-hours of the published model; half the difference of the two partitions of GPP is
    part of the representativeness error of GPP and ER.
    """
    columns = {"NEE": "NEE", "GPP": "GPP_NT", "ER": "RECO_NT"}
    file, report = f"{Path(path).name}:{site}", Report()
    if variable not in columns:
        raise ColumnError(
            file, f"it has no {variable!r}", f"choose of {', '.join(columns)}", variable=variable
        )
    names = list(dict.fromkeys(["date", "site", columns[variable], "GPP_NT", "GPP_DT", "NEE_qc"]))
    frame = read_frame(path, names)
    frame = frame.loc[frame["site"] == site, list(dict.fromkeys(names))]
    if frame.empty:
        raise ColumnError(file, "no such site", "choose one of the column `site`", variable=site)
    frame = one_of_each(frame, ["date"], file, report)
    value = numbers(frame, columns[variable], file, report, name=variable)
    night, day, quality = (numbers(frame, c, file, Report()) for c in ("GPP_NT", "GPP_DT", "NEE_qc"))
    factor = SECONDS_PER_DAY * CARBON_MOLAR_MASS * 1e-6
    errors = TOWER_ERRORS[variable]
    random = (errors.random[0] * factor + errors.random[1] * np.abs(value)) / np.sqrt(
        SECONDS_PER_DAY / 1800.0
    )
    own = errors.representativeness[0] * factor + errors.representativeness[1] * np.abs(value)
    if variable != "NEE":
        own = np.hypot(own, 0.5 * np.nan_to_num(np.abs(night - day)))
    start = shifted(times(frame, "date", file), -hours(utc_offset_h))
    low, high = LIMITS[variable]
    return make_observations_of(
        f"tower_{variable.lower()}",
        "gC m-2 d-1",
        value,
        random,
        own,
        start,
        shifted(start, DAY),
        limits=(low * factor, high * factor),
        file=file,
        source="FLUXNET2015 (doi:10.1038/s41597-020-0534-3)",
        station=site,
        flag=np.where(quality >= minimum_quality, USED, _FILLED).astype(np.int8),
        report=report,
        reader="tower_partitioned_days",
    )
