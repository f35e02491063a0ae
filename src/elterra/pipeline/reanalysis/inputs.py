"""What the stages hand to each other: site, forcing and tower data, in files of the run directory."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.domain import Patch, Site
from elterra.forcing import land_forcing
from elterra.forcing.humidity import saturation_pressure, vapour_pressure
from elterra.land import Surface, ground_profile
from elterra.land.soil_heat import ZSOI
from elterra.pipeline.reanalysis.record import ASSIMILATED, STEPS_PER_DAY
from elterra.pipeline.reanalysis.station import ForcingError
from elterra.pipeline.reanalysis.windows import TowerSeries

Array = NDArray[np.float64]


def write_site(site: Site, path: Path) -> None:
    path.write_text(json.dumps(asdict(site), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_site(path: Path) -> Site:
    plain = json.loads(path.read_text(encoding="utf-8"))
    plain["patches"] = tuple(Patch(**p) for p in plain["patches"])
    for name in ("sand_pct", "clay_pct", "organic_kg_m3", "soil_depth_m"):
        if isinstance(plain[name], list):
            plain[name] = tuple(plain[name])
    if isinstance(plain["co2_ppm"], list):
        plain["co2_ppm"] = tuple((int(y), float(c)) for y, c in plain["co2_ppm"])
    return Site(**plain)


def save_dataset(ds: xr.Dataset, path: Path) -> None:
    """NetCDF, new-then-renamed; attributes that a file cannot hold are left out."""
    plain = ds.copy()
    plain.attrs = {
        k: v for k, v in ds.attrs.items() if isinstance(v, str | int | float | np.number | np.ndarray | list)
    }
    if "bounds" in plain.get("time", xr.DataArray()).attrs:  # the bounds take over what the time has
        plain["time"].encoding["units"] = f"minutes since {str(plain['time'].values[0])[:10]}"
    temporary = path.with_suffix(".new")
    plain.to_netcdf(temporary, engine="h5netcdf")
    temporary.replace(path)


def surface_of(site: Site) -> Surface:
    """The site as one column of the land model."""
    soil = site.soil_at(np.asarray(ZSOI))

    def one(value: float) -> Array:
        return np.array([value])

    return Surface(
        lat=one(site.latitude),
        lon=one(site.longitude),
        elevation=one(site.elevation_m),
        forc_hgt=one(site.reference_height_m),
        topo_slope=one(site.topo_slope_deg),
        fmax=one(0.4),
        zbedrock=one(site.zbedrock_m),
        soil_color=one(site.soil_color),
        sand=ground_profile(soil["sand"], 1),
        clay=ground_profile(soil["clay"], 1),
        organic=ground_profile(soil["organic"], 1),
        pft=np.array([[p.pft] for p in site.patches]),
        wt=np.array([[p.weight] for p in site.patches]),
    )


def load_forcing(path: Path, site: Site) -> tuple[dict[str, Array], xr.Dataset]:
    """Land forcing arrays ``[time, ...]`` and the stream dataset they come from."""
    with xr.open_dataset(path, engine="h5netcdf") as ds:
        streams = ds.load()
    return land_forcing(streams, site), streams


def weather_record(streams: xr.Dataset) -> xr.Dataset:
    """The weather that baselines and the discrepancy see: the forcing of the land model in the units of the record."""
    s = streams
    t, q, p = s["TBOT"].values, s["QBOT"].values, s["PSRF"].values
    return xr.Dataset(
        {
            "TA": ("time", t - 273.15),
            "SW_IN": ("time", s["FSDS"].values),
            "LW_IN": ("time", s["FLDS"].values),
            "VPD": ("time", (saturation_pressure(t) - vapour_pressure(q, p)) / 100.0),
            "P": ("time", s["PRECTmms"].values * 1800.0),
            "PA": ("time", p / 1000.0),
            "WS": ("time", s["WIND"].values),
        },
        coords={"time": s["time"].values},
    )


def forcing_error(streams: xr.Dataset) -> ForcingError:
    """Day-to-day errors of the forcing from the half-hourly error sd.

    Half of a half-hour's error variance is taken to last the day: what is random from one half-hour to the next
    averages out and moves no state.
    """

    def daily(values: Array) -> Array:
        return values.reshape(-1, STEPS_PER_DAY).mean(axis=1)

    lasting = np.sqrt(0.5)
    sun = np.maximum(daily(streams["FSDS"].values), 1.0)
    humidity = np.maximum(daily(streams["QBOT"].values), 1e-4)
    return ForcingError(
        {
            "precipitation": lasting * np.clip(daily(streams["PRECTmms_sd"].values), 0.0, 1.0),
            "wind": lasting * np.clip(daily(streams["WIND_sd"].values), 0.0, 1.0),
            "shortwave": lasting * np.clip(daily(streams["FSDS_sd"].values) / sun, 0.0, 0.3),
            "temperature": lasting * daily(streams["TBOT_sd"].values),
            "longwave": lasting * daily(streams["FLDS_sd"].values),
            "humidity": lasting * np.clip(daily(streams["QBOT_sd"].values) / humidity, 0.0, 0.3),
        }
    )


def load_observations(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="h5netcdf") as ds:
        return ds.load()


def tower_series(
    observations: xr.Dataset, daylight: NDArray[np.bool_], names: tuple[str, ...] = ASSIMILATED
) -> TowerSeries:
    """Tower data as the cycle takes them: flag 1 is used; errors split into random and systematic."""
    values, random, systematic, used = {}, {}, {}, {}
    for name in ASSIMILATED:
        value = observations[name].values.astype(float)
        r = observations[f"{name}_sd_random"].values.astype(float)
        s = observations[f"{name}_sd_repr"].values.astype(float)
        good = (
            (observations[f"{name}_flag"].values == 1) & np.isfinite(value) & np.isfinite(r) & np.isfinite(s)
        )
        values[name], random[name], systematic[name] = value, r, s
        used[name] = good if name in names else np.zeros_like(good)
    return TowerSeries(values, random, systematic, used, daylight)


def days_of_year(streams: xr.Dataset) -> Array:
    """Day of the year of each window (UTC day)."""
    start = streams["time"].values[::STEPS_PER_DAY]
    return ((start - start.astype("datetime64[Y]")) / np.timedelta64(1, "D")).astype(float) + 1.0
