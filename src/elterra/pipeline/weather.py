"""`open_weather`: generated weather, gridded files and CLM's streams through one door (`forcing.WeatherSource`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.clm.namelist import flat, read_namelist
from elterra.clm.streams import Stream, between_months, monthly_mean, read_weather, saturated
from elterra.errors import InputError
from elterra.forcing import WeatherSource, open_gridded, step_starts
from elterra.forcing.weather import MonthlyClimate, Scenario, WeatherGenerator
from elterra.forcing.weather.files import read_climate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ClmWeather:
    """Weather of a CLM5 case directory (DATM streams), as a `WeatherSource`.

    Records belong to their own time: CLM's lag of half a record (``tintalgo = nearest``) is not repeated here. The years of
    the stream are cycled as the case has them; 29 February is left out.
    """

    stream: Stream
    latitude: Array
    longitude: Array
    co2: float
    ndep: Array
    attrs: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def step_seconds(self) -> int:
        """Length of a record."""
        return round(self.stream.interval)

    def read(self, start: np.datetime64, stop: np.datetime64, cells: slice | None = None) -> dict[str, Array]:
        """See `WeatherSource`."""
        time = step_starts(start, stop, self.step_seconds)
        month_day = time.astype("datetime64[D]") - time.astype("datetime64[M]").astype("datetime64[D]")
        leap_day = (time.astype("datetime64[M]").astype(int) % 12 == 1) & (month_day.astype(int) == 28)
        time = time[~leap_day]
        year = time.astype("datetime64[Y]").astype(int) + 1970
        first = time.astype("datetime64[Y]").astype("datetime64[s]")
        seconds = (time - first).astype(np.int64)
        long = (
            (first.astype("datetime64[Y]") + 1).astype("datetime64[D]") - first.astype("datetime64[D]")
        ).astype(int) == 366
        seconds = seconds - np.where(long & (seconds >= 60 * 86400), 86400, 0)
        cycle = self.stream.last - self.stream.first + 1
        rows = ((year - self.stream.align) % cycle) * self.stream.per_year + seconds // self.step_seconds
        inside = cells or slice(None)
        width = len(self.latitude)
        out = {}
        for name, value in self.stream.values.items():
            if name != "ZBOT":
                out[name] = np.array(np.broadcast_to(value[rows], (len(rows), width))[:, inside])
        out["QBOT"] = np.minimum(out["QBOT"], saturated(out["TBOT"], out["PSRF"]))
        out["CO2"] = np.full(out["TBOT"].shape, self.co2)
        day = seconds / 86400.0
        out["NDEP"] = np.array(np.broadcast_to(between_months(self.ndep, day)[:, None], out["TBOT"].shape))
        out["time"] = time
        return out


def clm_weather(case: Path) -> ClmWeather:
    """The weather of a case directory, on the cells of its domain file."""
    stream = read_weather(case)
    entries = flat(read_namelist(case / "lnd_in"))
    domain = case / "domain.nc"
    if not domain.is_file():
        raise InputError(f"{domain}: there is no such file; the places of the streams stand in it")
    with xr.open_dataset(domain) as file:
        lat, lon = (np.ravel(file[n].values).astype(float) for n in ("yc", "xc"))
    width = stream.values["TBOT"].shape[1]
    if width not in (1, lat.size):
        raise InputError(
            f"{case}: the stream has {width} cells, {domain.name} has {lat.size}; expected the same grid"
        )
    path = entries.get("stream_fldfilename_ndep")
    ndep = np.zeros(12)
    if path and (case / str(path)).is_file():
        ndep = monthly_mean(case / str(path), "NDEP_month", float(lat[0]), float(lon[0]))
    lon = np.where(lon > 180.0, lon - 360.0, lon)
    return ClmWeather(
        stream, lat, lon, float(entries.get("co2_ppmv", 367.0)), ndep,
        {"weather": "measured", "kind": "clm streams", "calendar": "noleap", "source": case.name},
    )  # fmt: skip


def open_weather(
    source: str | Path | Sequence[Path] | MonthlyClimate, *, seed: int = 1, **options: Any
) -> WeatherSource:
    """Weather of many cells, whatever it comes from.

    source : a `MonthlyClimate`, or a CSV or NetCDF file of twelve months (generated weather; ``options`` of
        `WeatherGenerator` and ``point``); a folder with ``datm_in`` (streams of CLM5); NetCDF files of ERA5, ERA5-Land,
        WFDE5 or of `elterra forcing generate` (``options`` of `open_gridded`)
    """
    if isinstance(source, MonthlyClimate):
        return WeatherGenerator(source, seed=seed, **options)
    paths = [Path(source)] if isinstance(source, str | Path) else [Path(p) for p in source]
    if len(paths) == 1 and paths[0].is_dir():
        if (paths[0] / "datm_in").is_file():
            return clm_weather(paths[0])
        paths = sorted(paths[0].glob("*.nc"))
        if not paths:
            raise InputError(f"{source}: a folder without datm_in (CLM5 case) and without NetCDF files")
    if len(paths) == 1 and _is_climate(paths[0]):
        point = options.pop("point", None)
        scenario = options.pop("scenario", None)
        if isinstance(scenario, str):
            scenario = Scenario(scenario)
        return WeatherGenerator(read_climate(paths[0], point=point), seed=seed, scenario=scenario, **options)
    return open_gridded(paths, **options)


def _is_climate(path: Path) -> bool:
    if path.suffix.lower() == ".csv":
        return True
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    with xr.open_dataset(path, engine="h5netcdf") as ds:
        return "time" not in ds.dims and "valid_time" not in ds.dims and 12 in ds.sizes.values()
