"""Climates from files, and generated weather to files."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.errors import ElterraError, InputError
from elterra.forcing.weather._calendar import days_of_month, month_number
from elterra.forcing.weather.climate import MonthlyClimate
from elterra.forcing.weather.generator import STREAMS, WeatherGenerator

Array = NDArray[np.float64]
#: names of variables in files -> names here
_NAMES = {
    "temperature": "temperature", "t2m": "temperature", "tas": "temperature", "tair": "temperature",
    "precipitation": "precipitation", "tp": "precipitation", "pr": "precipitation",
    "radiation": "radiation", "rsds": "radiation", "ssrd": "radiation",
    "vapour_pressure": "vapour_pressure", "vap": "vapour_pressure", "wind": "wind", "sfcwind": "wind",
    "longwave": "longwave", "rlds": "longwave", "wet_fraction": "wet_fraction", "diurnal_range": "diurnal_range",
    "ndep": "ndep",
}  # fmt: skip
_PLACE = {"lat": "latitude", "lon": "longitude", "altitude": "elevation", "orography": "elevation"}
_MONTH_DAYS = np.array([31.0, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
#: units of the written streams
UNITS = {
    "TBOT": "K", "QBOT": "kg kg-1", "PSRF": "Pa", "WIND": "m s-1", "FSDS": "W m-2", "FLDS": "W m-2",
    "PRECTmms": "kg m-2 s-1", "CO2": "umol mol-1", "NDEP": "g m-2 s-1",
}  # fmt: skip


def read_climate(path: Path, *, point: tuple[float, float, float] | None = None) -> MonthlyClimate:
    """A monthly climate from CSV or NetCDF.

    CSV: twelve rows January to December with columns temperature (K or degC) and precipitation (mm a month), and where
    known radiation (W m-2), vapour_pressure (Pa), wind (m s-1), longwave (W m-2), wet_fraction, diurnal_range (K);
    needs ``point``.
    NetCDF: the same names (or t2m, tp, tas, pr, ...) with dimensions month and a grid or cells, units in the attribute
    ``units``; ``elevation`` where known, else 0 m. ``point`` (latitude, longitude, elevation in m) picks the nearest cell.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; a climate is a CSV or NetCDF file of monthly means")
    return _from_csv(path, point) if path.suffix.lower() == ".csv" else _from_netcdf(path, point)


def _from_csv(path: Path, point: tuple[float, float, float] | None) -> MonthlyClimate:
    if point is None:
        raise InputError(f"{path}: a CSV climate has no place; give latitude, longitude and elevation")
    rows = list(
        csv.DictReader(
            line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
        )
    )
    if len(rows) != 12:
        raise InputError(f"{path}: {len(rows)} rows, expected twelve, January to December")
    values: dict[str, Array] = {}
    for column in rows[0]:
        name = _NAMES.get(column.strip().lower())
        if name is None:
            continue
        try:
            values[name] = np.array([float(r[column]) for r in rows])[:, None]
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}: column {column}: not a number in every row ({error})") from error
    units = {
        "precipitation": "mm month-1",
        "temperature": "K" if values.get("temperature", np.zeros(1)).min() > 150.0 else "degC",
    }
    lat, lon, elevation = (np.array([x]) for x in point)
    return _climate(path, values, units, lat, lon, elevation)


def _from_netcdf(path: Path, point: tuple[float, float, float] | None) -> MonthlyClimate:
    with xr.open_dataset(path, engine="h5netcdf") as ds:
        ds = ds.rename({old: new for old, new in _PLACE.items() if old in ds.variables})
        values, units = {}, {}
        for key in ds.data_vars:
            name = _NAMES.get(str(key).lower())
            if name is None:
                continue
            values[name] = np.asarray(ds[key].values, float)
            units[name] = str(ds[key].attrs.get("units", ""))
        if "latitude" not in ds or "longitude" not in ds:
            raise InputError(f"{path}: no latitude and longitude among {sorted(map(str, ds.variables))}")
        lat, lon = np.asarray(ds["latitude"].values, float), np.asarray(ds["longitude"].values, float)
        if ds["latitude"].dims != ds["longitude"].dims:
            lat, lon = np.meshgrid(lat, lon, indexing="ij")
        elevation = np.asarray(ds["elevation"].values, float) if "elevation" in ds else np.zeros(lat.shape)
        source = str(ds.attrs.get("title", ds.attrs.get("source", "")))
    lat, lon, elevation = lat.ravel(), lon.ravel(), elevation.ravel()
    flat = {n: v.reshape(12, -1) if v.shape[:1] == (12,) else v.ravel() for n, v in values.items()}
    if point is None:
        keep = np.flatnonzero(
            np.isfinite(flat.get("temperature", np.full((1, lat.size), np.nan))).all(axis=0)
        )
    else:
        away = np.hypot(lat - point[0], np.cos(np.deg2rad(point[0])) * (lon - point[1]))
        keep = np.array([int(np.argmin(away))])
        if away[keep[0]] > 1.0:
            raise InputError(
                f"{path}: the nearest cell to {point[0]:g} N, {point[1]:g} E is {away[keep[0]]:.2f} degrees away"
            )
        elevation[keep] = point[2]
    return _climate(
        path, {n: v[..., keep] for n, v in flat.items()}, units, lat[keep], lon[keep], elevation[keep], source
    )


def _climate(
    path: Path,
    values: dict[str, Array],
    units: dict[str, str],
    lat: Array,
    lon: Array,
    elevation: Array,
    source: str = "",
) -> MonthlyClimate:
    missing = [n for n in ("temperature", "precipitation") if n not in values]
    if missing:
        raise InputError(f"{path}: no {' and no '.join(missing)}; known names: {', '.join(sorted(_NAMES))}")
    t = values["temperature"]
    values["temperature"] = (
        t + 273.15 if units.get("temperature", "K").lower() in ("degc", "c", "celsius", "deg c") else t
    )
    unit = units.get("precipitation", "").replace(" ", "").replace("/", "").lower()
    if "month" in unit:
        values["precipitation"] = values["precipitation"] / _MONTH_DAYS[:, None]
    elif unit in ("kgm-2s-1", "mms-1"):
        values["precipitation"] = values["precipitation"] * 86400.0
    elif unit not in ("kgm-2d-1", "mmd-1", "mmday-1", "kgm-2day-1", "mmd", "mmday"):
        raise InputError(
            f"{path}: precipitation has the unit {units.get('precipitation')!r}; expected mm month-1, mm d-1 or kg m-2 s-1"
        )
    attrs = {"climate_file": path.name} | ({"climate_source": source} if source else {})
    ndep = values.pop("ndep", None)
    extra: dict[str, Any] = {} if ndep is None else {"ndep": ndep.mean(axis=0) if ndep.ndim == 2 else ndep}
    return MonthlyClimate(lat, lon, elevation, **values, **extra, name=path.stem, attrs=attrs)


def write_weather(
    generator: WeatherGenerator,
    path: Path,
    first_year: int,
    years: int,
    *,
    told: Callable[[int], None] | None = None,
) -> None:
    """NetCDF with the streams ``[time, cell]`` of whole years, month by month (memory of one month), new-then-renamed.

    The file says that its weather is generated, and opens again with `forcing.open_gridded`.
    """
    numbers = range(month_number(first_year, 1), month_number(first_year + years, 1))
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    steps = generator.steps_per_day
    count = steps * sum(len(days_of_month(n, generator.leap_days)) for n in numbers)
    try:
        with h5netcdf.File(aside, "w") as file:
            _header(file, generator, first_year, count)
            at = 0
            for number in numbers:
                streams = generator.month(1970 + number // 12, number % 12 + 1)
                stop = at + len(streams["time"])
                origin = np.datetime64(f"{first_year}-01-01", "s")
                seconds = (np.asarray(streams["time"], "datetime64[s]") - origin).astype(np.int64)
                file.variables["time"][at:stop] = seconds // 60
                for name in STREAMS:
                    file.variables[name][at:stop] = streams[name].astype(np.float32)
                at = stop
                if told is not None and number % 12 == 11:
                    told(1970 + number // 12)
        os.replace(aside, path)
    except OSError as error:
        raise ElterraError(f"{path}: cannot write: {error}") from error
    finally:
        aside.unlink(missing_ok=True)


def _header(file: h5netcdf.File, g: WeatherGenerator, first_year: int, count: int) -> None:
    file.dimensions = {"time": count, "cell": g.cells}
    time = file.create_variable("time", ("time",), np.int64)
    time.attrs["units"] = f"minutes since {first_year}-01-01 00:00:00"
    time.attrs["calendar"] = "standard"
    time.attrs["long_name"] = "start of step, UTC"
    for name, values, unit in (
        ("latitude", g.climate.latitude, "degrees_north"),
        ("longitude", g.climate.longitude, "degrees_east"),
        ("elevation", g.climate.elevation, "m"),
    ):
        variable = file.create_variable(name, ("cell",), np.float64, data=np.asarray(values))
        variable.attrs["units"] = unit
    chunks = (min(count, 744), min(g.cells, 256))
    for name in STREAMS:
        variable = file.create_variable(
            name, ("time", "cell"), np.float32, chunks=chunks, compression="gzip", compression_opts=1
        )
        variable.attrs["units"] = UNITS[name]
        variable.attrs["coordinates"] = "latitude longitude"
    file.attrs["Conventions"] = "CF-1.8"
    file.attrs["step_seconds"] = g.step_seconds
    for key, value in g.attrs.items():
        # a calendar without 29 February is told by the missing days; the time stamps are real dates
        file.attrs[key] = value
