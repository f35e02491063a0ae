"""Readers of gridded forcing in NetCDF: ERA5 and ERA5-Land, WFDE5, and files of `elterra forcing generate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.errors import InputError
from elterra.forcing.humidity import saturation_pressure, specific_humidity
from elterra.forcing.weather._calendar import step_starts
from elterra.forcing.weather.climate import NITROGEN_DEPOSITION
from elterra.forcing.weather.scenario import co2_at

Array = NDArray[np.float64]
#: names of the variables that tell a kind of file, and its variables
KINDS: Mapping[str, tuple[str, ...]] = {
    "era5": ("t2m", "d2m", "sp", "u10", "v10", "ssrd", "strd", "tp"),
    "wfde5": ("Tair", "Qair", "PSurf", "Wind", "SWdown", "LWdown", "Rainf", "Snowf"),
    "elterra": ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms"),
}
#: negative round-off of packed or accumulated fluxes that is taken for zero: share of the largest value
TINY = 1.0e-3


@dataclass(frozen=True)
class GriddedWeather:
    """Hourly (or half-hourly) weather of grid cells from files of one kind; a `WeatherSource`. Made by `open_gridded`.

    ``files`` by variable, in order of time. ``points [cell]`` are positions in the flattened grid. ``accumulated``:
    fluxes are sums since 00 UTC (ERA5-Land) instead of sums over the hour before the stamp (ERA5).
    """

    kind: str
    files: Mapping[str, list[xr.Dataset]]
    points: NDArray[np.intp]
    latitude: Array
    longitude: Array
    step_seconds: int
    accumulated: bool = False
    co2: float | None = None
    ndep: float = NITROGEN_DEPOSITION
    attrs: Mapping[str, str | int] = field(default_factory=dict)

    def read(self, start: np.datetime64, stop: np.datetime64, cells: slice | None = None) -> dict[str, Array]:
        """See `WeatherSource`. Raises `InputError` where a step is missing."""
        time = step_starts(start, stop, self.step_seconds)
        chunk = _Chunk(self, time, self.points[cells or slice(None)])
        out = _READ[self.kind](chunk)
        for name in ("FSDS", "PRECTmms"):
            floor = -TINY * max(float(out[name].max(initial=0.0)), 1e-12)
            out[name] = np.where((out[name] < 0.0) & (out[name] >= floor), 0.0, out[name])
        shape = out["TBOT"].shape
        if "CO2" not in out:
            year = 1970.0 + (time - np.datetime64("1970-01-01")).astype(float) / (365.2425 * 86400.0)
            table = np.array([co2_at("ssp245", float(y)) for y in year])[:, None]
            out["CO2"] = np.array(np.broadcast_to(table if self.co2 is None else self.co2, shape))
        out.setdefault("NDEP", np.full(shape, self.ndep / (365.0 * 86400.0)))
        out["time"] = time
        return out


@dataclass(frozen=True)
class _Chunk:
    """Variables of the steps that begin at ``time``, at ``points`` of the grid."""

    source: GriddedWeather
    time: np.ndarray
    points: NDArray[np.intp]

    def at(self, name: str, later: int = 0) -> Array:
        """``[time, cell]`` at the stamps, or ``later`` steps after them."""
        s = self.source
        stamps = self.time + np.timedelta64(later * s.step_seconds, "s")
        out = np.full((len(stamps), len(self.points)), np.nan)
        for ds in s.files[name]:
            have = ds["time"].values.astype("datetime64[s]")
            row = np.searchsorted(have, stamps)
            hit = (row < len(have)) & (have[np.minimum(row, len(have) - 1)] == stamps)
            if hit.any():
                rows = row[hit]
                block = ds[name].isel(time=slice(int(rows.min()), int(rows.max()) + 1)).values
                out[hit] = block.reshape(len(block), -1)[:, self.points][rows - rows.min()]
        if np.isnan(out).any():
            row, cell = np.argwhere(np.isnan(out))[0]
            number = int(np.isnan(out).sum())
            raise InputError(
                f"{s.attrs['source']}: {name} is missing at {stamps[row]} in cell {cell} ({number} values of this chunk). "
                "Give the files of the whole period (for ERA5 a step more at its end) and points on land."
            )
        return out

    def middle(self, name: str) -> Array:
        """Mean of the values at both ends of the steps."""
        return 0.5 * (self.at(name) + self.at(name, 1))

    def rate(self, name: str) -> Array:
        """Mean over the steps (per second) of a variable that is a sum at the stamp of their end."""
        end = self.at(name, 1)
        if self.source.accumulated:
            # the sum starts anew at 00 UTC, whose stamp holds the whole day before
            midnight = self.time == self.time.astype("datetime64[D]")
            end = end - np.where(midnight[:, None], 0.0, self.at(name))
        return end / self.source.step_seconds


def _era5(c: _Chunk) -> dict[str, Array]:
    t, pressure = c.middle("t2m"), c.middle("sp")
    vapour = np.minimum(saturation_pressure(c.middle("d2m")), saturation_pressure(t))
    return {
        "TBOT": t,
        "QBOT": specific_humidity(vapour, pressure),
        "PSRF": pressure,
        "WIND": np.hypot(c.middle("u10"), c.middle("v10")),
        "FSDS": c.rate("ssrd"),
        "FLDS": c.rate("strd"),
        "PRECTmms": 1000.0 * c.rate("tp"),
    }


def _wfde5(c: _Chunk) -> dict[str, Array]:
    # fluxes are means over the hour after the stamp, the rest belongs to the stamp (Cucchi et al. 2020)
    names = {
        "TBOT": "Tair",
        "QBOT": "Qair",
        "PSRF": "PSurf",
        "WIND": "Wind",
        "FSDS": "SWdown",
        "FLDS": "LWdown",
    }
    return {**{n: c.at(v) for n, v in names.items()}, "PRECTmms": c.at("Rainf") + c.at("Snowf")}


def _elterra(c: _Chunk) -> dict[str, Array]:
    return {n: c.at(n) for n in (*KINDS["elterra"], "CO2", "NDEP") if n in c.source.files}


_READ: Mapping[str, Callable[[_Chunk], dict[str, Array]]] = {
    "era5": _era5,
    "wfde5": _wfde5,
    "elterra": _elterra,
}


def open_gridded(
    paths: Sequence[Path],
    *,
    points: Array | None = None,
    accumulated: bool = True,
    co2: float | None = None,
    ndep: float = NITROGEN_DEPOSITION,
) -> GriddedWeather:
    """Open forcing files: one or several variables in each, any split in time.

    paths : NetCDF with dimensions time and latitude, longitude (also lat, lon) or one dimension of cells
    points : places (latitude, longitude) ``[cell, 2]``, each served by the nearest grid point (refused beyond two
        spacings); None takes all grid points that have a temperature
    accumulated : ERA5 files hold sums since 00 UTC (ERA5-Land); False: sums of each hour (ERA5)
    co2, ndep : umol mol-1 (None: by year, observed) and gN m-2 yr-1 where the files have none
    """
    files: dict[str, list[xr.Dataset]] = {}
    for path in sorted(paths):
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
        ds = xr.open_dataset(path, engine="h5netcdf")
        ds = ds.rename({old: new for old, new in _RENAME.items() if old in ds.variables or old in ds.dims})
        for name in ds.data_vars:
            files.setdefault(str(name), []).append(ds)
    kind = next((k for k, names in KINDS.items() if all(n in files for n in names)), None)
    if kind is None:
        known = {k: [n for n in names if n not in files] for k, names in KINDS.items()}
        near = min(known, key=lambda k: len(known[k]))
        raise InputError(
            f"{', '.join(map(str, paths))}: variables {sorted(files)}; for {near} forcing "
            f"{', '.join(known[near])} are missing. "
            f"Known kinds: {'; '.join(f'{k}: ' + ' '.join(v) for k, v in KINDS.items())}"
        )
    first = KINDS[kind][0]
    for name in files:
        files[name].sort(key=lambda ds: ds["time"].values[0])
    grid = files[first][0]
    lat, lon = _places(grid, str(paths[0]))
    stamps = grid["time"].values.astype("datetime64[s]")
    step = int((stamps[1] - stamps[0]).astype(int)) if len(stamps) > 1 else 3600
    if step not in (1800, 3600):
        raise InputError(f"{paths[0]}: steps of {step} s; forcing is half-hourly or hourly")
    if points is None:
        land = np.isfinite(grid[first].isel(time=0).values.reshape(-1))
        chosen = np.flatnonzero(land)
        if not chosen.size:
            raise InputError(f"{paths[0]}: {first} has no value at the first step")
    else:
        chosen = _nearest(lat, lon, np.atleast_2d(np.asarray(points, float)), str(paths[0]))
    attrs: dict[str, str | int] = {
        "weather": "reanalysis",
        "kind": kind,
        "source": ", ".join(p.name for p in paths[:3]),
    }
    if kind == "elterra":
        attrs |= {
            str(k): v
            for k, v in grid.attrs.items()
            if k in ("weather", "calendar", "scenario", "seed", "climate")
        }
    return GriddedWeather(kind, files, chosen, lat[chosen], lon[chosen], step, accumulated, co2, ndep, attrs)


_RENAME = {"valid_time": "time", "lat": "latitude", "lon": "longitude"}


def _places(ds: xr.Dataset, where: str) -> tuple[Array, Array]:
    if "latitude" not in ds.variables or "longitude" not in ds.variables:
        raise InputError(f"{where}: no latitude and longitude among {sorted(map(str, ds.variables))}")
    lat, lon = np.asarray(ds["latitude"].values, float), np.asarray(ds["longitude"].values, float)
    if ds["latitude"].dims != ds["longitude"].dims:
        lat, lon = np.meshgrid(lat, lon, indexing="ij")
    lon = np.where(lon > 180.0, lon - 360.0, lon)
    return lat.ravel(), lon.ravel()


def _nearest(lat: Array, lon: Array, points: Array, where: str) -> NDArray[np.intp]:
    out = []
    for here_lat, here_lon in points:
        away = np.hypot(lat - here_lat, np.cos(np.deg2rad(here_lat)) * (lon - here_lon))
        best = int(np.argmin(away))
        spacing = np.sort(np.hypot(lat - lat[best], lon - lon[best]))
        reach = 2.0 * (spacing[1] if spacing.size > 1 else 0.1)
        if away[best] > reach:
            raise InputError(
                f"{where}: the nearest grid point to {here_lat:g} N, {here_lon:g} E is {away[best]:.2f} degrees away "
                f"(at most {reach:.2f}). Give files that cover it."
            )
        out.append(best)
    return np.array(out, dtype=np.intp)
