"""Records of leaf area, absorbed light and greenness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from elterra.observations._errors import ColumnError, RecordError
from elterra.observations._report import Report
from elterra.observations.operators._canopy import AbsorbedLight, Greenness, LeafArea
from elterra.observations.operators._observations import FLAGS, USED, Observations, make_observations_of
from elterra.observations.operators._tables import (
    DAY,
    numbers,
    one_of_each,
    open_netcdf,
    read_frame,
    require,
    shifted,
    times,
)

_LIMITS = {"leaf_area": (0.0, 12.0), "fapar": (0.0, 1.0), "ndvi": (-0.3, 1.0)}
_COMPOSITE_DAYS = 8  #: of MODIS leaf area and fAPAR
_GIMMS_DAYS = 15.0
_ERRORS = {"leaf_area": LeafArea.errors, "fapar": AbsorbedLight.errors, "ndvi": Greenness.errors}


def read_leaf_area_months(path: Path, site: str) -> Observations:
    """Monthly leaf area (MODIS, with the assimilation data of CARDAMOM) of one site: months of the calendar."""
    file, report = Path(path).name, Report()
    frame = read_frame(path, ("site", "month", "LAI_m2_m2"))
    frame = frame[frame["site"] == site][["site", "month", "LAI_m2_m2"]]
    if frame.empty:
        raise RecordError(file, f"no site {site!r}", "choose one of the column `site`")
    frame = one_of_each(frame, ["month"], file, report)
    month = times(frame, "month", file, "%Y-%m").astype("datetime64[M]")
    value = numbers(frame, "LAI_m2_m2", file, report, name="leaf_area")
    return make_observations_of(
        "leaf_area",
        "m2 m-2",
        value,
        LeafArea.errors.random_sd(value),
        LeafArea.errors.representativeness_sd(value),
        month.astype("datetime64[ns]"),
        (month + 1).astype("datetime64[ns]"),
        limits=_LIMITS["leaf_area"],
        file=file,
        source="CARDAMOM-FLUXVAL, MODIS leaf area",
        station=site,
        report=report,
        reader="leaf_area_months",
    )


def read_light(path: Path, kind: str, station: str) -> Observations:
    """Leaf area ("leaf_area", column LAI) or fAPAR ("fapar", column fapar) of a half-hourly table, as daily means.

    The record holds a product of eight days that was interpolated to days: of every eight days one is used, the
    others have the flag ``interpolated_by_source``. Days with fewer than half of their values are missing.
    """
    columns = {"leaf_area": "LAI", "fapar": "fapar"}
    file, report = Path(path).name, Report()
    if kind not in columns:
        raise ColumnError(file, f"it has no {kind!r}", f"choose of {', '.join(columns)}", variable=kind)
    frame = read_frame(path, ("time", columns[kind]))[["time", columns[kind]]]
    frame = one_of_each(frame, ["time"], file, report)
    day = times(frame, "time", file).astype("datetime64[D]")
    raw = (
        pd.Series(numbers(frame, columns[kind], file, report, name=kind))
        .groupby(day)
        .agg(["mean", "count", "size"])
    )
    value = np.where(raw["count"] >= 0.5 * raw["size"], raw["mean"], np.nan)
    days = raw.index.to_numpy("datetime64[D]")
    kept = (days - days[0]).astype(int) % _COMPOSITE_DAYS == 0
    flag = np.where(kept, USED, FLAGS.index("interpolated_by_source")).astype(np.int8)
    errors = _ERRORS[kind]
    return make_observations_of(
        kind,
        errors.units,
        value,
        errors.random_sd(value),
        errors.representativeness_sd(value),
        shifted(days, np.timedelta64(0, "D")),
        shifted(days, DAY),
        limits=_LIMITS[kind],
        file=file,
        source="MODIS at BE-Vie",
        station=station,
        flag=flag,
        report=report,
        reader="light",
    )


def read_ndvi(path: Path, longitude: float, latitude: float, station: str) -> Observations:
    """NDVI of the cell of a grid [time, lat, lon] at a place; stamps are the middles of composites of 15 days.

    Winter values are kept: the record has no snow flag, so drop them where snow lies (`select`)."""
    file, report = Path(path).name, Report()
    raw = open_netcdf(path)
    require([*raw.data_vars, *raw.coords], ("ndvi", "lat", "lon", "time"), file)
    lat, lon = raw["lat"].values, raw["lon"].values
    half = 0.5 * float(np.abs(np.diff(lat)).max()), 0.5 * float(np.abs(np.diff(lon)).max())
    if not (
        lat.min() - half[0] <= latitude <= lat.max() + half[0]
        and lon.min() - half[1] <= longitude <= lon.max() + half[1]
    ):
        raise RecordError(
            file, f"{longitude:g} E, {latitude:g} N lies outside the grid", "choose a place within"
        )
    cell = raw["ndvi"].isel(
        lat=int(np.abs(lat - latitude).argmin()), lon=int(np.abs(lon - longitude).argmin())
    )
    frame = one_of_each(pd.DataFrame({"time": raw.time.values, "ndvi": cell.values}), ["time"], file, report)
    middle = frame["time"].to_numpy("datetime64[ns]")
    value = numbers(frame, "ndvi", file, report, name="ndvi")
    half_composite = np.timedelta64(round(0.5 * _GIMMS_DAYS * 86400.0), "s")
    return make_observations_of(
        "ndvi",
        "1",
        value,
        Greenness.errors.random_sd(value),
        Greenness.errors.representativeness_sd(value),
        shifted(middle, -half_composite),
        shifted(middle, half_composite),
        limits=_LIMITS["ndvi"],
        file=file,
        source="GIMMS NDVI3g, Pinzon and Tucker 2014 (doi:10.3390/rs6086929)",
        station=station,
        report=report,
        reader="ndvi",
    )
