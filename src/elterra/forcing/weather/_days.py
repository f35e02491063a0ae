"""Days of a block of cells, from latent fields to weather; what steps need of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.forcing.humidity import saturation_pressure
from elterra.forcing.weather import conditioning, daily, subdaily
from elterra.forcing.weather._calendar import days_of_month, month_number, quadratic, year_month
from elterra.forcing.weather.climate import MonthlyClimate
from elterra.forcing.weather.coefficients import FIELDS, Coefficients, expit
from elterra.forcing.weather.conditioning import Normals
from elterra.forcing.weather.daily import Prescription
from elterra.forcing.weather.fields import DailyFields, HourlyField, evaluate
from elterra.forcing.weather.scenario import Change, MonthlySeries, Scenario

Array = NDArray[np.float64]
#: months of days that a block keeps
KEPT = 3


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
class Block:
    """What belongs to a block of cells. ``plain``: the normal climate without scenario and series, as it is conditioned."""

    climate: MonthlyClimate
    series: MonthlySeries | None
    prescription: Prescription
    daily_basis: Array
    hourly_basis: Array
    recent: OrderedDict[int, Days]
    normals: Normals | None = None
    plain: bool = False

    def months(self) -> MonthlySeries | None:
        """The series that months have to keep, if any."""
        return None if self.plain else self.series


@dataclass(frozen=True)
class DayMaker:
    """Days and their courses for any block: holds what all blocks share."""

    coefficients: Coefficients
    fields: DailyFields
    hourly: HourlyField
    scenario: Scenario
    leap_days: bool
    steps: int

    def change(self, b: Block, number: int) -> Change:
        """What the scenario changes in a month."""
        return self.scenario.at(*year_month(number), b.climate.latitude)

    def latent(self, b: Block, number: int) -> dict[str, Array]:
        """Correlated latent numbers of a month."""
        coefficients = self.fields.coefficients(number)
        y = {n: evaluate(coefficients[:, i], b.daily_basis) for i, n in enumerate(FIELDS)}
        return daily.latent(y, b.prescription.mixing[:, :, year_month(number)[1] - 1])

    def _curve(self, b: Block, n: Normals, number: int) -> Array:
        """Expected temperature (K) ``[day, cell]`` of a month; its mean is exact."""
        count = len(days_of_month(number, self.leap_days))
        series = b.months()
        if series is not None:
            at = number - month_number(series.first_year, 1)
            t = series.temperature
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

    def _temperature(self, b: Block, n: Normals, number: int, z: Array) -> Array:
        m = b.prescription.month(number % 12)
        anomaly = m.temperature_sd * daily.skewed(z, m.temperature_skew)
        if b.months() is not None:
            anomaly = anomaly - anomaly.mean(axis=0)
            return self._curve(b, n, number) + anomaly
        course = self._curve(b, n, number) + anomaly
        return course if b.plain else course + self.change(b, number).warming

    def _rain(self, b: Block, n: Normals, number: int, z: Array) -> Array:
        at, series = number % 12, b.months()
        m = b.prescription.month(at)
        threshold = n.threshold[at]
        if series is None:
            random = daily.excess(z, threshold, m.rain_power)
            wet = z > threshold
            total = wet * n.least[at] + n.rain[at] * random
            return total if b.plain else total * self.change(b, number).rain
        wanted = series.precipitation[number - month_number(series.first_year, 1)]
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

    def transform(self, b: Block, n: Normals, number: int, z: dict[str, Array]) -> Days:
        """Daily weather of a month from its latent numbers."""
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

    def days(self, b: Block, n: Normals, number: int) -> Days:
        """Daily weather of a month, kept for its neighbours."""
        if number in b.recent:
            b.recent.move_to_end(number)
            return b.recent[number]
        found = self.transform(b, n, number, self.latent(b, number))
        b.recent[number] = found
        while len(b.recent) > KEPT:
            b.recent.popitem(last=False)
        return found

    def around(self, b: Block, n: Normals, number: int, name: str) -> Array:
        """Days of a month with one more on each side."""
        here = getattr(self.days(b, n, number), name)
        series = b.months()
        if series is not None:
            at = number - month_number(series.first_year, 1)
            before = getattr(self.days(b, n, number - 1), name)[-1:] if at > 0 else here[:1]
            after = (
                getattr(self.days(b, n, number + 1), name)[:1]
                if at + 1 < len(series.temperature)
                else here[-1:]
            )
        else:
            before = getattr(self.days(b, n, number - 1), name)[-1:]
            after = getattr(self.days(b, n, number + 1), name)[:1]
        return np.concatenate([before, here, after])

    def heat(self, b: Block, n: Normals, number: int) -> tuple[Array, Array, Array, subdaily.Sky]:
        """Temperature and its saturation pressure of steps, shape of the day, sun."""
        days = days_of_month(number, self.leap_days)
        sky = subdaily.Sky.of(days, self.steps, b.climate.latitude, b.climate.longitude)
        shape = subdaily.diurnal(sky, self.steps, self.coefficients.numbers["damping"])
        t = subdaily.temperature(
            self.around(b, n, number, "temperature"), self.days(b, n, number).range, shape
        )
        return t, saturation_pressure(t), shape, sky

    def clearness(self, b: Block, n: Normals, number: int) -> tuple[Array, Array]:
        """Field within the day and clearness of the steps of a month ``[step, day, cell]``."""
        k, which = self.coefficients.numbers, days_of_month(number, self.leap_days)
        hourly = evaluate(self.hourly.coefficients(int(which[0]), len(which)), b.hourly_basis)
        cloud = subdaily.cloud_steps(hourly, self.steps, k["cloud_hours"])
        return cloud, subdaily.clearness_steps(self.around(b, n, number, "clear"), cloud, k["cloud_spread"])

    def vapour(self, n: Normals, number: int, days: Days, saturated: Array) -> Array:
        """Vapour pressure (Pa) of steps from the relative humidity of days."""
        full = saturated.mean(axis=0)
        day = daily.towards(full * expit(days.humid), full, n.humid_closing[number % 12])
        return subdaily.vapour(day, saturated)

    def longwave(self, t: Array, e: Array, clear: Array) -> Array:
        """Incoming long-wave (W m-2) of steps before it is conditioned."""
        k = self.coefficients.numbers
        return subdaily.longwave(
            t, e, 1.0 - clear, k["longwave_gain"], k["longwave_weight"], k["longwave_power"]
        )
