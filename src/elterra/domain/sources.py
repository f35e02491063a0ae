"""Gridded files: which grid they are on, and the part of them that a target grid needs.

Read: NetCDF with axes in latitude and longitude, rotated latitude and longitude, or LAEA metres, either order of
rows. Nothing is read whole: a source gives windows.
"""

from __future__ import annotations

from collections.abc import Mapping as AbcMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from elterra.domain.grid import Grid
from elterra.domain.mappings import LambertAzimuthal, LatLon, Mapping, mapping_from_attrs
from elterra.errors import InputError

_Y = ("lat", "latitude", "rlat", "y", "projection_y_coordinate")
_X = ("lon", "longitude", "rlon", "x", "projection_x_coordinate")


@dataclass(frozen=True)
class Window:
    """Cells of a source that a target needs: their grid, and rows and columns in the order of the grid."""

    grid: Grid
    rows: slice
    columns: slice


@dataclass(frozen=True)
class Source:
    """A gridded dataset whose fields can be read in windows, rows from south to north.

    Attributes
    ----------
    data : dataset, opened lazily
    grid : its cells
    dims : names of (y, x) in `data`
    flip : whether rows and columns of `data` run backwards
    name : file or other origin, for messages and metadata
    """

    data: xr.Dataset
    grid: Grid
    dims: tuple[str, str]
    flip: tuple[bool, bool]
    name: str

    def window(self, target: Grid, margin: int = 1) -> Window | None:
        """Cells that may overlap `target`, with `margin` more on each side; None where there is none."""
        lat, lon = _outline(target)
        x, y = self.grid.mapping.forward(lat, lon)
        columns: slice | None = slice(0, self.grid.shape[1])
        rows = _span(self.grid.y_edges, float(y.min()), float(y.max()), margin)
        turn = self.grid.mapping.periodic
        if turn:
            middle = 0.5 * (self.grid.x_edges[0] + self.grid.x_edges[-1])
            x = x - turn * np.round((x - middle) / turn)
            torn = np.abs(np.diff(np.append(x, x[0]))).max() > 0.5 * turn
            if not torn:  # else all columns
                columns = _span(self.grid.x_edges, float(x.min()), float(x.max()), margin)
        else:
            columns = _span(self.grid.x_edges, float(x.min()), float(x.max()), margin)
        if rows is None or columns is None:
            return None
        return Window(self.grid.window(rows, columns), rows, columns)

    def read(self, variable: str, window: Window, **select: Any) -> np.ndarray:
        """Values ``[..., y, x]`` of `variable` in a window, NaN where missing. `select`: labels on other
        dimensions, such as ``year=2018``."""
        if variable not in self.data:
            raise InputError(
                f"{self.name}: no variable {variable!r}. It holds {', '.join(map(str, self.data.data_vars))}. "
                "Name one of them."
            )
        array = self.data[variable]
        if select:
            array = array.sel(select)
        ny, nx = self.grid.shape
        pick = {}
        for dim, part, n, back in zip(
            self.dims, (window.rows, window.columns), (ny, nx), self.flip, strict=True
        ):
            pick[dim] = slice(n - part.stop, n - part.start) if back else part
        array = array.isel(pick).transpose(..., *self.dims)
        values = array.values
        step = tuple(slice(None, None, -1) if back else slice(None) for back in self.flip)
        return values[..., step[0], step[1]]


def open_source(path: str | Path, name: str = "", mapping: Mapping | None = None) -> Source:
    """Opens a NetCDF file as a source. `mapping`: its coordinate system, where the file does not say it."""
    try:
        data = xr.open_dataset(path, decode_timedelta=False, cache=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Give the path of a NetCDF file.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as NetCDF: {error}") from None
    return source_of(data, name or str(path), mapping)


def source_of(data: xr.Dataset, name: str, mapping: Mapping | None = None) -> Source:
    """A dataset as a source. Raises InputError where its grid is not understood."""
    ydim, xdim = (_axis(data, names, what, name) for names, what in ((_Y, "y"), (_X, "x")))
    system = mapping or _mapping(data, ydim, name)
    edges, flip = [], []
    for dim in (xdim, ydim):
        values, back = _edges(data, dim, isinstance(system, LambertAzimuthal), name)
        edges.append(values)
        flip.append(back)
    if system.periodic:
        edges[1] = np.clip(edges[1], -90.0, 90.0)
    return Source(data, Grid(system, edges[0], edges[1], name), (ydim, xdim), (flip[1], flip[0]), name)


def _axis(data: xr.Dataset, names: tuple[str, ...], what: str, name: str) -> str:
    for dim in data.dims:
        coordinate = data.coords.get(dim)
        if coordinate is not None and coordinate.ndim == 1:
            standard = str(coordinate.attrs.get("standard_name", ""))
            if str(dim).lower() in names or standard in names:
                return str(dim)
    raise InputError(
        f"{name}: no {what} axis found; expected a dimension with coordinate called {' or '.join(names)}, "
        f"got {', '.join(map(str, data.dims))}. Rename the axis."
    )


def _mapping(data: xr.Dataset, ydim: str, name: str) -> Mapping:
    for variable in data.variables.values():
        if "grid_mapping_name" in variable.attrs:
            return mapping_from_attrs(variable.attrs, name)
    code = "".join(str(data.attrs.get(key, "")) for key in ("crs", "epsg", "projection"))
    if "3035" in code:
        return LambertAzimuthal()
    low, high = float(data[ydim].min()), float(data[ydim].max())
    if ydim.lower() in ("lat", "latitude") and low >= -90.01 and high <= 90.01:
        return LatLon()
    raise InputError(
        f"{name}: the coordinate system is not said. Give a grid mapping variable (CF), the attribute "
        "crs = 'EPSG:3035', or axes called lat and lon."
    )


def _edges(data: xr.Dataset, dim: str, metres: bool, name: str) -> tuple[np.ndarray, bool]:
    """Increasing cell edges of an axis, and whether the axis runs backwards."""
    coordinate = data[dim]
    values = np.asarray(coordinate.values, float)
    if metres and str(coordinate.attrs.get("units", "m")) == "km":
        values = values * 1000.0
    if values.size < 2:
        raise InputError(f"{name}: axis {dim} has one value; the size of its cell is not known")
    back = bool(values[-1] < values[0])
    if back:
        values = values[::-1]
    steps = np.diff(values)
    if not np.all(steps > 0.0):
        raise InputError(f"{name}: axis {dim} does not run one way")
    step = (values[-1] - values[0]) / (values.size - 1)
    if np.all(np.abs(steps - step) < 0.02 * step):  # uniform but for single precision
        return values[0] + step * (np.arange(values.size + 1) - 0.5), back
    middle = 0.5 * (values[1:] + values[:-1])
    return np.concatenate([[2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]]), back


def _span(edges: np.ndarray, low: float, high: float, margin: int) -> slice | None:
    """Cells between `low` and `high` and `margin` more; None where there is none between them."""
    if high <= edges[0] or low >= edges[-1]:
        return None
    first = int(np.searchsorted(edges, low, "right")) - 1 - margin
    last = int(np.searchsorted(edges, high, "left")) + margin
    first, last = max(first, 0), min(last, edges.size - 1)
    return slice(first, last)


def _outline(grid: Grid, points: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Latitudes and longitudes along the outline of a grid, in order."""

    def along(edges: np.ndarray) -> np.ndarray:
        return np.interp(np.linspace(0.0, 1.0, max(points * 8, 65)), np.linspace(0.0, 1.0, edges.size), edges)

    x, y = along(grid.x_edges), along(grid.y_edges)
    xs = np.concatenate([x, np.full(y.size, x[-1]), x[::-1], np.full(y.size, x[0])])
    ys = np.concatenate([np.full(x.size, y[0]), y, np.full(x.size, y[-1]), y[::-1]])
    return grid.mapping.inverse(xs, ys)


def attributes(source: Source, variable: str) -> AbcMapping[str, Any]:
    """Attributes of a variable of a source."""
    return source.data[variable].attrs
