"""Bench ``weather --land``: the land model under measured weather and under weather generated for the same monthly climate.

Three withheld towers, 2011-2014, eight columns of one program. Half-hourly temperature, short-wave and deficit are measured;
of the rest there are daily values: rain is spread over the day by the generator's own rule, so that the check is of days and
of the half-hours of what was measured.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from elterra.forcing import cell_calendar, step_starts, weather_fields
from elterra.forcing.humidity import saturation_pressure, specific_humidity, vapour_pressure
from elterra.forcing.weather import Coefficients, MonthlyClimate, WeatherGenerator, subdaily
from elterra.forcing.weather.coefficients import expit
from elterra.forcing.weather.fields import HourlyField, evaluate
from elterra.forcing.weather.fit import fit
from elterra.forcing.weather.towers import Station, read_daily, region, unpacked

Array = NDArray[np.float64]
FIRST, YEARS, QUICK_DAYS = 2011, 4, 30
STEPS = 48
#: days a call: 1460 days are 292 calls of one program
CHUNK = 5
MEANS = ("GPP", "LE", "NEE", "SWE", "H", "ER")
#: g m-2 s-1 to g m-2 a year
YEAR_SECONDS = 365.0 * 86400.0


@dataclass(frozen=True)
class Place:
    """A tower as a column: CLM5 plant type, sand and clay (%), organic matter (kg m-3) of the soil (CalLMIP protocol;
    organic matter assumed)."""

    name: str
    pft: int
    sand: float
    clay: float
    organic: float


PLACES = (
    Place("CH-Dav", 2, 58.0, 10.0, 35.0),
    Place("FI-Hyy", 2, 50.0, 9.0, 30.0),
    Place("FR-Pue", 5, 14.1, 39.6, 20.0),
)
#: columns: place, and weather
COLUMNS = (
    (0, "measured"), (1, "measured"), (2, "measured"), (0, "generated"), (1, "generated"), (2, "generated"),
    (1, "second"), (2, "second"),
)  # fmt: skip
SEEDS = {"generated": 11, "second": 12}
SHORT = {"CH-Dav": "ch_dav", "FI-Hyy": "fi_hyy", "FR-Pue": "fr_pue"}


def measure_land(data: Path, *, quick: bool = False) -> dict[str, float]:
    """Annual GPP, NEE (gC m-2), LE (W m-2), largest and mean SWE (mm) of the last three years by place and weather."""
    stations = {s.name: s for s in read_daily(data)}
    streams: list[dict[str, Array] | None] = [None] * len(COLUMNS)
    for i, place in enumerate(PLACES):
        station = stations[place.name]
        coefficients = fit(data, withhold=(region(station),))
        measured = measured_streams(data, station, coefficients)
        climate = climate_from(measured, station)
        for column, (at, weather) in enumerate(COLUMNS):
            if at == i:
                streams[column] = (
                    measured
                    if weather == "measured"
                    else generated_streams(climate, coefficients, SEEDS[weather])
                )
    whole = {n: np.concatenate([s[n] for s in streams if s is not None], axis=1) for n in _NAMES}
    daily = run_columns(whole, stations, QUICK_DAYS if quick else None)
    return figures_of(daily)


_NAMES = ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms", "CO2")


def times() -> np.ndarray:
    """Starts of all steps, without 29 February."""
    time = step_starts(f"{FIRST}-01-01", f"{FIRST + YEARS}-01-01", 86400 // STEPS)
    day = time.astype("datetime64[D]")
    return time[~((day.astype("datetime64[M]").astype(int) % 12 == 1) & (_day_of_month(day) == 29))]


def _day_of_month(day: np.ndarray) -> NDArray[np.int64]:
    return (day - day.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1


def measured_streams(data: Path, s: Station, c: Coefficients) -> dict[str, Array]:
    """Half-hourly streams ``[time, 1]`` of a tower, measured or filled by FLUXNET; hours of rain by the generator's rule."""
    with h5py.File(data / "flux" / "fluxnet2015_halfhourly_dev.nc") as file:
        group = file[s.name]
        start = np.datetime64("1990-01-01", "s") + group["time"][:].astype(np.int64) * 60 - 1800
        t, sw, vpd = (_filled(unpacked(group[n])) for n in ("TA", "SW_IN", "VPD"))
    time = times()
    row = np.clip(np.searchsorted(start, time), 0, len(start) - 1)
    t, sw, vpd = t[row], np.maximum(sw[row], 0.0), vpd[row]
    days = time[::STEPS].astype("datetime64[D]").astype(np.int64)
    at = days - s.days[0]
    lw_file = _longwave(data, s.name, days)
    rain, wind, pressure = (_filled(s.values[n][at]) for n in ("rain", "wind", "pressure"))
    kelvin = (t + 273.15).reshape(-1, STEPS)
    e = np.maximum(saturation_pressure(kelvin) - 100.0 * vpd.reshape(-1, STEPS), 20.0)
    p = np.repeat(100.0 * pressure[:, None], STEPS, axis=1)
    fourth = kelvin**4
    cloud = np.zeros((STEPS, len(days), 1))
    field = HourlyField(7, _one_wave(), c.numbers["cloud_hours"])
    hourly = evaluate(field.coefficients(int(days[0]), int(days[-1] - days[0]) + 1), np.ones((1, 2)))
    whole = subdaily.cloud_steps(hourly, STEPS, c.numbers["cloud_hours"])
    cloud = whole[:, days - days[0]]
    k = c.numbers
    share = expit(
        k["wet_share_0"]
        + k["wet_share_log"] * np.log(np.maximum(rain, 1e-3))
        + k["wet_share_t"] * (kelvin.mean(axis=1) - 273.15) / 10.0
    )
    spread = subdaily.rain(rain[:, None], cloud, share[:, None], k["shower_power"])[:, :, 0].T
    streams = {
        "TBOT": kelvin, "QBOT": specific_humidity(e, p), "PSRF": p, "WIND": np.repeat(wind[:, None], STEPS, axis=1),
        "FSDS": sw.reshape(-1, STEPS), "FLDS": lw_file[:, None] * fourth / fourth.mean(axis=1, keepdims=True),
        "PRECTmms": spread / (86400.0 / STEPS), "CO2": np.full(kelvin.shape, 395.0),
    }  # fmt: skip
    return {n: v.reshape(-1, 1) for n, v in streams.items()}


def _one_wave() -> Any:
    from elterra.forcing.weather.fields import Spectrum

    return Spectrum(np.zeros((1, 3)), np.array([[1.0]]))


def _longwave(data: Path, name: str, days: NDArray[np.int64]) -> Array:
    import pandas as pd

    table = pd.read_parquet(data / "flux" / "fluxnet2015_daily_fullmet_4sites.parquet")
    rows = table[table.siteid == name]
    have = rows["TIMESTAMP"].to_numpy().astype("datetime64[D]").astype(np.int64)
    return _filled(rows["LW_IN_F"].to_numpy(float)[np.searchsorted(have, days)])


def _filled(x: Array) -> Array:
    good = np.isfinite(x) & (x > -900.0)
    return np.interp(np.arange(x.size), np.flatnonzero(good), x[good])


def climate_from(streams: dict[str, Array], s: Station) -> MonthlyClimate:
    """Monthly means of measured streams: all that a generated history is told of the place."""
    month = times().astype("datetime64[M]").astype(int) % 12
    e = vapour_pressure(streams["QBOT"], streams["PSRF"])

    def mean(x: Array) -> Array:
        return np.array([x[month == m].mean() for m in range(12)])

    return MonthlyClimate(
        np.array([s.latitude]), np.array([s.longitude]), np.array([s.elevation]), mean(streams["TBOT"]),
        86400.0 * mean(streams["PRECTmms"]), mean(streams["FSDS"]), mean(e), mean(streams["WIND"]), mean(streams["FLDS"]),
        name=s.name,
    )  # fmt: skip


def generated_streams(climate: MonthlyClimate, c: Coefficients, seed: int) -> dict[str, Array]:
    """Half-hourly streams ``[time, 1]`` of the same years for a climate; CO2 as in the measured ones."""
    generator = WeatherGenerator(
        climate,
        seed=seed,
        first_year=FIRST,
        years=YEARS,
        step_seconds=86400 // STEPS,
        leap_days=False,
        coefficients=c,
    )
    out = generator.read(np.datetime64(f"{FIRST}-01-01"), np.datetime64(f"{FIRST + YEARS}-01-01"))
    out["CO2"] = np.full_like(out["TBOT"], 395.0)
    return out


def run_columns(
    streams: dict[str, Array], stations: dict[str, Station], days: int | None
) -> dict[str, Array]:
    """Means of `MEANS` over each chunk of days ``[chunk, column]``."""
    import jax

    from elterra.bench.land import _forest
    from elterra.errors import ElterraError
    from elterra.land import Config, Surface, cold_start, ground_profile, prepare, run_chunk
    from elterra.land.forcing import neutral_factors
    from elterra.land.run import forcing_chunk
    from elterra.pipeline.reanalysis.station import STOP_LIMITS

    places = [PLACES[i] for i, _ in COLUMNS]
    of = [stations[p.name] for p in places]
    one = np.ones(len(places))

    def layers(values: list[float]) -> Array:
        return np.concatenate([ground_profile(v, 1) for v in values], axis=1)

    lat, lon = np.array([s.latitude for s in of]), np.array([s.longitude for s in of])
    surface = Surface(
        lat=lat, lon=lon, elevation=np.array([s.elevation for s in of]), forc_hgt=20.0 * one, topo_slope=3.0 * one,
        fmax=0.4 * one, zbedrock=2.0 * one, soil_color=15 * np.ones(len(places), int), sand=layers([p.sand for p in places]),
        clay=layers([p.clay for p in places]), organic=layers([p.organic for p in places]),
        pft=np.array([[p.pft for p in places]]), wt=one[None],
    )  # fmt: skip
    cfg = Config(nlevsno=5, stress="btran", capacity="prescribed", nitrogen="competition")
    p = prepare(surface)
    state = cold_start(p, cfg, temperature=streams["TBOT"].mean(axis=0) + 2.0).replace(**_forest(p))
    forcing = weather_fields(streams) | cell_calendar(times(), 86400.0 / STEPS, lat, lon, noleap=True)
    forcing["ndep"] = np.full(streams["TBOT"].shape, 0.8 / YEAR_SECONDS)
    count = len(streams["TBOT"]) // (CHUNK * STEPS)
    chunks = count if days is None else days // CHUNK
    out: dict[str, list[Array]] = {n: [] for n in MEANS}
    for i in range(chunks):
        part = forcing_chunk(forcing, i * CHUNK * STEPS, (i + 1) * CHUNK * STEPS)
        state, _, means, _, worst = run_chunk(
            p, state, part, neutral_factors(len(places)), cfg, (), MEANS, ()
        )
        worst, means = jax.device_get((worst, means))
        for name, limit in STOP_LIMITS.items():
            if name in worst and not (np.asarray(worst[name]) <= limit).all():
                raise ElterraError(
                    f"bench weather --land: balance {name} is off by {np.max(worst[name]):.2e} in chunk {i}"
                )
        for n in MEANS:
            out[n].append(np.asarray(means[n]))
        if i % 73 == 72:
            print(f"weather land: {(i + 1) // 73} of {YEARS} years", file=sys.stderr, flush=True)
    return {n: np.stack(v) for n, v in out.items()}


def figures_of(daily: dict[str, Array]) -> dict[str, float]:
    """Annual values by place and weather of all but the first year, and their differences from the measured weather."""
    out: dict[str, float] = {}
    chunks = len(daily["GPP"])
    skip = 73 if chunks > 73 else 0
    values: dict[tuple[int, str], dict[str, float]] = {}
    for column, key in enumerate(COLUMNS):
        v = {n: daily[n][skip:, column] for n in MEANS}
        found = {n: float(v[n].mean()) * (YEAR_SECONDS if n in ("GPP", "NEE", "ER") else 1.0) for n in MEANS}
        years = max(len(v["SWE"]) // 73, 1)
        found["SWE_max"] = float(np.mean([part.max() for part in np.array_split(v["SWE"], years)]))
        values[key] = found
        out |= {f"land.{SHORT[PLACES[key[0]].name]}.{key[1]}.{n}": x for n, x in found.items()}
    for i, place in enumerate(PLACES):
        a, b = values[i, "measured"], values[i, "generated"]
        out |= {f"land.{SHORT[place.name]}.difference.{n}": b[n] - a[n] for n in a}
        out |= {
            f"land.{SHORT[place.name]}.relative.{n}": b[n] / a[n] - 1.0 for n in ("GPP", "LE") if a[n] != 0.0
        }
    return out
