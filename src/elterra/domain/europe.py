"""The default Europe of the package: monthly climate at 0.25 degrees and land cover at 0.05 degrees, with
their grids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np
import xarray as xr

from elterra.domain.grid import Grid
from elterra.domain.mappings import LatLon

CLIMATE_FILE, LAND_COVER_FILE = "europe_climate_0p25.nc", "europe_land_cover_0p05.nc"
#: mean lengths of the months, days
DAYS = np.array([31.0, 28.25, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0])


@dataclass(frozen=True)
class Europe:
    """The packaged data on their own grids.

    climate : `tas` (K) and `pr` (kg m-2 s-1) ``[month, lat, lon]``, means of 2000-2025, on `climate_grid`
        (cells of 0.25 degrees about the nodes of ERA5)
    land_cover : IGBP class ``[lat, lon]``, uint8, on `land_cover_grid` (0.05 degrees): 0 sea, 1..16 as IGBP,
        17 inland water
    """

    climate: xr.Dataset
    climate_grid: Grid
    land_cover: xr.DataArray
    land_cover_grid: Grid


@cache
def packaged_europe() -> Europe:
    """Reads both files once (1.3 MB). Do not change the arrays: they are shared."""
    climate = _read(CLIMATE_FILE)
    cover = _read(LAND_COVER_FILE)
    days = xr.DataArray(DAYS, dims="month")
    out = xr.Dataset(attrs=climate.attrs)
    out["tas"] = (climate.tas + 273.15).assign_attrs({**climate.tas.attrs, "units": "K"})
    out["pr"] = (climate.pr_month / (days * 86400.0)).assign_attrs(
        {
            "standard_name": "precipitation_flux",
            "long_name": "precipitation, monthly mean of 2000-2025",
            "units": "kg m-2 s-1",
        }
    )
    return Europe(
        out,
        grid_about(climate.lat.values, climate.lon.values, "ERA5 0.25"),
        cover.land_cover,
        _cover_grid(cover),
    )


def _cover_grid(cover: xr.Dataset) -> Grid:
    return grid_about(cover.lat.values, cover.lon.values, "MCD12C1 0.05")


def grid_about(lat: np.ndarray, lon: np.ndarray, name: str) -> Grid:
    """The latitude-longitude grid with these centres (increasing, evenly spaced, degrees)."""
    edges = []
    for values in (lon, lat):
        step = (float(values[-1]) - float(values[0])) / (len(values) - 1)
        edges.append(float(values[0]) + step * (np.arange(len(values) + 1) - 0.5))
    return Grid(LatLon(), edges[0], edges[1], name)


def _read(name: str) -> xr.Dataset:
    with as_file(files("elterra") / "data" / name) as path, xr.open_dataset(path, engine="h5netcdf") as data:
        return data.load()
