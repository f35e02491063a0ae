"""Weather of a tower for the land model: what the record has, and by stated methods what it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from elterra.domain import Site
from elterra.errors import InputError
from elterra.forcing import build_forcing, calendar_fields, disaggregate, solar, weather_fields
from elterra.forcing.humidity import saturation_pressure
from elterra.pipeline.batch import CALENDAR, STEPS_PER_DAY

Array = NDArray[np.float64]
Days = NDArray[np.datetime64]
STREAMS = ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms", "CO2")
_ZERO_C = 273.15
#: seed of the hours at which it rains
RAIN_SEED = 4


@dataclass(frozen=True)
class Weather:
    """``days [day]``: days of local standard time without 29 February. ``forcing``: `Place`'s arrays. ``daily``:
    means of the days by name, ``[day]`` (TA degC, SW_IN W m-2, VPD hPa, P mm d-1, LW_IN W m-2, WS m s-1). ``daylight
    [day, 48]``. ``rain_measured``: precipitation was measured at the tower."""

    days: Days
    forcing: dict[str, Array]
    daily: dict[str, Array]
    daylight: NDArray[np.bool_]
    rain_measured: bool


@dataclass(frozen=True)
class Extra:
    """What tables beside the record know of a site. ``monthly_rain``: mm d-1 by month (datetime64[M]), of a reanalysis;
    ``daily``: measured means of days, index date, columns P (mm d-1), LW_IN (W m-2), WS (m s-1), PA (Pa)."""

    monthly_rain: pd.Series | None
    daily: pd.DataFrame | None


def read_extra(data: Path, site: str) -> Extra:
    """Monthly precipitation of the CARDAMOM drivers and, of four sites, the daily meteorology of FLUXNET2015."""
    table = pd.read_parquet(data / "flux" / "cardamom_fluxval_monthly_drivers_obs_2001_2016_dev.parquet")
    own = table[table["site"] == site]
    rain = None
    if len(own):
        months = own["month"].to_numpy().astype("datetime64[M]")
        rain = pd.Series(own["PRECIP_mm_d"].to_numpy(float), index=months.astype("datetime64[ns]"))
    full = pd.read_parquet(data / "flux" / "fluxnet2015_daily_fullmet_4sites.parquet")
    full = full[full["siteid"] == site]
    daily = None
    if len(full):
        daily = pd.DataFrame(
            {
                "P": full["P_F"].to_numpy(float),
                "LW_IN": full["LW_IN_F"].to_numpy(float),
                "WS": full["WS_F"].to_numpy(float),
                "PA": full["PA_F"].to_numpy(float) * 1000.0,
            },
            index=pd.DatetimeIndex(full["TIMESTAMP"]),
        )
        daily = daily.where(daily > -9990.0)
    return Extra(rain, daily)


def from_days(frame: pd.DataFrame, days: Days, site: Site, extra: Extra) -> Weather:
    """Weather of ``days`` (with leap days) from a table of daily means: index date, TA, TA_min, TA_max (degC), SW_IN
    (W m-2), VPD (hPa)."""
    part = frame.reindex(pd.DatetimeIndex(days.astype("datetime64[ns]")))
    part = part[["TA", "TA_min", "TA_max", "SW_IN", "VPD"]].interpolate(limit=3)
    if part.isna().to_numpy().any():
        gap = part.index[part.isna().any(axis=1)][0]
        raise InputError(
            f"{site.name}: daily weather is missing on {gap:%Y-%m-%d} and around; choose other years"
        )
    time = disaggregate.half_hours(days, site.utc_offset_h)
    mean, low, high = (part[n].to_numpy(float) for n in ("TA", "TA_min", "TA_max"))
    t = disaggregate.temperature(time, mean, low, high, site.latitude, site.longitude)
    sun = disaggregate.shortwave(time, part["SW_IN"].to_numpy(float), site.latitude, site.longitude)
    deficit = disaggregate.vapour_pressure_deficit(t + _ZERO_C, 100.0 * part["VPD"].to_numpy(float))
    return _built(time, days, {"TA": t + _ZERO_C, "SW_IN": sun, "VPD": deficit}, {}, site, extra)


def from_half_hours(
    values: dict[str, Array], quality: dict[str, Array], days: Days, site: Site, extra: Extra
) -> Weather:
    """Weather of ``days`` (with leap days) from half-hours ``[48 * day]`` of the local day: TA (K), SW_IN (W m-2), VPD (Pa),
    with their QC (0 measured)."""
    time = disaggregate.half_hours(days, site.utc_offset_h)
    return _built(time, days, values, quality, site, extra)


def from_record(record: xr.Dataset, days: Days, site: Site) -> Weather:
    """Weather of ``days`` from a whole record in the normal form, with all that it measured."""
    ds = build_forcing(record, site)
    first = disaggregate.half_hours(days[:1], site.utc_offset_h)[0]
    at = int(np.searchsorted(ds["time"].values, first))
    part = ds.isel(time=slice(at, at + days.size * STEPS_PER_DAY))
    if part.sizes["time"] != days.size * STEPS_PER_DAY or part["time"].values[0] != first:
        raise InputError(f"{site.name}: the record does not cover {days[0]} to {days[-1]}; choose other days")
    return _weather(part, days, site, True)


def _built(
    time: Days, days: Days, values: dict[str, Array], quality: dict[str, Array], site: Site, extra: Extra
) -> Weather:
    record = xr.Dataset(coords={"time": time})
    for name, value in values.items():
        record[name] = ("time", value)
    for name, value in quality.items():
        record[f"{name}_QC"] = ("time", value)
    wet, measured = _rain(time, days, values, site, extra)
    record["P"] = ("time", disaggregate.precipitation(wet, RAIN_SEED) / disaggregate.SECONDS)
    if extra.daily is not None:
        own = extra.daily.reindex(pd.DatetimeIndex(days.astype("datetime64[ns]")))
        kelvin = (
            pd.Series(values["TA"]).interpolate(limit_direction="both").to_numpy().reshape(-1, STEPS_PER_DAY)
        )
        black = kelvin**4 / (kelvin**4).mean(axis=1, keepdims=True)
        record["LW_IN"] = ("time", (own["LW_IN"].to_numpy()[:, None] * black).reshape(-1))
        for name in ("WS", "PA"):
            record[name] = ("time", np.repeat(own[name].to_numpy(), STEPS_PER_DAY))
    record.attrs = {
        "step_seconds": disaggregate.SECONDS,
        "site": site.name,
        "source_file": f"{site.name} (FLUXNET2015)",
    }
    return _weather(build_forcing(record, site, homogenise_precipitation=False), days, site, measured)


def _rain(time: Days, days: Days, values: dict[str, Array], site: Site, extra: Extra) -> tuple[Array, bool]:
    """Daily sums (mm) and whether they were measured."""
    stamp = pd.DatetimeIndex(days.astype("datetime64[ns]"))
    if extra.daily is not None:
        own = extra.daily["P"].reindex(stamp)
        if own.notna().all():
            return np.maximum(own.to_numpy(), 0.0), True
    if extra.monthly_rain is None:
        raise InputError(f"{site.name}: no precipitation, neither measured nor by month; leave the site out")
    toa = solar.top_of_atmosphere(time, disaggregate.SECONDS, site.latitude, site.longitude).reshape(
        -1, STEPS_PER_DAY
    )

    def daily(x: Array) -> Array:
        with np.errstate(invalid="ignore"):
            return np.nanmean(x.reshape(-1, STEPS_PER_DAY), axis=1)

    level = toa.mean(axis=1)
    clear = np.where(level > 5.0, daily(values["SW_IN"]) / np.maximum(level, 5.0), 0.4)
    dry = daily(values["VPD"]) / saturation_pressure(daily(values["TA"]))
    month = days.astype("datetime64[M]")
    numbers, index = np.unique(month, return_inverse=True)
    table = extra.monthly_rain
    of_year = table.groupby(pd.DatetimeIndex(table.index).month).mean()
    sums = [
        float(
            table.get(
                pd.Timestamp(m.astype("datetime64[ns]")),
                of_year[pd.Timestamp(m.astype("datetime64[ns]")).month],
            )
        )
        for m in numbers
    ]
    dull = -np.nan_to_num(clear, nan=0.4) - 0.5 * np.nan_to_num(dry, nan=0.3)
    return disaggregate.wet_days(index, np.array(sums), dull), False


def _weather(ds: xr.Dataset, days: Days, site: Site, rain_measured: bool) -> Weather:
    start = ds["time"].values.astype("datetime64[ns]")
    forcing = weather_fields({n: np.asarray(ds[n].values, float) for n in STREAMS})
    sun = calendar_fields(start, disaggregate.SECONDS, site.latitude, site.longitude)
    forcing |= {n: v for n, v in sun.items() if n not in CALENDAR}
    forcing["ndep"] = np.full((start.size, 1), site.ndep_gn_m2_yr / (365.0 * 86400.0))
    keep = without_leap_days(days)
    steps = np.repeat(keep, STEPS_PER_DAY)
    forcing = {n: np.ascontiguousarray(v[steps]) for n, v in forcing.items()}

    def mean(name: str) -> Array:
        return np.asarray(ds[name].values, float).reshape(-1, STEPS_PER_DAY).mean(axis=1)[keep]

    kelvin = np.asarray(ds["TBOT"].values, float)
    q, pressure = np.asarray(ds["QBOT"].values, float), np.asarray(ds["PSRF"].values, float)
    vapour = q * pressure / (0.622 + 0.378 * q)
    deficit = (saturation_pressure(kelvin) - vapour).reshape(-1, STEPS_PER_DAY).mean(axis=1)[keep]
    daily = {
        "TA": mean("TBOT") - _ZERO_C,
        "SW_IN": mean("FSDS"),
        "VPD": deficit / 100.0,
        "P": mean("PRECTmms") * 86400.0,
        "LW_IN": mean("FLDS"),
        "WS": mean("WIND"),
    }
    daylight = (forcing["coszen"][:, 0] > 0.02).reshape(-1, STEPS_PER_DAY)
    return Weather(days[keep], forcing, daily, daylight, rain_measured)


def without_leap_days(days: Days) -> NDArray[np.bool_]:
    """False on 29 February ``[day]``."""
    month = days.astype("datetime64[M]")
    of_month = (days - month.astype("datetime64[D]")).astype(int) + 1
    return np.asarray(~((month.astype(int) % 12 == 1) & (of_month == 29)))


def disaggregation_errors(weather: Weather, site: Site) -> dict[str, float]:
    """Root mean square error of half-hours that are made of the days of a record with half-hours: TA (K), SW_IN (W m-2), VPD
    (hPa), and what of it the daily mean alone would have."""
    f = weather.forcing
    time = disaggregate.half_hours(weather.days, site.utc_offset_h)
    kelvin = f["forc_t"][:, 0]
    sun = f["forc_solad"].sum(axis=(1, 2)) + f["forc_solai"].sum(axis=(1, 2))
    q, pressure = f["forc_q"][:, 0], f["forc_pbot"][:, 0]
    deficit = saturation_pressure(kelvin) - q * pressure / (0.622 + 0.378 * q)
    days = {n: v.reshape(-1, STEPS_PER_DAY) for n, v in (("TA", kelvin), ("SW_IN", sun), ("VPD", deficit))}
    mean = {n: v.mean(axis=1) for n, v in days.items()}
    low, high = days["TA"].min(axis=1), days["TA"].max(axis=1)
    made = {
        "TA": disaggregate.temperature(time, mean["TA"], low, high, site.latitude, site.longitude),
        "SW_IN": disaggregate.shortwave(time, mean["SW_IN"], site.latitude, site.longitude),
    }
    made["VPD"] = disaggregate.vapour_pressure_deficit(made["TA"], mean["VPD"])
    scale = {"TA": 1.0, "SW_IN": 1.0, "VPD": 0.01}
    out = {}
    for name, there in days.items():
        here = made[name].reshape(-1, STEPS_PER_DAY)
        out[f"{name}_rmse"] = float(scale[name] * np.sqrt(np.mean((here - there) ** 2)))
        out[f"{name}_of_mean_rmse"] = float(
            scale[name] * np.sqrt(np.mean((mean[name][:, None] - there) ** 2))
        )
    return out
