"""Exports: NetCDF that the CF and ACDD checkers pass, and CSV as FLUXNET users expect it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.product import units
from elterra.product._time import Time, as_time, step_of
from elterra.product.load import Product, open_product
from elterra.product.statistics import QUANTILES, flag_attributes
from elterra.registry import Variable, variables

Scale = Literal["halfhourly", "daily"]
_FILL = np.float32(9.96921e36)
_EPOCH = "seconds since 1970-01-01T00:00:00Z"

#: global attributes a run must give for a file that can be found and cited
REQUIRED_METADATA = ("title", "summary", "site", "latitude", "longitude", "utc_offset")

_QC = {1: 0, 4: 1, 2: 2, 8: 3}


class ExportError(ValueError):
    """A product cannot be exported; the text says what is missing."""


def cf_dataset(data: xr.Dataset, scale: Scale, metadata: Mapping[str, Any]) -> xr.Dataset:
    """A CF-1.11 and ACDD-1.3 Dataset of one time series group, ready to be written.

    `data`: the group with `time` (UTC interval starts), variables V, V_sd, V_q05.. and V_flag. Names, units,
    standard names and cell methods come from the registry; a variable that is not in it is left out and
    named in the attribute `elterra_left_out`. `metadata` needs `REQUIRED_METADATA`; anything else in it goes to the file.
    Nothing is made up: an attribute that is not in it is not in the file.
    """
    missing = [k for k in REQUIRED_METADATA if k not in metadata]
    if missing:
        raise ExportError(f"metadata lack {missing}; needed: {REQUIRED_METADATA}")
    start = as_time(data["time"].values)
    step = (
        step_of(start)
        if start.size > 1
        else np.timedelta64(1 if scale == "daily" else 30, "D" if scale == "daily" else "m")
    )
    seconds = start.astype("datetime64[s]").astype(np.int64).astype(float)
    width = step / np.timedelta64(1, "s")
    out = xr.Dataset(coords={"time": ("time", seconds, _time_attributes())})
    out["time_bnds"] = (("time", "bnds"), np.stack([seconds, seconds + width], axis=1))
    _add_place(out, metadata)
    _add_depth(out, data)
    left = []
    for name in _base_names(data):
        entry = variables().get(name)
        if entry is None:
            left.append(name)
            continue
        _add_variable(out, data, entry)
    if len(out.data_vars) <= 2:
        raise ExportError(f"the {scale} group holds no variable of the registry")
    out.attrs = _global_attributes(metadata, scale, start, step)
    if left:
        out.attrs["elterra_left_out"] = " ".join(left)
    return out


def write_netcdf(run: Path | Product, out: Path, scale: Scale, metadata: Mapping[str, Any]) -> Path:
    """Writes the `scale` series of a run as NetCDF-4 (new file, then renamed) and returns its path."""
    data = cf_dataset(open_product(run)[scale], scale, metadata)
    encoding: dict[str, dict[str, Any]] = {}
    for name, array in data.variables.items():
        key = str(name)
        if array.dtype == np.float32:
            encoding[key] = {"zlib": True, "complevel": 4, "shuffle": True, "_FillValue": _FILL}
        else:
            encoding[key] = {"_FillValue": None}
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    data.to_netcdf(part, engine="h5netcdf", encoding=encoding)
    part.replace(out)
    return out


def _base_names(data: xr.Dataset) -> list[str]:
    return [str(n) for n in data.data_vars if f"{n}_sd" in data.data_vars]


def _add_place(out: xr.Dataset, metadata: Mapping[str, Any]) -> None:
    out["latitude"] = ((), float(metadata["latitude"]), {
        "standard_name": "latitude", "long_name": "latitude of the tower", "units": "degrees_north",
        "axis": "Y",
    })  # fmt: skip
    out["longitude"] = ((), float(metadata["longitude"]), {
        "standard_name": "longitude", "long_name": "longitude of the tower", "units": "degrees_east",
        "axis": "X",
    })  # fmt: skip
    site = str(metadata["site"])
    out["site"] = (
        (),
        np.array(site, dtype=f"S{len(site.encode())}"),
        {"long_name": "site", "cf_role": "timeseries_id"},
    )


def _add_depth(out: xr.Dataset, data: xr.Dataset) -> None:
    if "soil_layer" not in data.dims:
        return
    attributes = {
        "long_name": "depth of the middle of the soil layer", "standard_name": "depth",
        "units": "m", "positive": "down", "axis": "Z",
    }  # fmt: skip
    if "soil_layer" in data.coords and data["soil_layer"].dtype.kind == "f":
        depth = data["soil_layer"].values.astype(float)
    elif "depth" in data:
        depth = data["depth"].values.astype(float)
    else:
        raise ExportError(
            "layered variables need the depth of the layers (coordinate soil_layer in m, or depth)"
        )
    out.coords["soil_layer"] = ("soil_layer", depth, attributes)


def _add_variable(out: xr.Dataset, data: xr.Dataset, entry: Variable) -> None:
    name = entry.name
    parts = {"sd": f"{name}_sd"} | {q: f"{name}_{q}" for q in QUANTILES if f"{name}_{q}" in data}
    coordinates = "latitude longitude site"
    ancillary = [n for n in parts.values() if n in data]
    if f"{name}_flag" in data:
        ancillary.append(f"{name}_flag")
    unit = units.cf_units(entry.units)
    method = f"time: {entry.cell_method}"
    for key, stored in {"": name, **parts}.items():
        source = data[stored]
        long_name = entry.long_name or entry.description
        attributes: dict[str, Any] = {
            "units": unit,
            "coordinates": coordinates,
            "coverage_content_type": "modelResult",
        }
        if key == "":
            attributes |= {
                "long_name": long_name, "comment": entry.description, "cell_methods": method,
                "ancillary_variables": " ".join(ancillary),
            }  # fmt: skip
            if entry.standard_name:
                attributes["standard_name"] = entry.standard_name
        else:
            what = (
                "ensemble standard deviation" if key == "sd" else f"{round(100 * QUANTILES[key])} % quantile"
            )
            attributes |= {"long_name": f"{what} of {long_name}", "cell_methods": method}
            attributes["coverage_content_type"] = "qualityInformation"
            if entry.standard_name:
                attributes["standard_name"] = entry.standard_name + (" standard_error" if key == "sd" else "")
        if entry.clm:
            attributes["clm_name"] = entry.clm
        if unit != entry.units:
            attributes["elterra_units"] = entry.units
        out[stored] = (source.dims, source.values.astype(np.float32), attributes)
    if f"{name}_flag" in data:
        values = data[f"{name}_flag"]
        attributes = dict(flag_attributes())
        attributes.pop("units")
        attributes |= {
            "long_name": f"source of information of {entry.long_name or name}", "coordinates": coordinates,
            "coverage_content_type": "qualityInformation",
        }  # fmt: skip
        attributes["standard_name"] = "status_flag"
        out[f"{name}_flag"] = (values.dims, values.values.astype(np.uint8), attributes)


def _time_attributes() -> dict[str, Any]:
    return {
        "standard_name": "time", "long_name": "start of the interval (UTC)", "units": _EPOCH,
        "calendar": "standard", "axis": "T", "bounds": "time_bnds",
        "units_metadata": "leap_seconds: none", "coverage_content_type": "coordinate",
    }  # fmt: skip


def _global_attributes(
    metadata: Mapping[str, Any], scale: Scale, start: Time, step: np.timedelta64
) -> dict[str, Any]:
    end = start[-1] + step
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    lat, lon = float(metadata["latitude"]), float(metadata["longitude"])
    height = float(metadata.get("elevation", 0.0))
    base: dict[str, Any] = {
        "Conventions": "CF-1.11, ACDD-1.3",
        "featureType": "timeSeries",
        "keywords": (
            "EARTH SCIENCE > BIOSPHERE > ECOSYSTEMS, EARTH SCIENCE > LAND SURFACE, ecosystem reanalysis"
        ),
        "keywords_vocabulary": "GCMD Science Keywords",
        "standard_name_vocabulary": "CF Standard Name Table v93",
        "source": "elterra: land model with ensemble data assimilation of tower measurements",
        "processing_level": "ecosystem reanalysis, ensemble statistics",
        "comment": "Statistics are those of the analysis ensemble; they hold no measurement error.",
        "naming_authority": "elterra",
        "id": f"{metadata['site']}-{scale}",
        "instrument": "eddy covariance and soil water sensors (assimilated)",
        "platform": "flux tower and land model",
        "product_version": "1",
        "cdm_data_type": "Station",
        "date_created": now,
        "date_modified": now,
        "date_issued": now,
        "date_metadata_modified": now,
        "history": f"{now} exported by elterra",
        "geospatial_lat_min": lat,
        "geospatial_lat_max": lat,
        "geospatial_lat_units": "degrees_north",
        "geospatial_lon_min": lon,
        "geospatial_lon_max": lon,
        "geospatial_lon_units": "degrees_east",
        "geospatial_vertical_min": height,
        "geospatial_vertical_max": height,
        "geospatial_vertical_units": "m",
        "geospatial_vertical_positive": "up",
        "geospatial_vertical_resolution": "point",
        "geospatial_bounds": f"POINT ({lat} {lon})",
        "geospatial_bounds_crs": "EPSG:4326",
        "time_coverage_start": _iso(start[0]),
        "time_coverage_end": _iso(end),
        "time_coverage_duration": _duration(end - start[0]),
        "time_coverage_resolution": _duration(step),
    }
    base |= {
        k: v
        for k, v in metadata.items()
        if v is not None and k not in ("latitude", "longitude", "elevation", "utc_offset")
    }
    base |= _people(base)
    base["utc_offset_hours"] = float(metadata["utc_offset"])
    return base


def _people(given: Mapping[str, Any]) -> dict[str, Any]:
    """ACDD attributes that follow from those given: who distributes a file is its creator where nothing else is said."""
    out: dict[str, Any] = {}
    for key in ("name", "email", "url", "institution", "type"):
        creator = given.get(f"creator_{key}") or (given.get("institution") if key == "institution" else None)
        if creator:
            out[f"creator_{key}"] = creator
        publisher = given.get(f"publisher_{key}") or (None if "publisher_name" in given else creator)
        if publisher:
            out[f"publisher_{key}"] = publisher
    return out


def _iso(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[s]")) + "Z"


def _duration(span: np.timedelta64) -> str:
    seconds = int(span / np.timedelta64(1, "s"))
    days, rest = divmod(seconds, 86_400)
    if not rest:
        return f"P{days}D"
    minutes = rest // 60
    return f"P{days}DT{minutes}M" if days else f"PT{minutes}M"


# --- CSV ----------------------------------------------------------------------------------------------


def fluxnet_columns(
    data: xr.Dataset, scale: Scale, utc_offset: float, names: Sequence[str] | None = None
) -> dict[str, NDArray[Any]]:
    """Columns of a FLUXNET-style table by their header.

    TIMESTAMP_START and TIMESTAMP_END are local standard time (YYYYMMDDHHMM). Daily tables carry TIMESTAMP
    (YYYYMMDD), the date of the UTC day. Each variable V gives V, V_SD, V_05, V_95 and V_QC; layered
    variables give
    V_1, V_2 ... from the top. QC of half-hours: 0 observed, 1 filled from both sides, 2 from one side,
    3 no observation near; daily: fraction of the day that was observed is not known here, so the QC of
    the worst
    bit is given. Units as in FLUXNET: `units.FLUXNET_UNITS`. Missing is -9999.
    """
    start = as_time(data["time"].values)
    columns: dict[str, NDArray[Any]] = {}
    if scale == "daily":
        columns["TIMESTAMP"] = _stamp(start, 8)
    else:
        shift = np.timedelta64(round(utc_offset * 3600), "s")
        step = step_of(start) if start.size > 1 else np.timedelta64(30, "m")
        columns["TIMESTAMP_START"] = _stamp(start + shift, 12)
        columns["TIMESTAMP_END"] = _stamp(start + shift + step, 12)
    for name in names if names is not None else _base_names(data):
        entry = variables().get(name)
        if entry is None:
            continue
        header = entry.fluxnet or name
        target = units.display_units(entry.units, scale)
        for suffix, stored in (
            ("", name),
            ("_SD", f"{name}_sd"),
            ("_05", f"{name}_q05"),
            ("_95", f"{name}_q95"),
        ):
            if stored not in data:
                continue
            change = units.convert_spread if suffix == "_SD" else units.convert
            values = change(data[stored].values.astype(float), entry.units, target)
            if values.ndim == 1:
                columns[header + suffix] = values
            else:
                for layer in range(values.shape[1]):
                    columns[f"{header}{suffix}_{layer + 1}"] = values[:, layer]
        if f"{name}_flag" in data:
            columns[f"{header}_QC"] = quality(data[f"{name}_flag"].values)
    return columns


def quality(flag: NDArray[np.integer]) -> NDArray[np.int64]:
    """FLUXNET-like quality number (0 best .. 3) from the flag bits; the best information of the interval
    counts."""
    out = np.full(flag.shape, 3, np.int64)
    for bit, number in sorted(_QC.items(), key=lambda item: -item[1]):
        out[(flag & bit) > 0] = number
    return out


def write_fluxnet_csv(
    run: Path | Product,
    out: Path,
    scale: Scale,
    metadata: Mapping[str, Any],
    names: Sequence[str] | None = None,
) -> Path:
    """Writes the `scale` series of a run as CSV (see `fluxnet_columns`) and returns its path.

    A sidecar `<name>.units.csv` lists each column's unit and description.
    """
    data = open_product(run)[scale]
    columns = fluxnet_columns(data, scale, float(metadata["utc_offset"]), names)
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    text = [_format(v) for v in columns.values()]
    part = out.with_name(out.name + ".part")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(columns) + "\n")
        for row in zip(*text, strict=True):
            file.write(",".join(row) + "\n")
    part.replace(out)
    _write_units(out.with_suffix(".units.csv"), list(columns), scale)
    return out


def _write_units(path: Path, headers: Sequence[str], scale: Scale) -> None:
    by_header = {(e.fluxnet or n): e for n, e in variables().items() if e.output}
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("column,units,description\n")
        for header in headers:
            entry = next(
                (e for base, e in by_header.items() if header == base or header.startswith(base + "_")), None
            )
            if entry is None:
                stamp = "YYYYMMDD, UTC day" if scale == "daily" else "YYYYMMDDHHMM, local standard time"
                what = "date of the interval" if scale == "daily" else "start or end of the interval"
                file.write(f'{header},"{stamp}",{what}\n')
                continue
            unit = "1" if header.endswith("_QC") else units.display_units(entry.units, scale)
            file.write(f'{header},{unit},"{entry.long_name or entry.description}"\n')


def _stamp(time: Time, digits: int) -> NDArray[np.str_]:
    text = np.datetime_as_string(time, unit="m")
    table = str.maketrans("", "", "-T:")
    return np.array([t.translate(table)[:digits] for t in text])


def _format(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind in "iu":
        return [str(v) for v in values]
    if values.dtype.kind in "US":
        return list(values)
    bad = ~np.isfinite(values)
    return ["-9999" if b else f"{v:.6g}" for v, b in zip(values.tolist(), bad.tolist(), strict=True)]
