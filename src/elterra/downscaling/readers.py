"""Fine and coarse fields from files: NetCDF (xarray), NumPy archives, Parquet tables. The reference system is told.

GeoTIFF needs rasterio or a TIFF decoder; elterra's lock file has neither, so a GeoTIFF is refused with the command that
converts it. Nothing is projected: a file must be in the reference system of its neighbours.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.grid import Fields, Grid, as_array
from elterra.errors import InputError

#: names of the axes that are looked for, in this order
AXES = {"y": ("y", "northing", "lat", "latitude", "rlat"), "x": ("x", "easting", "lon", "longitude", "rlon")}
_GEOGRAPHIC = ("lat", "latitude")


def read_fields(
    path: Path,
    *,
    names: tuple[str, ...] | None = None,
    crs: str | None = None,
    classes: tuple[str, ...] = (),
    select: dict[str, int] | None = None,
) -> Fields:
    """Fields ``[y, x]`` of a file.

    `names`: variables, all with y and x if not told. `crs`: needed where the file does not tell one (attribute ``crs``,
    a CF grid mapping, or axes in degrees, which are taken as EPSG:4326); one that contradicts the file is refused.
    `select`: index along other axes. Parquet: columns ``x`` and ``y`` of pixel centres on a regular grid.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    kind = path.suffix.lower()
    if kind in (".tif", ".tiff"):
        raise InputError(
            f"{path}: GeoTIFF cannot be read (no decoder among elterra's libraries). Convert it: "
            f"gdal_translate -of netCDF {path.name} {path.stem}.nc"
        )
    readers = {".nc": _netcdf, ".nc4": _netcdf, ".npz": _npz, ".parquet": _parquet}
    if kind not in readers:
        raise InputError(
            f"{path}: kind {kind or 'without suffix'} is unknown; there are {', '.join(readers)}"
        )
    grid, values, units = readers[kind](path, names, crs, select or {})
    unknown = [n for n in classes if n not in values]
    if unknown:
        raise InputError(f"{path}: no field {', '.join(unknown)}; there are {', '.join(values)}")
    return Fields(grid, values, frozenset(classes), units)


def _netcdf(path: Path, names: Any, crs: str | None, select: dict[str, int]) -> tuple[Grid, dict, dict]:
    import xarray as xr

    with xr.open_dataset(path) as data:
        ydim, xdim = (_axis(path, data, k) for k in "yx")
        if names is None:
            names = tuple(str(n) for n, v in data.data_vars.items() if {ydim, xdim} <= set(v.dims))
        values, units = {}, {}
        for name in names:
            if name not in data:
                raise InputError(
                    f"{path}: no variable {name}; there are {', '.join(map(str, data.data_vars))}"
                )
            v = data[name]
            others = [str(d) for d in v.dims if d not in (ydim, xdim)]
            open_ = [d for d in others if d not in select and v.sizes[d] > 1]
            if open_:
                raise InputError(
                    f"{path}: variable {name} has the axis {', '.join(open_)}; say which index (select={{'{open_[0]}': 0}})"
                )
            v = v.isel({d: select.get(d, 0) for d in others}).transpose(ydim, xdim)
            values[name] = as_array(v.values)
            units[name] = str(v.attrs.get("units", ""))
        grid = Grid(
            as_array(data[ydim].values), as_array(data[xdim].values), *_reference(path, data, ydim, crs)
        )
    return grid, values, units


def _axis(path: Path, data: Any, which: str) -> str:
    for name in AXES[which]:
        if name in data.dims and name in data.coords:
            return name
    raise InputError(
        f"{path}: no axis {which} with coordinates (looked for {', '.join(AXES[which])}; there are "
        f"{', '.join(map(str, data.dims))}). Add the positions of the pixel centres"
    )


def _reference(path: Path, data: Any, ydim: str, told: str | None) -> tuple[str, bool]:
    """The reference system, and whether the axes are degrees."""
    found = str(data.attrs.get("crs", "")).strip()
    if not found:
        for v in data.variables.values():
            text = v.attrs.get("crs_wkt") or v.attrs.get("spatial_ref")
            if text:
                found = str(text)
                break
    if not found and ydim in _GEOGRAPHIC:
        found = "EPSG:4326"
    if told and found and _code(told) and _code(found) and _code(told) != _code(found):
        raise InputError(f"{path}: crs {told} was told, but the file says {found[:60]}")
    crs = told or found
    if not crs:
        raise InputError(f"{path}: the file tells no reference system; give crs, for example EPSG:3035")
    return crs, ydim in _GEOGRAPHIC


def _code(crs: str) -> str | None:
    found = re.match(r"\s*EPSG:(\d+)", crs)
    return found.group(1) if found else None


def _npz(path: Path, names: Any, crs: str | None, select: dict[str, int]) -> tuple[Grid, dict, dict]:
    del select
    with np.load(path, allow_pickle=False) as data:
        missing = [k for k in ("y", "x") if k not in data]
        if missing:
            raise InputError(
                f"{path}: no array {', '.join(missing)} of pixel centres; there are {', '.join(data.files)}"
            )
        told = crs or (str(data["crs"]) if "crs" in data else "")
        if not told:
            raise InputError(f"{path}: no array crs and none told; give crs, for example EPSG:3035")
        geographic = bool(data["geographic"]) if "geographic" in data else _code(told) == "4326"
        grid = Grid(as_array(data["y"]), as_array(data["x"]), told, geographic)
        names = names or tuple(n for n in data.files if data[n].shape == grid.shape)
        absent = [n for n in names if n not in data]
        if absent:
            raise InputError(f"{path}: no array {', '.join(absent)}; there are {', '.join(data.files)}")
        return grid, {n: as_array(data[n]) for n in names}, {}


def _parquet(path: Path, names: Any, crs: str | None, select: dict[str, int]) -> tuple[Grid, dict, dict]:
    import pandas as pd

    del select
    if crs is None:
        raise InputError(f"{path}: a table tells no reference system; give crs, for example EPSG:3035")
    table = pd.read_parquet(path)
    absent = [n for n in ("x", "y", *(names or ())) if n not in table]
    if absent:
        raise InputError(f"{path}: no column {', '.join(absent)}; there are {', '.join(table.columns)}")
    y, x = (_centres(path, k, as_array(table[k].to_numpy())) for k in "yx")
    grid = Grid(y, x, crs, _code(crs) == "4326")
    rows, columns = (
        np.round((as_array(table[k].to_numpy()) - a[0]) / (a[1] - a[0])).astype(int)
        for k, a in (("y", y), ("x", x))
    )
    names = names or tuple(n for n in table.select_dtypes("number").columns if n not in ("x", "y"))
    values: dict[str, NDArray[np.float64]] = {}
    for name in names:
        values[name] = np.full(grid.shape, np.nan)
        values[name][rows, columns] = as_array(table[name].to_numpy())
    return grid, values, {}


def _centres(path: Path, name: str, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The regular axis that holds all positions."""
    known = np.unique(positions)
    step = np.diff(known).min() if len(known) > 1 else 0.0
    if step <= 0:
        raise InputError(f"{path}: column {name} has one value; expected the pixel centres of a grid")
    count = round(float((known[-1] - known[0]) / step)) + 1
    axis = known[0] + step * np.arange(count)
    off = np.abs((known - known[0]) / step - np.round((known - known[0]) / step)).max()
    if off > 0.01 or count > 100_000:
        raise InputError(
            f"{path}: column {name} is no regular grid (step {step:g}, {off:.2f} of a step beside it)"
        )
    return axis
