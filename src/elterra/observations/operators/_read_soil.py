"""Records of soil water and soil temperature."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elterra.observations._errors import RecordError, UnitError
from elterra.observations._report import Report
from elterra.observations.operators._observations import FLAGS, USED, Observations, make_observations_of
from elterra.observations.operators._soil import SoilTemperature, SoilWater
from elterra.observations.operators._tables import (
    CLOCK_COLUMNS,
    DAY,
    HALF_HOUR,
    ends_of_half_hours,
    hours,
    numbers,
    one_of_each,
    read_frame,
    times,
)

_ZERO_CELSIUS = 273.15  #: K
_WATER_UNITS = {"m3 m-3": 1.0, "%": 0.01}
#: a dielectric probe that repeats one number for more days than this is stuck (docs/science/observations.md)
STUCK_DAYS = 5


def read_soil_water(
    path: Path,
    column: str,
    depth: tuple[float, float],
    units: str,
    utc_offset_h: float,
    *,
    station: str,
    time: str = "time",
    form: str | None = None,
    rows: tuple[str, str] | None = None,
    quality: tuple[str, float] | None = None,
    source: str = "",
) -> Observations:
    """Daily means of one sensor of a table.

    depth : top and bottom of the soil it feels, m (equal for a point)
    units : "m3 m-3" or "%"
    rows : column and value that choose the rows, e.g. the site, where the table holds several
    quality : column with the measured share of the day and the smallest that is used; days below are flagged as filled

    A number that is repeated for more than five days is flagged as stuck.
    """
    file, report = Path(path).name, Report()
    if units not in _WATER_UNITS:
        raise UnitError(file, f"unit {units!r}", f"declare one of {', '.join(_WATER_UNITS)}", variable=column)
    wanted = [time, column, *((quality[0],) if quality else ())]
    frame = read_frame(path, (*wanted, *((rows[0],) if rows else ())))
    if rows is not None:
        frame = frame[frame[rows[0]].astype(str) == rows[1]]
        if frame.empty:
            raise RecordError(file, f"no row with {rows[0]} {rows[1]!r}", f"choose a value of {rows[0]}")
    frame = one_of_each(frame[wanted], [time], file, report)
    start = times(frame, time, file, form) - hours(utc_offset_h)
    value = numbers(frame, column, file, report, name="soil_water") * _WATER_UNITS[units]
    flag = np.where(_stuck(value, STUCK_DAYS), FLAGS.index("rejected_stuck_sensor"), USED).astype(np.int8)
    if quality is not None:
        share = numbers(frame, quality[0], file, Report())
        flag[np.isfinite(value) & ~(share >= quality[1])] = FLAGS.index("gap_filled_by_source")
    errors = SoilWater.errors
    return make_observations_of(
        "soil_water",
        "m3 m-3",
        value,
        errors.random_sd(value),
        errors.representativeness_sd(value),
        start,
        start + DAY,
        limits=(0.005, 0.95),
        file=file,
        source=source,
        station=station,
        depth=depth,
        flag=flag,
        report=report,
        reader="soil_water",
    )


def _stuck(value: np.ndarray, longest: int) -> np.ndarray:
    """Which values belong to a run of more than `longest` equal ones."""
    change = np.ones(value.size, bool)
    change[1:] = value[1:] != value[:-1]  # NaN differs from NaN: a gap ends a run
    run = np.cumsum(change) - 1
    return np.bincount(run)[run] > longest


def read_soil_temperature(
    path: Path, column: str, depth: float, utc_offset_h: float, *, station: str, source: str = ""
) -> Observations:
    """Half-hours of a thermometer (degrees Celsius) of a table with Year, DoY, Hour (end of the interval)."""
    file, report = Path(path).name, Report()
    frame = read_frame(path, (*CLOCK_COLUMNS, column))[[*CLOCK_COLUMNS, column]]
    frame = one_of_each(frame, CLOCK_COLUMNS, file, report)
    end = ends_of_half_hours(frame, file, report, utc_offset_h)
    value = numbers(frame, column, file, report, name="soil_temperature") + _ZERO_CELSIUS
    errors = SoilTemperature.errors
    return make_observations_of(
        "soil_temperature",
        "K",
        value,
        errors.random_sd(value),
        errors.representativeness_sd(value),
        end - HALF_HOUR,
        end,
        limits=(213.15, 343.15),
        file=file,
        source=source,
        station=station,
        depth=(depth, depth),
        report=report,
        reader="soil_temperature",
    )
