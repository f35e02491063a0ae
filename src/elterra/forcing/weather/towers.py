"""Weather of towers and stations from the reference data (`data/CATALOG.md` of the shared folder), for fits and scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from elterra.errors import InputError
from elterra.forcing.weather._calendar import month_of
from elterra.forcing.weather.climate import MonthlyClimate

Array = NDArray[np.float64]
#: least share of measured or well filled half-hours of a day that is used
QUALITY = 0.75
#: towers whose daily file has precipitation, wind, pressure and long-wave
FULL = ("CH-Dav", "CH-Lae", "FI-Hyy", "FR-Pue")
#: blocks of places that are withheld together
REGIONS = ("north", "south", "alps", "centre")
#: least days of a calendar month for its statistics
ENOUGH = 45


@dataclass(frozen=True)
class Station:
    """Days ``[day]`` (since 1970-01-01, without holes) of a place; values are NaN where there is no good measurement.

    t (degC), range (K, maximum minus minimum), sw, lw (W m-2), vpd (hPa), rain (mm), wind (m s-1), pressure (hPa), by
    name in ``values``. ``monthly_rain [12]`` (mm d-1) where no daily rain is known.
    """

    name: str
    latitude: float
    longitude: float
    elevation: float
    days: NDArray[np.int64]
    values: dict[str, Array]
    monthly_rain: Array | None = None

    @property
    def month(self) -> NDArray[np.int64]:
        """Calendar month 0..11 of each day."""
        return month_of(self.days)

    def has(self, *names: str) -> bool:
        """Whether all of ``names`` are measured on at least two years of days."""
        return all(n in self.values and np.isfinite(self.values[n]).sum() > 700 for n in names)

    def monthly(self, name: str) -> Array:
        """Means of the calendar months; NaN where a month has too few days."""
        value, month = self.values[name], self.month
        out = np.full(12, np.nan)
        for m in range(12):
            of = value[month == m]
            of = of[np.isfinite(of)]
            if of.size >= ENOUGH:
                out[m] = of.mean()
        return out

    def climate(self) -> MonthlyClimate | None:
        """Monthly climate of temperature, rain and radiation; None where one of the months is unknown."""
        t = self.monthly("t") + 273.15
        rain = self.monthly("rain") if "rain" in self.values else self.monthly_rain
        sw = self.monthly("sw") if "sw" in self.values else None
        if rain is None or not np.isfinite(t).all() or not np.isfinite(rain).all():
            return None
        known = sw is not None and np.isfinite(sw).all()
        return MonthlyClimate(
            np.array([self.latitude]), np.array([self.longitude]), np.array([max(self.elevation, 0.0)]), t, rain,
            radiation=np.maximum(sw, 0.0) if known and sw is not None else None, name=self.name,
        )  # fmt: skip


def region(s: Station) -> str:
    """Block of a place: north, south, alps or centre. Blocks are withheld as a whole."""
    if s.latitude >= 55.0:
        return "north"
    if s.latitude < 44.5 or (s.latitude < 46.0 and s.elevation < 600.0):
        return "south"
    if s.latitude < 48.0 and s.longitude > 5.0:
        return "alps"
    return "centre"


def _whole(days: NDArray[np.int64], values: dict[str, Array]) -> tuple[NDArray[np.int64], dict[str, Array]]:
    first, last = int(days.min()), int(days.max())
    out = {n: np.full(last - first + 1, np.nan) for n in values}
    for n, v in values.items():
        out[n][days - first] = v
    return np.arange(first, last + 1), out


def read_daily(data: Path) -> list[Station]:
    """All daily stations: 55 towers (temperature, range, radiation, deficit; four with the rest), Solling, Pallas."""
    flux = data / "flux"
    if not flux.is_dir():
        raise InputError(
            f"{flux}: not there. Fits and scores of the weather generator need the reference data (ELTERRA_SHARED)"
        )
    sites: dict[Any, Any] = pd.read_csv(flux / "fluxnet2015_eu_sites.csv").set_index("site").to_dict("index")
    table = pd.read_parquet(flux / "fluxnet2015_eu_daily_dev.parquet")
    full = pd.read_parquet(flux / "fluxnet2015_daily_fullmet_4sites.parquet")
    rain = _monthly_rain(flux)
    out = []
    for name, rows in table.groupby("site", observed=True):
        facts = sites[str(name)]
        days = rows["date"].to_numpy().astype("datetime64[D]").astype(np.int64)

        def good(column: str, quality: str, rows: pd.DataFrame = rows) -> Array:
            value = rows[column].to_numpy(float)
            return np.where(rows[quality].to_numpy(float) >= QUALITY, value, np.nan)

        values = {"t": good("TA", "TA_qc"), "sw": good("SW_IN", "SW_IN_qc"), "vpd": good("VPD", "VPD_qc")}
        values["range"] = good("TA_max", "TA_qc") - good("TA_min", "TA_qc")
        whole, values = _whole(days, values)
        if name in FULL:
            values |= _full_met(full[full.siteid == name], whole)
        elevation = facts["altitude"] if np.isfinite(facts["altitude"]) else 0.0
        out.append(
            Station(
                str(name),
                float(facts["lat"]),
                float(facts["lon"]),
                float(elevation),
                whole,
                values,
                rain.get(str(name)),
            )
        )
    return [*out, *_others(data / "snow_soilwater")]


def _full_met(rows: pd.DataFrame, days: NDArray[np.int64]) -> dict[str, Array]:
    at = rows["TIMESTAMP"].to_numpy().astype("datetime64[D]").astype(np.int64) - days[0]
    inside = (at >= 0) & (at < len(days))
    columns = {"rain": "P_F", "wind": "WS_F", "pressure": "PA_F"}
    out = {n: np.full(len(days), np.nan) for n in (*columns, "lw")}
    for n, c in columns.items():
        out[n][at[inside]] = rows[c].to_numpy(float)[inside]
    out["pressure"] *= 10.0
    # the column _F holds a reanalysis where nothing was measured; _MDS is measured or filled from the site itself
    out["lw"][at[inside]] = rows["LW_IN_F_MDS"].to_numpy(float)[inside]
    return out


def _monthly_rain(flux: Path) -> dict[str, Array]:
    table = pd.read_parquet(flux / "cardamom_fluxval_monthly_drivers_obs_2001_2016_dev.parquet")
    table["m"] = table["month"].str[5:7].astype(int)
    out = {}
    for name, rows in table.groupby("site", observed=True):
        mean = rows.groupby("m")["PRECIP_mm_d"].mean()
        short = str(name)
        if len(mean) == 12 and np.isfinite(mean.to_numpy()).all():
            out[short.split("_")[0]] = mean.to_numpy(float)
    return out


def _others(folder: Path) -> list[Station]:
    out = []
    solling = pd.read_csv(folder / "solling_slb1_meteo.csv.gz")
    days = pd.to_datetime(solling["dates"]).to_numpy().astype("datetime64[D]").astype(np.int64)
    t = solling["tmean"].to_numpy(float)
    values = {
        "t": t,
        "range": (solling["tmax"] - solling["tmin"]).to_numpy(float),
        "rain": solling["prec"].to_numpy(float),
        "wind": solling["windspeed"].to_numpy(float),
        "sw": solling["globrad"].to_numpy(float) / 0.0864,
    }
    keep = days >= np.datetime64("1980-01-01", "D").astype(np.int64)
    out.append(
        Station("Solling", 51.76, 9.58, 504.0, *_whole(days[keep], {n: v[keep] for n, v in values.items()}))
    )
    pallas = pd.read_csv(folder / "pallas_fmi_grid_daily_1961_2016.csv.gz")
    days = pd.to_datetime(pallas["aika"].astype(str)).to_numpy().astype("datetime64[D]").astype(np.int64)
    values = {
        "t": pallas["t_mean"].to_numpy(float),
        "range": (pallas["t_max"] - pallas["t_min"]).to_numpy(float),
        "rain": pallas["rainfall"].to_numpy(float),
    }
    values = {n: np.where(v > -100.0, v, np.nan) for n, v in values.items()}
    keep = days >= np.datetime64("1980-01-01", "D").astype(np.int64)
    out.append(
        Station("Pallas", 67.99, 24.24, 347.0, *_whole(days[keep], {n: v[keep] for n, v in values.items()}))
    )
    return out


@dataclass(frozen=True)
class Steps:
    """Half-hourly or hourly values ``[day, step]`` in UTC of a place; NaN where not measured. Names as in `Station`."""

    name: str
    latitude: float
    longitude: float
    elevation: float
    days: NDArray[np.int64]
    values: dict[str, Array]

    @property
    def month(self) -> NDArray[np.int64]:
        """Calendar month 0..11 of each day."""
        return month_of(self.days)


def unpacked(variable: h5py.Dataset) -> Array:
    """Values of a packed variable: scale, offset, NaN where there is none."""
    raw = variable[:]
    value = raw.astype(float) * np.ravel(variable.attrs.get("scale_factor", 1.0))[0]
    value += np.ravel(variable.attrs.get("add_offset", 0.0))[0]
    missing = value <= -9999.0
    if "_FillValue" in variable.attrs:
        missing |= raw == np.ravel(variable.attrs["_FillValue"])[0]
    return np.where(missing, np.nan, value)


def read_halfhourly(data: Path) -> list[Steps]:
    """Temperature, short-wave and deficit of 13 towers as hourly means of measured half-hours, in UTC."""
    out = []
    with h5py.File(data / "flux" / "fluxnet2015_halfhourly_dev.nc") as file:
        for name, group in file.items():
            minutes = group["time"][:].astype(np.int64) - 30  # starts of half-hours
            offset = int(minutes[0] % 1440)
            skip = (1440 - offset) % 1440 // 30
            count = (len(minutes) - skip) // 48 * 48
            inside = slice(skip, skip + count)
            first = np.datetime64("1990-01-01", "D").astype(np.int64) + int(minutes[skip]) // 1440
            values = {}
            for key, column in (("t", "TA"), ("sw", "SW_IN"), ("vpd", "VPD")):
                value = np.where(group[f"{column}_QC"][:] == 0, unpacked(group[column]), np.nan)
                values[key] = value[inside].reshape(-1, 24, 2).mean(axis=2)
            facts = group.attrs
            out.append(
                Steps(
                    name, float(np.ravel(facts["lat"])[0]), float(np.ravel(facts["lon"])[0]),
                    float(np.ravel(facts["elevation_m"])[0]), np.arange(first, first + count // 48), values,
                )
            )  # fmt: skip
    return out


def read_hourly_rain(data: Path) -> list[tuple[str, Array, Array]]:
    """Name, rain (mm) ``[day, 24]`` and mean temperature (degC) ``[day]`` of whole days of places with hourly rain."""
    out = []
    with h5py.File(data / "flux" / "ch_dav_halfhourly_2013_2019_full.nc") as file:
        rain, t = unpacked(file["PREC"]), unpacked(file["Tair_f"])
        rain, t = rain.reshape(-1, 24, 2).sum(axis=2), t.reshape(-1, 48).mean(axis=1)
    out.append(("CH-Dav", rain, t))
    folder = data / "snow_soilwater"
    hourly = pd.read_csv(folder / "solling_slb1_hourly_precip_2013.csv.gz")["prec"].to_numpy(float)
    meteo = pd.read_csv(folder / "solling_slb1_meteo.csv.gz")
    t = meteo.loc[meteo["dates"].str.startswith("2013"), "tmean"].to_numpy(float)
    days = min(len(hourly) // 24, len(t))
    out.append(("Solling", hourly[: days * 24].reshape(-1, 24), t[:days]))
    for name, file_name in (
        ("Alptal", "alptal_met_hourly_2004_05"),
        ("Col de Porte", "col_de_porte_met_hourly_2005_06"),
    ):
        table = pd.read_csv(folder / f"{file_name}.csv.gz")
        table = table.iloc[int(np.argmax(table["hour"].to_numpy() == table["hour"].min())) :]
        days = len(table) // 24
        part = table.iloc[: days * 24]
        rain = ((part["Sf"] + part["Rf"]) * 3600.0).to_numpy(float).reshape(-1, 24)
        out.append((name, rain, part["Ta"].to_numpy(float).reshape(-1, 24).mean(axis=1) - 273.15))
    table = pd.read_csv(folder / "crns_fuerstensee_fsc001_hourly.csv.gz")
    when = pd.to_datetime(table["DateTime_utc"])
    grid = table.assign(day=when.dt.floor("D"), hour=when.dt.hour).drop_duplicates(["day", "hour"])
    wide = grid.pivot(index="day", columns="hour", values="Precipitation").reindex(columns=range(24))
    warm = grid.groupby("day")["AirTemperature_Sensor2"].mean().reindex(wide.index)
    out.append(("Fuerstensee", wide.to_numpy(float), warm.to_numpy(float)))
    return [(n, r[k], t[k]) for n, r, t in out for k in [np.isfinite(r).all(axis=1) & np.isfinite(t)]]
