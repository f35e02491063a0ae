"""A grid of cells bounded by lines of one coordinate system: centres, corners, exact areas, subsets, CF
form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from elterra.domain.mappings import LambertAzimuthal, LatLon, Mapping, RotatedPole, wrap
from elterra.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

#: name of the CF grid mapping variable in files
CRS = "crs"


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells between `y_edges` [ny + 1] and `x_edges` [nx + 1], both increasing, in the units of `mapping`
    (degrees or m).

    Fields on a grid are arrays ``[..., y, x]``; cell number ``y * nx + x``.
    """

    mapping: Mapping
    x_edges: np.ndarray
    y_edges: np.ndarray
    name: str = ""

    def __post_init__(self) -> None:
        for axis, edges in (("x_edges", self.x_edges), ("y_edges", self.y_edges)):
            values = np.asarray(edges, float)
            if values.ndim != 1 or values.size < 2 or not np.all(np.diff(values) > 0.0):
                raise InputError(
                    f"grid {self.name!r}: {axis} must be one increasing row of at least two numbers"
                )
            values.setflags(write=False)
            object.__setattr__(self, axis, values)
        if self.mapping.periodic:
            if self.x_edges[-1] - self.x_edges[0] > self.mapping.periodic * (1.0 + 1e-9):
                raise InputError(
                    f"grid {self.name!r}: longitudes span more than one turn; cut the overlap off"
                )
            if self.y_edges[0] < -90.0 - 1e-9 or self.y_edges[-1] > 90.0 + 1e-9:
                raise InputError(
                    f"grid {self.name!r}: latitudes {self.y_edges[0]}..{self.y_edges[-1]} leave -90..90"
                )

    @classmethod
    def uniform(
        cls, mapping: Mapping, first_x: float, first_y: float, step: float, nx: int, ny: int, name: str = ""
    ) -> Grid:
        """A grid from the centre of its first (lower left) cell, the step and the numbers of cells."""
        return cls(
            mapping,
            first_x + step * (np.arange(nx + 1) - 0.5),
            first_y + step * (np.arange(ny + 1) - 0.5),
            name,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells (ny, nx)."""
        return self.y_edges.size - 1, self.x_edges.size - 1

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.shape[0] * self.shape[1]

    @cached_property
    def x(self) -> np.ndarray:
        """Centres [nx] in x."""
        return 0.5 * (self.x_edges[:-1] + self.x_edges[1:])

    @cached_property
    def y(self) -> np.ndarray:
        """Centres [ny] in y."""
        return 0.5 * (self.y_edges[:-1] + self.y_edges[1:])

    @cached_property
    def _centres(self) -> tuple[np.ndarray, np.ndarray]:
        lat, lon = self.mapping.inverse(*np.meshgrid(self.x, self.y))
        return lat, lon

    @property
    def lat(self) -> np.ndarray:
        """Latitudes of the centres, degrees north [ny, nx]."""
        return self._centres[0]

    @property
    def lon(self) -> np.ndarray:
        """Longitudes of the centres, degrees east, -180..180 [ny, nx]."""
        return self._centres[1]

    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Latitudes and longitudes (degrees) of the corners [ny, nx, 4], anticlockwise from the lower
        left."""
        lat, lon = self.mapping.inverse(*np.meshgrid(self.x_edges, self.y_edges))
        pick = lambda a: np.stack([a[:-1, :-1], a[:-1, 1:], a[1:, 1:], a[1:, :-1]], axis=-1)  # noqa: E731
        return pick(lat), pick(lon)

    @cached_property
    def area(self) -> np.ndarray:
        """Exact areas of the cells on the sphere, m2 [ny, nx].

        Latitude-longitude and rotated pole: R2 dx (sin y2 - sin y1), rotation keeps areas. LAEA: dx dy times
        the ratio of sphere to ellipsoid, integrated over the cell by Gauss's rule (error below round-off for
        cells under 100 km).
        """
        u, v = self.mapping.plane(self.x_edges, self.y_edges)
        flat = np.diff(v)[:, None] * np.diff(u)[None, :]
        if not isinstance(self.mapping, LambertAzimuthal):
            return flat
        return flat * _mean_ratio(self.mapping, self.x_edges, self.y_edges)

    @property
    def step(self) -> float:
        """Mean width of a cell, in the units of the mapping."""
        return float((self.x_edges[-1] - self.x_edges[0]) / self.shape[1])

    @property
    def is_global(self) -> bool:
        """Whether the cells go once round the earth in x."""
        period = self.mapping.periodic
        return bool(period) and abs(self.x_edges[-1] - self.x_edges[0] - period) < 1e-6 * period

    def window(self, rows: slice, columns: slice) -> Grid:
        """The cells of a block of rows and columns (plain slices, step 1)."""
        (y0, y1, _), (x0, x1, _) = rows.indices(self.shape[0]), columns.indices(self.shape[1])
        if y1 <= y0 or x1 <= x0:
            raise InputError(
                f"grid {self.name!r}: the window {rows}, {columns} holds no cell of {self.shape}"
            )
        return replace(self, x_edges=self.x_edges[x0 : x1 + 1], y_edges=self.y_edges[y0 : y1 + 1])

    def box_window(self, south: float, north: float, west: float, east: float) -> tuple[slice, slice]:
        """Rows and columns of the smallest block that holds every cell whose centre lies in the box
        (degrees)."""
        if not (south < north and west < east):
            raise InputError(
                f"box {south}..{north} N, {west}..{east} E: south < north and west < east are expected"
            )
        lon = wrap(self.lon, 0.5 * (west + east))
        tiny = 1e-9
        inside = (
            (self.lat >= south - tiny)
            & (self.lat <= north + tiny)
            & (lon >= west - tiny)
            & (lon <= east + tiny)
        )
        if not inside.any():
            raise InputError(
                f"box {south}..{north} N, {west}..{east} E holds no cell centre of grid {self.name!r} "
                f"({self.lat.min():.2f}..{self.lat.max():.2f} N, {self.lon.min():.2f}..{self.lon.max():.2f} E)"
            )
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def subset(self, south: float, north: float, west: float, east: float) -> Grid:
        """The block of `box_window`. On rotated and projected grids its corners reach outside the box."""
        return self.window(*self.box_window(south, north, west, east))

    def same_cells(self, other: Grid) -> bool:
        """Whether both grids have the same cells, to 1e-6 of a cell."""
        return (
            self.mapping == other.mapping
            and self.shape == other.shape
            and np.allclose(self.x_edges, other.x_edges, rtol=0.0, atol=1e-6 * self.step)
            and np.allclose(self.y_edges, other.y_edges, rtol=0.0, atol=1e-6 * self.step)
        )

    @property
    def dims(self) -> tuple[str, str]:
        """Names of the dimensions (y, x) in files."""
        if isinstance(self.mapping, LatLon):
            return "lat", "lon"
        return ("rlat", "rlon") if isinstance(self.mapping, RotatedPole) else ("y", "x")

    def to_dataset(self, corners: bool = False) -> xr.Dataset:
        """CF form: axes with bounds, the grid mapping (`crs`), cell areas, and centres (and corners) in
        latitude and longitude."""
        import xarray as xr

        ydim, xdim = self.dims
        bounds = lambda e: np.stack([e[:-1], e[1:]], axis=-1)  # noqa: E731
        out = xr.Dataset()
        for dim, values, edges, attrs in (
            (ydim, self.y, self.y_edges, _axis_attrs(self.mapping, "Y")),
            (xdim, self.x, self.x_edges, _axis_attrs(self.mapping, "X")),
        ):
            out = out.assign_coords({dim: (dim, values, {**attrs, "bounds": f"{dim}_bnds"})})
            out[f"{dim}_bnds"] = ((dim, "bnds"), bounds(edges))
        out[CRS] = ((), np.int32(0), {"long_name": "coordinate reference system", **self.mapping.attrs})
        area = {
            "standard_name": "cell_area",
            "long_name": "area of the cell on the sphere",
            "units": "m2",
            "grid_mapping": CRS,
        }
        out["cell_area"] = ((ydim, xdim), self.area, area)
        if not isinstance(self.mapping, LatLon):
            two = (ydim, xdim)
            out["cell_area"].attrs["coordinates"] = "lat lon"
            extra = {"bounds": "lat_vertices"} if corners else {}
            out = out.assign_coords(lat=(two, self.lat, {**_LAT, **extra}))
            extra = {"bounds": "lon_vertices"} if corners else {}
            out = out.assign_coords(lon=(two, self.lon, {**_LON, **extra}))
            if corners:
                lat, lon = self.corners()
                out["lat_vertices"] = ((*two, "vertices"), lat)
                out["lon_vertices"] = ((*two, "vertices"), lon)
        return out

    def describe(self) -> dict[str, Any]:
        """What the grid is, for reports: names, numbers, ranges."""
        return {
            "name": self.name,
            "mapping": self.mapping.attrs["grid_mapping_name"],
            "ny": self.shape[0],
            "nx": self.shape[1],
            "cells": self.size,
            "step": self.step,
            "south": float(self.lat.min()),
            "north": float(self.lat.max()),
            "west": float(self.lon.min()),
            "east": float(self.lon.max()),
            "area_km2": float(self.area.sum()) / 1e6,
        }


_LAT = {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"}
_LON = {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"}


def _axis_attrs(mapping: Mapping, axis: str) -> dict[str, str]:
    if isinstance(mapping, LatLon):
        return {**(_LAT if axis == "Y" else _LON), "axis": axis}
    if isinstance(mapping, RotatedPole):
        word = "latitude" if axis == "Y" else "longitude"
        return {
            "standard_name": f"grid_{word}",
            "long_name": f"{word} in rotated pole grid",
            "units": "degrees",
            "axis": axis,
        }
    return {"standard_name": f"projection_{axis.lower()}_coordinate", "units": "m", "axis": axis}


def _mean_ratio(mapping: LambertAzimuthal, x_edges: np.ndarray, y_edges: np.ndarray) -> np.ndarray:
    """Mean of sphere over ellipsoid area in each cell [ny, nx]: two Gauss points an axis, by blocks of
    rows."""
    half = 0.5 / np.sqrt(3.0)
    dx, dy = np.diff(x_edges), np.diff(y_edges)
    xs = (0.5 * (x_edges[:-1] + x_edges[1:]))[:, None] + dx[:, None] * np.array([-half, half])
    ys = (0.5 * (y_edges[:-1] + y_edges[1:]))[:, None] + dy[:, None] * np.array([-half, half])
    out = np.empty((dy.size, dx.size))
    rows = max(1, 500_000 // dx.size)
    for start in range(0, dy.size, rows):
        block = ys[start : start + rows]
        lat, _ = mapping.inverse(*np.meshgrid(xs.ravel(), block.ravel()))
        ratio = mapping.sphere_over_ellipsoid(lat).reshape(block.shape[0], 2, dx.size, 2)
        out[start : start + rows] = ratio.mean(axis=(1, 3))
    return out
