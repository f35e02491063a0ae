"""The pass over the normal period that finds the conditioning numbers of a block of cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elterra.forcing._fill import SB
from elterra.forcing.weather import conditioning, daily, subdaily
from elterra.forcing.weather._calendar import MONTHS, days_of_month, noons
from elterra.forcing.weather._days import KEPT, Block, DayMaker
from elterra.forcing.weather.climate import daily_sun
from elterra.forcing.weather.coefficients import FIELDS
from elterra.forcing.weather.conditioning import Normals

Array = NDArray[np.float64]
Latent = dict[int, dict[str, Array]]


def condition(maker: DayMaker, b: Block, numbers: range) -> Normals:
    """Numbers with which the months ``numbers`` (whole years) have the means of the climate.

    The normal climate is conditioned, without scenario and series; a warmer one keeps its relative humidity.
    """
    n = Normals.empty(b.climate.cells)
    z: Latent = {number: maker.latent(b, number) for number in numbers}
    for month in range(MONTHS):
        same = range(numbers.start + month, numbers.stop, MONTHS)
        stacked = {name: np.concatenate([z[k][name] for k in same]) for name in FIELDS}
        noon = noons(np.concatenate([days_of_month(k, maker.leap_days) for k in same]))
        sun = daily_sun(noon, b.climate.latitude)[0]
        conditioning.condition_first(b.prescription.month(month), stacked, sun, n, month)
    # humidity needs temperature, that needs the neighbouring days, whose numbers are known now
    b.plain = True
    try:
        _condition_range(maker, b, n, z, numbers)
        _condition_humidity(maker, b, n, z, numbers)
        if b.prescription.longwave is not None:
            _condition_longwave(maker, b, n, b.prescription.longwave, numbers)
    finally:
        b.plain = False
        b.recent.clear()
    return n


def _keep(maker: DayMaker, b: Block, n: Normals, number: int, z: Latent) -> None:
    """Have the days of a month and of the next one at hand, from latent numbers that are there already."""
    for k in (number, number + 1):
        if k not in b.recent and k in z:
            b.recent[k] = maker.transform(b, n, k, z[k])
    while len(b.recent) > KEPT:
        b.recent.popitem(last=False)


def _condition_range(maker: DayMaker, b: Block, n: Normals, z: Latent, numbers: range) -> None:
    n.humid[:] = n.humid_closing[:] = 0.0
    n.amplitude[:] = 1.0
    target = b.prescription.range_target
    if target is None:
        return
    ranges = np.zeros((MONTHS, len(conditioning.TRIED), b.climate.cells))
    for number in numbers:
        _keep(maker, b, n, number, z)
        days = days_of_month(number, maker.leap_days)
        sky = subdaily.Sky.of(days, maker.steps, b.climate.latitude, b.climate.longitude)
        shape = subdaily.diurnal(sky, maker.steps, maker.coefficients.numbers["damping"])
        around, amplitude = maker.around(b, n, number, "temperature"), maker.days(b, n, number).range
        courses = (subdaily.temperature(around, factor * amplitude, shape) for factor in conditioning.TRIED)
        ranges[number % MONTHS] += [(t.max(axis=0) - t.min(axis=0)).mean(axis=0) for t in courses]
    for month in range(MONTHS):
        mean = ranges[month] / (len(numbers) // MONTHS)
        n.amplitude[month] = conditioning.amplitude_factor(mean, target[month])
    b.recent.clear()


def _condition_humidity(maker: DayMaker, b: Block, n: Normals, z: Latent, numbers: range) -> None:
    means: dict[int, Array] = {}
    for number in numbers:
        _keep(maker, b, n, number, z)
        means[number] = maker.heat(b, n, number)[1].mean(axis=0)
    for month in range(MONTHS):
        same = range(numbers.start + month, numbers.stop, MONTHS)
        saturated = np.concatenate([means[k] for k in same])
        humid = np.concatenate([z[k]["humid"] for k in same])
        m = b.prescription.month(month)
        conditioning.condition_humidity(m, humid, saturated, n, month, b.climate.name)
    b.recent.clear()


def _condition_longwave(maker: DayMaker, b: Block, n: Normals, target: Array, numbers: range) -> None:
    total, bound, steps = (np.zeros((MONTHS, b.climate.cells)) for _ in range(3))
    for number in numbers:
        month = number % MONTHS
        t, saturated, _, _ = maker.heat(b, n, number)
        _, clear = maker.clearness(b, n, number)
        e = maker.vapour(n, number, maker.days(b, n, number), saturated)
        total[month] += maker.longwave(t, e, clear).sum(axis=(0, 1))
        bound[month] += (SB * t**4).sum(axis=(0, 1))
        steps[month] += t.shape[0] * t.shape[1]
    closing = daily.closing_of(total / steps, bound / steps, target)
    n.longwave = np.where(np.isfinite(target), closing, 1.0)
