"""`WeatherGenerator`: weather of a climate, month by month, for any cells."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields

import numpy as np
from numpy.typing import NDArray

import elterra
from elterra.errors import InputError
from elterra.forcing._fill import SB
from elterra.forcing.humidity import saturation_pressure, specific_humidity
from elterra.forcing.weather import conditioning, daily, subdaily
from elterra.forcing.weather._calendar import (
    days_of_month,
    month_number,
    noons,
    quadratic,
    year_month,
)
from elterra.forcing.weather.climate import OPTIONAL, MonthlyClimate, daily_sun
from elterra.forcing.weather.coefficients import FIELDS, Coefficients, expit, load
from elterra.forcing.weather.conditioning import Normals
from elterra.forcing.weather.daily import Prescription, prescribe
from elterra.forcing.weather.fields import (
    DAILY_BAND,
    DAILY_WAVES,
    HOURLY_BAND,
    HOURLY_WAVES,
    DailyFields,
    HourlyField,
    basis,
    evaluate,
    spectrum,
)
from elterra.forcing.weather.scenario import MonthlySeries, Scenario

Array = NDArray[np.float64]
#: cells computed together: what fits the cache; no number depends on it
BLOCK = 256
#: streams that a month holds
STREAMS = ("TBOT", "QBOT", "PSRF", "WIND", "FSDS", "FLDS", "PRECTmms", "CO2", "NDEP")


@dataclass(frozen=True)
class Days:
    """Daily weather of a month ``[day, cell]``: K, mm, share of clear, K, log-odds of relative humidity, m s-1, Pa."""

    temperature: Array
    rain: Array
    clear: Array
    range: Array
    humid: Array
    wind: Array
    pressure: Array


@dataclass
class _Block:
    """What belongs to a block of cells."""

    climate: MonthlyClimate
    series: MonthlySeries | None
    prescription: Prescription
    daily_basis: Array
    hourly_basis: Array
    normals: Normals | None
    recent: OrderedDict[int, Days]


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
        self._fields = DailyFields(seed, self._spectrum, c.memory, c.slow, leap_days)
        of_day = spectrum(
            np.array([c.numbers["cloud_km"]]),
            np.array([c.numbers["cloud_smoothness"]]),
            HOURLY_WAVES,
            HOURLY_BAND,
        )
        self._hourly_spectrum = of_day
        self._hourly = HourlyField(seed, of_day, c.numbers["cloud_hours"])
        self._blocks: dict[int, _Block] = {}

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
        """Metadata: that and how the weather was generated."""
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
            "pressure": "standard atmosphere at the elevation, with generated anomalies",
            "calendar": "standard" if self.leap_days else "noleap",
            **self.climate.attrs,
        }

    def normals(self, block: int) -> Normals:
        """Conditioning numbers of a block of `BLOCK` cells; computed once (a pass over the days of the normal period)."""
        b = self._block(block)
        if b.normals is None:
            b.normals = self._condition(b)
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
        found = self._days(self._block(block), self.normals(block), month_number(year, month))
        return Days(**{f.name: getattr(found, f.name)[:, :count] for f in dataclass_fields(Days)})

    def _block(self, block: int) -> _Block:
        if block not in self._blocks:
            inside = np.arange(block * BLOCK, min((block + 1) * BLOCK, self.cells))
            if block < 0 or not inside.size:
                raise InputError(f"block {block}: there are {-(-self.cells // BLOCK)}")
            if inside.size == 1:
                # numpy adds the days of a single column in another order than those of several: never a single one
                inside = np.repeat(inside, 2)
            climate = self.climate.at(inside)
            series = None if self.series is None else self.series.at(inside)
            self._blocks[block] = _Block(
                climate,
                series,
                prescribe(climate, self.coefficients),
                basis(self._spectrum, climate.latitude, climate.longitude),
                basis(self._hourly_spectrum, climate.latitude, climate.longitude),
                None,
                OrderedDict(),
            )
        return self._blocks[block]

    def forget(self, block: int) -> None:
        """Drop what is kept of a block but its conditioning numbers: memory for domains of many blocks."""
        kept = self._blocks.get(block)
        if kept is not None:
            kept.recent.clear()

    # ---- days

    def _latent(self, b: _Block, number: int) -> dict[str, Array]:
        """Correlated latent numbers of a month."""
        coefficients = self._fields.coefficients(number)
        y = {n: evaluate(coefficients[:, i], b.daily_basis) for i, n in enumerate(FIELDS)}
        return daily.latent(y, b.prescription.mixing[:, :, year_month(number)[1] - 1])

    def _curve(self, b: _Block, n: Normals, number: int) -> Array:
        """Expected temperature (K) ``[day, cell]`` of a month; its mean is exact."""
        count = len(days_of_month(number, self.leap_days))
        if b.series is not None:
            at = number - month_number(b.series.first_year, 1)
            t = b.series.temperature
            here = t[at]
            season = b.prescription.temperature[(number % 12)]
            # before the first and after the last month: the step of the climate
            before = t[at - 1] if at > 0 else here + b.prescription.temperature[(number - 1) % 12] - season
            after = (
                t[at + 1]
                if at + 1 < len(t)
                else here + b.prescription.temperature[(number + 1) % 12] - season
            )
            return quadratic(before, here, after, count)
        mean = b.prescription.temperature + n.temperature
        return quadratic(mean[(number - 1) % 12], mean[number % 12], mean[(number + 1) % 12], count)

    def _temperature(self, b: _Block, n: Normals, number: int, z: Array) -> Array:
        m = b.prescription.month(number % 12)
        anomaly = m.temperature_sd * daily.skewed(z, m.temperature_skew)
        if b.series is not None:
            anomaly = anomaly - anomaly.mean(axis=0)
            return self._curve(b, n, number) + anomaly
        year, month = year_month(number)
        change = self.scenario.at(year, month, b.climate.latitude)
        return self._curve(b, n, number) + anomaly + change.warming

    def _rain(self, b: _Block, n: Normals, number: int, z: Array) -> Array:
        year, month = year_month(number)
        m = b.prescription.month(month - 1)
        threshold = n.threshold[month - 1]
        if b.series is None:
            random = daily.excess(z, threshold, m.rain_power)
            wet = z > threshold
            total = wet * n.least[month - 1] + n.rain[month - 1] * random
            return total * self.scenario.at(year, month, b.climate.latitude).rain
        wanted = b.series.precipitation[number - month_number(b.series.first_year, 1)]
        # a month with less rain than usual has fewer wet days and less on each: half of the ratio goes to either
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(m.rain > 0.0, m.wet * np.sqrt(wanted / m.rain), 0.3)
        share = np.where(wanted > 0.0, np.clip(share, 1e-3, 0.97), 0.0)
        threshold = conditioning.rain_threshold(z, share)
        random = daily.excess(z, threshold, m.rain_power)
        wet = z > threshold
        least, factor = conditioning.rain_factor(
            random, wet.sum(axis=0).astype(float), m.least, wanted * len(z)
        )
        return wet * least + np.where(wet, factor * random, 0.0)

    def _transform(self, b: _Block, n: Normals, number: int, z: dict[str, Array]) -> Days:
        m = b.prescription.month(number % 12)
        at = number % 12
        spread = n.clear[at] + m.clear_sd * z["clear"]
        return Days(
            temperature=self._temperature(b, n, number, z["temperature"]),
            rain=self._rain(b, n, number, z["rain"]),
            clear=daily.towards(expit(spread), np.ones_like(spread), n.clear_closing[at]),
            range=n.amplitude[at] * daily.amplitude(z["range"], m.range, m.range_spread),
            humid=n.humid[at] + m.humid_sd * z["humid"],
            wind=m.wind * n.wind[at] * np.exp(m.wind_sd * z["wind"]),
            pressure=m.pressure + n.pressure[at] + m.pressure_sd * z["pressure"],
        )

    def _days(self, b: _Block, n: Normals, number: int) -> Days:
        if number in b.recent:
            b.recent.move_to_end(number)
            return b.recent[number]
        found = self._transform(b, n, number, self._latent(b, number))
        b.recent[number] = found
        while len(b.recent) > 3:
            b.recent.popitem(last=False)
        return found

    def _around(self, b: _Block, n: Normals, number: int, name: str) -> Array:
        """Days of a month with one more on each side."""
        here = getattr(self._days(b, n, number), name)
        if b.series is not None:
            at = number - month_number(b.series.first_year, 1)
            before = getattr(self._days(b, n, number - 1), name)[-1:] if at > 0 else here[:1]
            after = (
                getattr(self._days(b, n, number + 1), name)[:1]
                if at + 1 < len(b.series.temperature)
                else here[-1:]
            )
        else:
            before = getattr(self._days(b, n, number - 1), name)[-1:]
            after = getattr(self._days(b, n, number + 1), name)[:1]
        return np.concatenate([before, here, after])

    # ---- steps

    def _heat(
        self, b: _Block, n: Normals, number: int
    ) -> tuple[Array, Array, Array, subdaily.Sky, NDArray[np.int64]]:
        """Temperature and its saturation pressure of steps, shape of the day, sun, days."""
        days = days_of_month(number, self.leap_days)
        steps = self.steps_per_day
        sky = subdaily.Sky.of(days, steps, b.climate.latitude, b.climate.longitude)
        shape = subdaily.diurnal(sky, steps, self.coefficients.numbers["damping"])
        t = subdaily.temperature(
            self._around(b, n, number, "temperature"), self._days(b, n, number).range, shape
        )
        return t, saturation_pressure(t), shape, sky, days

    def _month(self, block: int, number: int) -> dict[str, Array]:
        b, n, k = self._block(block), self.normals(block), self.coefficients.numbers
        days = self._days(b, n, number)
        t, saturated, shape, sky, which = self._heat(b, n, number)
        steps = self.steps_per_day
        year, month = year_month(number)
        change = self.scenario.at(year, month, b.climate.latitude)
        m = b.prescription.month(month - 1)
        hourly = evaluate(self._hourly.coefficients(int(which[0]), len(which)), b.hourly_basis)
        cloud = subdaily.cloud_steps(hourly, steps, k["cloud_hours"])
        clear = subdaily.clearness_steps(self._around(b, n, number, "clear"), cloud, k["cloud_spread"])
        sun_day = m.clear_limit * days.clear * sky.top.mean(axis=0)
        e = subdaily.vapour(self._vapour_day(n, month - 1, days, saturated), saturated)
        pressure = subdaily.with_neighbours(self._around(b, n, number, "pressure"), steps)
        lw = subdaily.longwave(
            t, e, 1.0 - clear, k["longwave_gain"], k["longwave_weight"], k["longwave_power"]
        )
        if n.longwave is not None:
            lw = daily.towards(lw, SB * t**4, n.longwave[month - 1])
        wet_share = expit(
            k["wet_share_0"] + k["wet_share_log"] * np.log(np.maximum(days.rain, 1e-3))
            + k["wet_share_t"] * (days.temperature - 273.15) / 10.0
        )  # fmt: skip
        rain = subdaily.rain(days.rain, cloud, wet_share, k["shower_power"])
        steps_of = {
            "TBOT": t,
            "QBOT": specific_humidity(e, pressure),
            "PSRF": pressure,
            "WIND": subdaily.wind(days.wind, sun_day, shape, k["wind_gain"]),
            "FSDS": subdaily.shortwave(sun_day, m.clear_limit, clear, sky),
            "FLDS": lw,
            "PRECTmms": rain / self.step_seconds,
        }
        cells = b.climate.cells
        out = {name: np.swapaxes(v, 0, 1).reshape(-1, cells) for name, v in steps_of.items()}
        count = len(which) * steps
        out["CO2"] = np.full((count, cells), change.co2)
        out["NDEP"] = np.broadcast_to(b.climate.ndep * change.ndep / (365.0 * 86400.0), (count, cells))
        return out

    def _vapour_day(self, n: Normals, at: int, days: Days, saturated: Array) -> Array:
        """Mean vapour pressure (Pa) of days from their relative humidity."""
        full = saturated.mean(axis=0)
        return daily.towards(full * expit(days.humid), full, n.humid_closing[at])

    # ---- conditioning

    def _condition(self, b: _Block) -> Normals:
        n = Normals.empty(b.climate.cells)
        first, last = month_number(self.first_year, 1), month_number(self.first_year + self.years, 1)
        z = {number: self._latent(b, number) for number in range(first, last)}
        for month in range(12):
            numbers = range(first + month, last, 12)
            stacked = {name: np.concatenate([z[k][name] for k in numbers]) for name in FIELDS}
            noon = noons(np.concatenate([days_of_month(k, self.leap_days) for k in numbers]))
            sun = daily_sun(noon, b.climate.latitude)[0]
            conditioning.condition_first(b.prescription.month(month), stacked, sun, n, month)
        # humidity needs temperature, that needs the neighbouring days, whose numbers are known now. No scenario: the normal
        # climate is conditioned; a warmer one keeps its relative humidity
        scenario, series = self.scenario, b.series
        self.scenario, b.series = Scenario(normal_year=scenario.normal_year), None
        try:
            self._condition_steps(b, n, z, range(first, last))
        finally:
            self.scenario, b.series = scenario, series
            b.recent.clear()
        return n

    def _condition_steps(self, b: _Block, n: Normals, z: dict[int, dict[str, Array]], numbers: range) -> None:
        for name in ("humid", "humid_closing"):
            getattr(n, name)[:] = 0.0
        n.amplitude[:] = 1.0
        if b.prescription.range_target is not None:
            ranges = np.zeros((12, len(conditioning.TRIED), b.climate.cells))
            for number in numbers:
                self._keep(b, n, number, z)
                ranges[number % 12] += self._ranges(b, n, number)
            count = len(numbers) // 12
            for month in range(12):
                target = b.prescription.range_target[month]
                n.amplitude[month] = conditioning.amplitude_factor(ranges[month] / count, target)
            b.recent.clear()
        means: dict[int, Array] = {}
        for number in numbers:
            self._keep(b, n, number, z)
            means[number] = self._heat(b, n, number)[1].mean(axis=0)
        for month in range(12):
            chosen = range(numbers.start + month, numbers.stop, 12)
            saturated = np.concatenate([means[k] for k in chosen])
            humid = np.concatenate([z[k]["humid"] for k in chosen])
            conditioning.condition_humidity(
                b.prescription.month(month), humid, saturated, n, month, b.climate.name
            )
        if b.prescription.longwave is not None:
            self._condition_longwave(b, n, numbers)

    def _keep(self, b: _Block, n: Normals, number: int, z: dict[int, dict[str, Array]]) -> None:
        """Have the days of a month and of the next one at hand, from latent numbers that are there already."""
        for k in (number, number + 1):
            if k not in b.recent and k in z:
                b.recent[k] = self._transform(b, n, k, z[k])
        while len(b.recent) > 3:
            b.recent.popitem(last=False)

    def _ranges(self, b: _Block, n: Normals, number: int) -> Array:
        """Mean daily range ``[factor, cell]`` of temperature of a month at the factors `conditioning.TRIED`."""
        days = days_of_month(number, self.leap_days)
        sky = subdaily.Sky.of(days, self.steps_per_day, b.climate.latitude, b.climate.longitude)
        shape = subdaily.diurnal(sky, self.steps_per_day, self.coefficients.numbers["damping"])
        around, amplitude = self._around(b, n, number, "temperature"), self._days(b, n, number).range
        courses = (subdaily.temperature(around, factor * amplitude, shape) for factor in conditioning.TRIED)
        return np.stack([(t.max(axis=0) - t.min(axis=0)).mean(axis=0) for t in courses])

    def _condition_longwave(self, b: _Block, n: Normals, numbers: range) -> None:
        assert b.prescription.longwave is not None
        total, bound, steps = (np.zeros((12, b.climate.cells)) for _ in range(3))
        b.recent.clear()
        k = self.coefficients.numbers
        for number in numbers:
            month = number % 12
            t, saturated, _, _, which = self._heat(b, n, number)
            hourly = evaluate(self._hourly.coefficients(int(which[0]), len(which)), b.hourly_basis)
            cloud = subdaily.cloud_steps(hourly, self.steps_per_day, k["cloud_hours"])
            clear = subdaily.clearness_steps(self._around(b, n, number, "clear"), cloud, k["cloud_spread"])
            e = subdaily.vapour(self._vapour_day(n, month, self._days(b, n, number), saturated), saturated)
            lw = subdaily.longwave(
                t, e, 1.0 - clear, k["longwave_gain"], k["longwave_weight"], k["longwave_power"]
            )
            total[month] += lw.sum(axis=(0, 1))
            bound[month] += (SB * t**4).sum(axis=(0, 1))
            steps[month] += t.shape[0] * t.shape[1]
        closing = daily.closing_of(total / steps, bound / steps, b.prescription.longwave)
        n.longwave = np.where(np.isfinite(b.prescription.longwave), closing, 1.0)
