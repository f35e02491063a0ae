"""Records of snow: the station Col de Porte, snow courses of Pallas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from elterra.observations._errors import ColumnError, FileDamagedError, UnitError
from elterra.observations._report import Report
from elterra.observations.operators._observations import FLAGS, USED, Observations, make_observations_of
from elterra.observations.operators._snow import SnowDepth, SnowWater
from elterra.observations.operators._tables import DAY, hours, numbers, one_of_each, read_frame, times

#: columns of the daily file of Col de Porte (no header)
_PORTE = ("year", "month", "day", "albedo", "runoff", "snow_depth", "snow_water", "t_surface", "t_soil")
_PORTE_MISSING = -99.0
_LIMITS = {"snow_depth": (0.0, 15.0), "snow_water": (0.0, 5000.0)}


def read_col_de_porte(path: Path, kind: str, utc_offset_h: float) -> Observations:
    """Daily means of snow depth (m) or snow water (mm) of Col de Porte, -99 missing."""
    file, report = Path(path).name, Report()
    if kind not in _LIMITS:
        raise ColumnError(file, f"it has no {kind!r}", f"choose of {', '.join(_LIMITS)}", variable=kind)
    if not Path(path).is_file():
        raise FileDamagedError(file, f"no such file ({path})", "check the path")
    rows = [line.split() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    short = [k for k, row in enumerate(rows) if len(row) != len(_PORTE)]
    if short or not rows:
        where = (
            f"row {short[0] + 1} has {len(rows[short[0]])} fields, not {len(_PORTE)}"
            if short
            else "holds no rows"
        )
        raise FileDamagedError(file, f"{where}: truncated or damaged", "download it again")
    frame = one_of_each(
        pd.DataFrame(rows, columns=list(_PORTE), dtype=str), ["year", "month", "day"], file, report
    )
    frame["date"] = frame["year"] + "-" + frame["month"].str.zfill(2) + "-" + frame["day"].str.zfill(2)
    start = times(frame, "date", file) - hours(utc_offset_h)
    value = numbers(frame, kind, file, report, missing=(_PORTE_MISSING,), name=kind)
    errors = SnowDepth.errors if kind == "snow_depth" else SnowWater.errors
    return make_observations_of(
        kind,
        errors.units,
        value,
        errors.random_sd(value),
        errors.representativeness_sd(value),
        start,
        start + DAY,
        limits=_LIMITS[kind],
        file=file,
        source="Col de Porte, Morin et al. 2012 (doi:10.5194/essd-4-13-2012)",
        station="Col de Porte",
        report=report,
        reader="col_de_porte",
    )


def read_snow_depth(
    path: Path, column: str, units: str, utc_offset_h: float, *, station: str, bare: float, time: str = "time"
) -> Observations:
    """Daily means of snow depth ("m" or "cm") of a table.

    bare : number, not above 0, that the record writes for ground without snow (the Finnish one -1); daily means between
        it and 0 are of days that were bare in part. They become 0, counted.
    """
    file, report = Path(path).name, Report()
    scale = {"m": 1.0, "cm": 0.01}
    if units not in scale:
        raise UnitError(file, f"unit {units!r}", f"declare one of {', '.join(scale)}", variable=column)
    frame = one_of_each(read_frame(path, (time, column))[[time, column]], [time], file, report)
    start = times(frame, time, file) - hours(utc_offset_h)
    raw = numbers(frame, column, file, report, name="snow_depth")
    none = (raw < 0.0) & (raw >= bare)
    report.treat("bare ground, set to 0", int(none.sum()))
    value = np.where(none, 0.0, raw) * scale[units]
    return make_observations_of(
        "snow_depth",
        "m",
        value,
        SnowDepth.errors.random_sd(value),
        SnowDepth.errors.representativeness_sd(value),
        start,
        start + DAY,
        limits=_LIMITS["snow_depth"],
        file=file,
        source="",
        station=station,
        report=report,
        reader="snow_depth",
    )


def read_snow_survey(path: Path, utc_offset_h: float, station: str) -> Observations:
    """Snow courses with columns date, SWE, SWE_sd (mm) and quality, separated by ';', comments with '#'.

    The sd among the points of the course is the representativeness error: one more point would lie as far from the
    mean. The random error of the mean is that of weighing. Courses that were walked in part (quality "partial") have
    the flag ``rejected_incomplete``; courses without an sd cannot be used.
    """
    file, report = Path(path).name, Report()
    frame = read_frame(path, ("date", "SWE", "SWE_sd", "quality"), separator=";", comment="#")
    frame = one_of_each(frame, ["date"], file, report)
    start = times(frame, "date", file) - hours(utc_offset_h)
    value = numbers(frame, "SWE", file, report, name="snow_water")
    spread = numbers(frame, "SWE_sd", file, report, name="snow_water sd")
    whole = frame["quality"].str.strip().to_numpy() == "full"
    flag = np.where(whole, USED, FLAGS.index("rejected_incomplete")).astype(np.int8)
    return make_observations_of(
        "snow_water",
        "mm",
        value,
        SnowWater.errors.random_sd(value),
        spread,
        start,
        start + DAY,
        limits=_LIMITS["snow_water"],
        file=file,
        source="snow courses of Pallasjaervi",
        station=station,
        flag=flag,
        report=report,
        reader="snow_survey",
    )
