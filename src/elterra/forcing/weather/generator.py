"""`WeatherGenerator`: weather of a climate, month by month, for any cells."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields as dataclass_fields

import numpy as np
from numpy.typing import NDArray

import elterra
from elterra.errors import InputError
from elterra.forcing._fill import SB
from elterra.forcing.humidity import specific_humidity
from elterra.forcing.weather import daily, subdaily
from elterra.forcing.weather._calendar import days_of_month, month_number, year_month
from elterra.forcing.weather._condition_pass import condition
from elterra.forcing.weather._days import Block, DayMaker, Days
from elterra.forcing.weather.climate import OPTIONAL, MonthlyClimate, monthly_sun
from elterra.forcing.weather.coefficients import Coefficients, expit, load
from elterra.forcing.weather.conditioning import Normals
from elterra.forcing.weather.daily import DARK, prescribe
from elterra.forcing.weather.fields import (
    DAILY_BAND,
    DAILY_WAVES,
    HOURLY_BAND,
    HOURLY_WAVES,
    DailyFields,
    HourlyField,
    basis,
    spectrum,
)
from elterra.forcing.weather.scenario import MonthlySeries, Scenario

Array = NDArray[np.float64]
#: cells computed together: what fits the cache; no number depends on it
BLOCK = 256
#: streams that a month holds
STREAMS = ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms", "CO2", "NDEP")


class WeatherGenerator:
    """Hourly or half-hourly weather of a climate.

    Parameters
    ----------
    climate : monthly means of the normal period, by cell
    seed : another seed is another history of the same climate
    first_year, years : the normal period, over which the means of each calendar month come out as those of the climate.
        Weather exists for any year; outside of the normal period the same numbers condition it
    step_seconds : 3600 or 1800
    scenario : deltas by year; None is the constant climate
    series : temperature and precipitation of single months, kept exactly, instead of scenario deltas (CO2 and deposition are
        still the scenario's); years outside of it are refused
    leap_days : False leaves out 29 February (calendar of CLM)
    """

    def __init__(
        self,
        climate: MonthlyClimate,
        *,
        seed: int,
        first_year: int = 1991,
        years: int = 30,
        step_seconds: int = 3600,
        scenario: Scenario | None = None,
        series: MonthlySeries | None = None,
        leap_days: bool = True,
        coefficients: Coefficients | None = None,
    ) -> None:
        if step_seconds not in (3600, 1800):
            raise InputError(f"step_seconds {step_seconds}: weather is generated in steps of 3600 or 1800 s")
        if years < 1:
            raise InputError(f"years {years}: a normal period has at least one year")
        if series is not None and series.temperature.shape[1] != climate.cells:
            raise InputError(
                f"monthly series of {series.temperature.shape[1]} cells for a climate of {climate.cells}"
            )
        self.climate, self.seed, self.first_year, self.years = climate, seed, first_year, years
        self.step_seconds, self.leap_days, self.series = step_seconds, leap_days, series
        self.scenario = scenario or Scenario(normal_year=first_year + 0.5 * years)
        c = self.coefficients = coefficients or load()
        self._spectrum = spectrum(c.length_km, c.smoothness, DAILY_WAVES, DAILY_BAND)
        k = c.numbers
        cloud = np.array([k["cloud_km"]]), np.array([k["cloud_smoothness"]])
        self._hourly_spectrum = spectrum(*cloud, HOURLY_WAVES, HOURLY_BAND)
        self._maker = DayMaker(
            c,
            DailyFields(seed, self._spectrum, c.memory, c.slow, leap_days),
            HourlyField(seed, self._hourly_spectrum, k["cloud_hours"]),
            self.scenario,
            leap_days,
            86400 // step_seconds,
        )
        self._blocks: dict[int, Block] = {}

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.climate.cells

    @property
    def steps_per_day(self) -> int:
        """Steps of a day."""
        return 86400 // self.step_seconds

    @property
    def attrs(self) -> dict[str, str | int]:
        """Metadata: that and how the weather was generated. ``dark_cell_months`` counts months of cells in the polar night,
        whose radiation is not conditioned."""
        known = self.climate.known()
        return {
            "weather": "generated",
            "generator": f"elterra {elterra.__version__} stochastic weather generator",
            "seed": self.seed,
            "climate": self.climate.name,
            "normal_period": f"{self.first_year}-{self.first_year + self.years - 1}",
            "scenario": self.scenario.name,
            "monthly_series": "temperature, precipitation" if self.series is not None else "none",
            "conditioned_on": ", ".join(("temperature", "precipitation", *known)),
            "estimated": ", ".join(n for n in OPTIONAL if n not in known) or "none",
            "dark_cell_months": int((monthly_sun(self.climate.latitude)[0] < DARK).sum()),
            "pressure": "standard atmosphere at the elevation, with generated anomalies",
            "calendar": "standard" if self.leap_days else "noleap",
            **self.climate.attrs,
        }

    def normals(self, block: int) -> Normals:
        """Conditioning numbers of a block of `BLOCK` cells; computed once (a pass over the days of the normal period)."""
        b = self._block(block)
        if b.normals is None:
            first = month_number(self.first_year, 1)
            b.normals = condition(self._maker, b, range(first, first + 12 * self.years))
        return b.normals

    def month(self, year: int, month: int, cells: slice | None = None) -> dict[str, Array]:
        """Streams ``[time, cell]`` of a month (1..12) for all cells or a slice of them; `time` ``[time]`` are starts in UTC.

        K, kg kg-1, Pa, m s-1, W m-2, kg m-2 s-1, umol mol-1; NDEP in gN m-2 s-1. The same bits for any slice, in any
        order of months, in a new process.
        """
        number = month_number(year, month)
        if self.series is not None and not 0 <= year - self.series.first_year < self.series.years:
            raise InputError(
                f"year {year} is not in the monthly series {self.series.first_year}.."
                f"{self.series.first_year + self.series.years - 1}"
            )
        low, high, step = (cells or slice(None)).indices(self.cells)
        if step != 1 or low >= high:
            raise InputError(
                f"cells {cells}: expected a slice without step that holds a cell of {self.cells}"
            )
        parts = []
        for block in range(low // BLOCK, (high - 1) // BLOCK + 1):
            whole = self._month(block, number)
            first = block * BLOCK
            inside = slice(max(low - first, 0), min(high - first, BLOCK))
            parts.append({n: v[:, inside] for n, v in whole.items()})
        out = {n: np.concatenate([p[n] for p in parts], axis=1) for n in STREAMS}
        days = days_of_month(number, self.leap_days).astype("datetime64[D]").astype("datetime64[s]")
        step_of_day = np.arange(self.steps_per_day) * np.timedelta64(self.step_seconds, "s")
        out["time"] = (days[:, None] + step_of_day).reshape(-1)
        return out

    @property
    def latitude(self) -> Array:
        """Degrees north ``[cell]``."""
        return self.climate.latitude

    @property
    def longitude(self) -> Array:
        """Degrees east ``[cell]``."""
        return self.climate.longitude

    def read(self, start: np.datetime64, stop: np.datetime64, cells: slice | None = None) -> dict[str, Array]:
        """Streams from ``start`` to before ``stop`` (`forcing.WeatherSource`); 29 February is skipped without leap days."""
        first, end = np.asarray(start, "datetime64[s]"), np.asarray(stop, "datetime64[s]")
        low, high = (
            int(x.astype("datetime64[M]").astype(np.int64)) for x in (first, end - np.timedelta64(1, "s"))
        )
        found = [self.month(*year_month(number), cells) for number in range(low, high + 1)]
        whole = {n: np.concatenate([m[n] for m in found]) for n in (*STREAMS, "time")}
        inside = (whole["time"] >= first) & (whole["time"] < end)
        return {n: v[inside] for n, v in whole.items()}

    def daily(self, year: int, month: int, block: int = 0) -> Days:
        """Daily weather of a month for a block of cells, as it is disaggregated."""
        count = min(BLOCK, self.cells - block * BLOCK)
        found = self._maker.days(self._block(block), self.normals(block), month_number(year, month))
        return Days(**{f.name: getattr(found, f.name)[:, :count] for f in dataclass_fields(Days)})

    def _block(self, block: int) -> Block:
        if block not in self._blocks:
            inside = np.arange(block * BLOCK, min((block + 1) * BLOCK, self.cells))
            if block < 0 or not inside.size:
                raise InputError(f"block {block}: there are {-(-self.cells // BLOCK)}")
            if inside.size == 1:
                # numpy adds the days of a single column in another order than those of several: never a single one
                inside = np.repeat(inside, 2)
            climate = self.climate.at(inside)
            series = None if self.series is None else self.series.at(inside)
            self._blocks[block] = Block(
                climate,
                series,
                prescribe(climate, self.coefficients),
                basis(self._spectrum, climate.latitude, climate.longitude),
                basis(self._hourly_spectrum, climate.latitude, climate.longitude),
                OrderedDict(),
            )
        return self._blocks[block]

    def forget(self, block: int) -> None:
        """Drop what is kept of a block but its conditioning numbers: memory for domains of many blocks."""
        kept = self._blocks.get(block)
        if kept is not None:
            kept.recent.clear()

    def _month(self, block: int, number: int) -> dict[str, Array]:
        b, n, k, make = self._block(block), self.normals(block), self.coefficients.numbers, self._maker
        days = make.days(b, n, number)
        t, saturated, shape, sky = make.heat(b, n, number)
        cloud, clear = make.clearness(b, n, number)
        change = make.change(b, number)
        m = b.prescription.month(number % 12)
        sun_day = m.clear_limit * days.clear * sky.top.mean(axis=0)
        e = make.vapour(n, number, days, saturated)
        pressure = subdaily.with_neighbours(make.around(b, n, number, "pressure"), make.steps)
        lw = make.longwave(t, e, clear)
        if n.longwave is not None:
            lw = daily.towards(lw, SB * t**4, n.longwave[number % 12])
        wet_share = expit(
            k["wet_share_0"] + k["wet_share_log"] * np.log(np.maximum(days.rain, 1e-3))
            + k["wet_share_t"] * (days.temperature - 273.15) / 10.0
        )  # fmt: skip
        steps_of = {
            "TBOT": t,
            "QBOT": specific_humidity(e, pressure),
            "PSRF": pressure,
            "WIND": subdaily.wind(days.wind, sun_day, shape, k["wind_gain"]),
            "FSDS": subdaily.shortwave(sun_day, m.clear_limit, clear, sky),
            "FLDS": lw,
            "PRECTmms": subdaily.rain(days.rain, cloud, wet_share, k["shower_power"]) / self.step_seconds,
        }
        cells = b.climate.cells
        out = {name: np.swapaxes(v, 0, 1).reshape(-1, cells) for name, v in steps_of.items()}
        shape_of_month = out["TBOT"].shape
        out["CO2"] = np.full(shape_of_month, change.co2)
        out["NDEP"] = np.broadcast_to(b.climate.ndep * change.ndep / (365.0 * 86400.0), shape_of_month)
        return out
