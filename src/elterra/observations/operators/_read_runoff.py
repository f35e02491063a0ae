"""Records of discharge."""

from __future__ import annotations

from pathlib import Path

from elterra.observations._errors import RecordError
from elterra.observations._report import Report
from elterra.observations.operators._observations import Observations, make_observations_of
from elterra.observations.operators._operator import SECONDS_PER_DAY
from elterra.observations.operators._runoff import CatchmentRunoff
from elterra.observations.operators._tables import DAY, hours, numbers, one_of_each, read_frame, times

_MM_PER_M = 1000.0


def read_discharge(
    path: Path,
    area_km2: float | None,
    utc_offset_h: float,
    *,
    station: str,
    date: str,
    column: str,
    source: str = "",
) -> Observations:
    """Daily discharge of a gauge as mm d-1 over its catchment.

    area_km2 : of the catchment, for discharge in m3 s-1; None where the record is in mm d-1 already
    """
    file, report = Path(path).name, Report()
    if area_km2 is not None and not area_km2 > 0.0:
        raise RecordError(file, f"area {area_km2} km2", "give the area of the catchment of the gauge")
    frame = one_of_each(read_frame(path, (date, column))[[date, column]], [date], file, report)
    factor = 1.0 if area_km2 is None else SECONDS_PER_DAY * _MM_PER_M / (area_km2 * 1e6)
    value = numbers(frame, column, file, report, name="catchment_runoff") * factor
    start = times(frame, date, file) - hours(utc_offset_h)
    errors = CatchmentRunoff.errors
    return make_observations_of(
        "catchment_runoff",
        "mm d-1",
        value,
        errors.random_sd(value),
        errors.representativeness_sd(value),
        start,
        start + DAY,
        limits=(0.0, 200.0),
        file=file,
        source=source,
        station=station,
        report=report,
        reader="discharge",
    )
