"""Bench ``weather``: generated weather of withheld places against measured weather, beside rivals."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.bench.shared_folder import shared_folder
from elterra.bench.weather_rivals import daily_of, moved, nearest, wgen
from elterra.bench.weather_stats import Daily, compare, diurnal_error
from elterra.errors import InputError
from elterra.forcing.humidity import saturation_pressure, vapour_pressure
from elterra.forcing.weather import Coefficients, MonthlyClimate, WeatherGenerator
from elterra.forcing.weather._calendar import month_of
from elterra.forcing.weather.fit import amplitudes, fit
from elterra.forcing.weather.towers import REGIONS, Station, Steps, read_daily, read_halfhourly, region

Array = NDArray[np.float64]
#: withheld years instead of places: the fit sees what was before, scores are of what came after
SPLIT = 2009
SOURCES = ("generated", "nearest", "wgen", "floor")
#: years generated, and fewest years of a place that is scored
YEARS, QUICK_YEARS, LONG_ENOUGH = 20, 5, 4
#: columns of generated days, by name of the statistics
SEED = 20260101


def shared_data() -> Path:
    """Folder of the reference data; `InputError` where it is not."""
    return shared_folder(
        "data/flux", "the weather generator is fitted and scored on the reference data"
    ).parent


def measure(
    *, quick: bool = False, case: str | None = None, land: bool = False, folder: Path | None = None
) -> dict[str, float]:
    """Figures by block and over all withheld places (keys in ``benchmarks/README.md``).

    Each block of places is generated with coefficients fitted on the other blocks; ``years`` are all places from `SPLIT` on
    with coefficients of the years before. ``case``: blocks, separated by commas.
    ``land``: the land model under generated and measured weather instead (minutes).
    """
    data = folder or shared_data()
    if land:
        from elterra.bench.weather_land import measure_land

        return measure_land(data, quick=quick)
    wanted = [*REGIONS, "years"] if case is None else case.split(",")
    unknown = [b for b in wanted if b not in (*REGIONS, "years")]
    if unknown:
        raise InputError(
            f"bench weather: no block {', '.join(unknown)}; there are {', '.join(REGIONS)}, years"
        )
    if quick and case is None:
        wanted = ["south"]
    scores: dict[str, list[dict[str, float]]] = {}
    figures: dict[str, float] = {}
    stations, steps = read_daily(data), read_halfhourly(data)
    for block in wanted:
        of_block = block_scores(data, block, stations, steps, QUICK_YEARS if quick else YEARS)
        for source, found in of_block.items():
            if block != "years":
                scores.setdefault(source, []).extend(found)
            figures |= {f"{block}.{source}.{k}": v for k, v in _mean(found).items()}
        print(f"weather: block {block} done", file=sys.stderr, flush=True)
    for source, found in scores.items():
        figures |= {f"{source}.{k}": v for k, v in _mean(found).items()}
    if scores:
        figures["places"] = float(len(scores["generated"]))
    return {k: v for k, v in figures.items() if np.isfinite(v)}


def block_scores(
    data: Path, block: str, stations: list[Station], steps: list[Steps], years: int
) -> dict[str, list[dict[str, float]]]:
    """Scores of the places of a block by source: generated, nearest, wgen, floor (other years of the place itself)."""
    if block == "years":
        coefficients = fit(data, before=SPLIT)
        targets = [x for x in (_between(s, SPLIT, 9999) for s in stations) if _usable(x)]
        training = [_between(s, 0, SPLIT) for s in stations]
        steps = []  # of the half-hourly records the years are not split
    else:
        coefficients = fit(data, withhold=(block,))
        targets = [s for s in stations if region(s) == block and _usable(s)]
        training = [s for s in stations if region(s) != block]
    made = generate_days(
        joined([climate_of(s, coefficients.numbers["damping"]) for s in targets]), coefficients, years
    )
    fitted = {s.name for s in training}
    near_steps = [h for h in steps if h.name in fitted]
    out: dict[str, list[dict[str, float]]] = {n: [] for n in SOURCES}
    for i, s in enumerate(targets):
        own = daily_of(s)
        found = {"generated": compare(own, made.daily(i)), **_rivals(s, training, made.days, SEED + i)}
        half = s.days[len(s.days) // 2]
        found["floor"] = compare(_part(s, s.days < half), _part(s, s.days >= half))
        for h in steps:
            if h.name == s.name and near_steps:
                found["generated"] |= _diurnal(h, made, i)
                closest = min(near_steps, key=lambda x: _away(x, s))
                found.setdefault("nearest", {}).update(_diurnal_between(h, closest))
        for source, scores in found.items():
            out[source].append(scores)
    return out


def _rivals(
    s: Station, training: list[Station], days: NDArray[np.int64], seed: int
) -> dict[str, dict[str, float]]:
    """Scores of the rivals for a place: moved to every monthly mean that is measured there."""
    own, out = daily_of(s), {}
    known = [n for n in ("t", "range", "sw", "vpd", "rain", "wind") if s.has(n)]
    means = {n: s.monthly(n) for n in known}
    if s.monthly_rain is not None:
        means.setdefault("rain", s.monthly_rain)
    other = nearest(s, training, tuple(n for n in known if n != "wind"))
    if other is not None:
        out["nearest"] = compare(own, moved(other, means))
    rainy = nearest(s, training, ("t", "range", "sw", "vpd", "rain"))
    if rainy is not None:
        out["wgen"] = compare(own, wgen(rainy, means, days, seed))
    return out


def _away(h: Steps, s: Station) -> float:
    return (h.latitude - s.latitude) ** 2 + 0.4 * (h.longitude - s.longitude) ** 2


def _between(s: Station, first: int, stop: int) -> Station:
    """The years ``first`` to before ``stop`` of a station."""
    year = s.days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    keep = (year >= first) & (year < stop)
    return replace(s, days=s.days[keep], values={n: v[keep] for n, v in s.values.items()})


def _usable(s: Station) -> bool:
    climate = s.climate()
    return (
        climate is not None
        and climate.radiation is not None
        and len(s.days) >= LONG_ENOUGH * 365
        and s.has("t", "range")
    )


def climate_of(s: Station, damping: float) -> MonthlyClimate:
    """The monthly climate of a station with everything that it measures; NaN where it measures nothing."""
    c = s.climate()
    assert c is not None
    none = np.full((12, 1), np.nan)
    vapour = none
    if s.has("vpd", "range"):
        _, saturated = amplitudes(s, damping)
        pressure = np.maximum(saturated - 100.0 * s.values["vpd"], 20.0)
        vapour = Station(s.name, 0.0, 0.0, 0.0, s.days, {"e": pressure}).monthly("e")[:, None]
    return MonthlyClimate(
        c.latitude,
        c.longitude,
        c.elevation,
        c.temperature,
        c.precipitation,
        radiation=c.radiation,
        vapour_pressure=_complete(vapour),
        wind=_complete(s.monthly("wind")[:, None]) if s.has("wind") else none,
        diurnal_range=_complete(s.monthly("range")[:, None]) if s.has("range") else none,
        name=s.name,
    )


def _complete(x: Array) -> Array:
    """All twelve months or none of them."""
    return x if np.isfinite(x).all() else np.full(x.shape, np.nan)


def joined(climates: list[MonthlyClimate]) -> MonthlyClimate:
    """Climates of single places as one of many cells."""
    names = (
        "latitude", "longitude", "elevation", "temperature", "precipitation", "radiation", "vapour_pressure", "wind",
        "diurnal_range",
    )  # fmt: skip
    sides: dict[str, Any] = {
        n: np.concatenate([np.atleast_1d(getattr(c, n)) for c in climates], axis=-1) for n in names
    }
    return MonthlyClimate(**sides, name="withheld towers")


class Made:
    """Generated days ``[day, cell]`` and hours of temperature, short-wave and deficit ``[day, hour, cell]``."""

    def __init__(self, days: NDArray[np.int64], values: dict[str, Array], hours: dict[str, Array]) -> None:
        self.days, self.values, self.hours = days, values, hours
        self.month = month_of(days)

    def daily(self, cell: int) -> Daily:
        """The days of one cell."""
        return Daily(self.month, {n: v[:, cell] for n, v in self.values.items()})


def generate_days(climate: MonthlyClimate, coefficients: Coefficients, years: int, first: int = 1991) -> Made:
    """Hourly weather of a climate, and its days."""
    generator = WeatherGenerator(climate, seed=SEED, first_year=first, years=years, coefficients=coefficients)
    hours: dict[str, list[Array]] = {n: [] for n in ("t", "sw", "vpd", "rain", "wind")}
    times = []
    for year in range(first, first + years):
        for month in range(1, 13):
            w = generator.month(year, month)
            times.append(w["time"][::24])
            vapour = vapour_pressure(w["QBOT"], w["PSRF"])
            for name, value in (
                ("t", w["TBOT"] - 273.15),
                ("sw", w["FSDS"]),
                ("vpd", (saturation_pressure(w["TBOT"]) - vapour) / 100.0),
                ("rain", w["PRECTmms"] * 3600.0),
                ("wind", w["WIND"]),
            ):
                hours[name].append(value.reshape(-1, 24, climate.cells))
    whole = {n: np.concatenate(v) for n, v in hours.items()}
    values = {n: v.sum(axis=1) if n == "rain" else v.mean(axis=1) for n, v in whole.items()}
    values["range"] = whole["t"].max(axis=1) - whole["t"].min(axis=1)
    days = np.concatenate(times).astype("datetime64[D]").astype(np.int64)
    return Made(days, values, {n: whole[n] for n in ("t", "sw", "vpd")})


def _part(s: Station, keep: NDArray[np.bool_]) -> Daily:
    return Daily(s.month[keep], {n: v[keep] for n, v in s.values.items()})


def _diurnal(s: Steps, made: Made, cell: int) -> dict[str, float]:
    return {
        f"diurnal.{n}": diurnal_error(s.values[n], v[:, :, cell], s.month, made.month)
        for n, v in made.hours.items()
    }


def _diurnal_between(s: Steps, other: Steps) -> dict[str, float]:
    """The nearest tower's cycles, its short-wave and deficit scaled to the monthly means of the place."""
    here, there = s.month, other.month
    out = {}
    for n, value in other.values.items():
        moved_to = value.copy()
        for m in range(12):
            if n != "t" and (there == m).any() and (here == m).any():
                moved_to[there == m] *= np.nanmean(s.values[n][here == m]) / np.nanmean(value[there == m])
        out[f"diurnal.{n}"] = diurnal_error(s.values[n], moved_to, here, there)
    return out


def _mean(found: list[dict[str, float]]) -> dict[str, float]:
    names = sorted({k for f in found for k in f})
    out = {}
    for name in names:
        values = np.array([f[name] for f in found if name in f and np.isfinite(f[name])])
        if values.size:
            out[name] = float(values.mean())
    return out
