"""Records of soil respiration: COSORE by day, SRDB and ForC by year."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from elterra.observations._errors import RecordError
from elterra.observations._report import Report
from elterra.observations.operators._observations import FLAGS, USED, Observations, make_observations_of
from elterra.observations.operators._operator import CARBON_MOLAR_MASS, SECONDS_PER_YEAR
from elterra.observations.operators._respiration import SoilRespiration
from elterra.observations.operators._stocks import G_PER_T_HA
from elterra.observations.operators._tables import (
    DAY,
    hours,
    numbers,
    one_of_each,
    read_frame,
    shifted,
    times,
)

#: gC m-2 yr-1 per umol m-2 s-1
_YEARLY = CARBON_MOLAR_MASS * 1e-6 * SECONDS_PER_YEAR
_YEAR_LIMITS = (0.0, 4000.0)


def read_cosore(path: Path, dataset: str, utc_offset_h: float, fewest: int = 1) -> Observations:
    """Daily means over the chambers of one COSORE data set, umol m-2 s-1.

    fewest : values a chamber must have that day (24 is half of a half-hourly record)
    With two or more chambers the sd among them gives the representativeness error of their mean.
    """
    file, report = Path(path).name, Report()
    columns = ("dataset", "CSR_PORT", "date", "CSR_FLUX_CO2", "n")
    frame = read_frame(path, columns)[list(columns)]
    frame = frame[frame["dataset"] == dataset]
    if frame.empty:
        raise RecordError(file, f"no data set {dataset!r}", "choose one of the column `dataset`")
    frame = one_of_each(frame, ["CSR_PORT", "date"], file, report)
    flux = numbers(frame, "CSR_FLUX_CO2", file, report, name="soil_respiration")
    enough = numbers(frame, "n", file, report) >= fewest
    report.reject("soil_respiration", f"chamber day with fewer than {fewest} values", int((~enough).sum()))
    day = times(frame, "date", file).astype("datetime64[D]")
    table = pd.DataFrame({"day": day, "flux": np.where(enough, flux, np.nan)})
    grouped = table.groupby("day")["flux"].agg(["mean", "std", "count"])
    value, number = grouped["mean"].to_numpy(), np.maximum(grouped["count"].to_numpy(), 1)
    errors = SoilRespiration.errors
    among = grouped["std"].to_numpy() / np.sqrt(number)
    model = errors.representativeness_sd(value)
    spread = np.where(number >= 2, np.hypot(among, errors.representativeness[0]), model)
    start = shifted(grouped.index.to_numpy("datetime64[ns]"), -hours(utc_offset_h))
    return make_observations_of(
        "soil_respiration",
        "umol m-2 s-1",
        value,
        errors.random_sd(value) / np.sqrt(number),
        spread,
        start,
        shifted(start, DAY),
        limits=(-1.0, 30.0),
        file=file,
        source="COSORE, Bond-Lamberty et al. 2020 (doi:10.1111/gcb.15353)",
        station=dataset,
        report=report,
        reader="cosore",
    )


def read_srdb(path: Path, column: str = "Rs_annual") -> Observations:
    """Annual respiration of SRDB, gC m-2 yr-1: ``Rs_annual`` (total) or ``Rh_annual`` (heterotrophic).

    The interval is centred on the middle of the study and lasts its years. The error of the record is the random part
    where it has one. Manipulated plots and duplicates are flagged, as are records without a time.
    """
    file, report = Path(path).name, Report()
    names = (
        "Record_number",
        "Site_name",
        "Study_midyear",
        "YearsOfData",
        "Manipulation",
        "Duplicate_record",
        column,
    )
    frame = read_frame(path, (*names, "Rs_annual_err"))[[*names, "Rs_annual_err"]]
    frame = frame[frame[column].str.strip() != ""]
    frame = one_of_each(frame, ["Record_number"], file, report)
    value = numbers(frame, column, file, report, name="soil_respiration")
    middle, years = numbers(frame, "Study_midyear", file, report), numbers(frame, "YearsOfData", file, report)
    timed = np.isfinite(middle) & np.isfinite(years) & (years > 0.0)
    half = (0.5 * np.maximum(np.where(timed, years, 1.0), 1.0) * SECONDS_PER_YEAR).astype("timedelta64[s]")
    centre = np.datetime64("1970-01-01", "s") + (
        (np.where(timed, middle, 1970.0) - 1970.0) * SECONDS_PER_YEAR
    ).astype("timedelta64[s]")
    flag = np.full(value.size, USED, np.int8)
    flag[~timed] = FLAGS.index("rejected_incomplete")
    flag[_says(frame["Duplicate_record"])] = FLAGS.index("rejected_duplicate")
    flag[_says(frame["Manipulation"], but="none")] = FLAGS.index("rejected_manipulated")
    return _yearly(
        value,
        numbers(frame, "Rs_annual_err", file, report)
        if column == "Rs_annual"
        else np.full(value.size, np.nan),
        centre - half,
        centre + half,
        flag,
        frame["Site_name"].to_numpy(np.str_),
        file,
        "SRDB, Jian et al. 2021 (doi:10.5194/essd-13-255-2021)",
        report,
        "srdb",
    )


def read_forc_respiration(path: Path, variable: str = "R_soil") -> Observations:
    """Annual respiration of ForC (t C ha-1 yr-1): ``R_soil`` (total) or ``R_soil_het``, at the year of its date."""
    file, report = Path(path).name, Report()
    columns = (
        "measurement.ID",
        "sites.sitename",
        "variable.name",
        "date",
        "start.date",
        "end.date",
        "mean",
        "disturbed",
    )
    frame = read_frame(path, columns)[list(columns)]
    frame = frame[frame["variable.name"] == variable]
    if frame.empty:
        raise RecordError(file, f"no record of {variable!r}", "choose one of the column variable.name")
    frame = one_of_each(frame, ["measurement.ID"], file, report)
    value = numbers(frame, "mean", file, report, name="soil_respiration") * G_PER_T_HA
    date, first, last = (numbers(frame, c, file, report) for c in ("date", "start.date", "end.date"))
    span = np.isfinite(first) & np.isfinite(last) & (last > first)
    begin = np.where(span, np.floor(first), np.floor(date))
    finish = np.where(span, np.floor(last) + 1.0, np.floor(date) + 1.0)
    dated = np.isfinite(begin)
    flag = np.full(value.size, USED, np.int8)
    flag[~dated] = FLAGS.index("rejected_incomplete")
    flag[numbers(frame, "disturbed", file, report) == 1.0] = FLAGS.index("rejected_manipulated")
    start = (
        (np.where(dated, begin, 1970.0).astype(int) - 1970).astype("datetime64[Y]").astype("datetime64[s]")
    )
    end = (np.where(dated, finish, 1971.0).astype(int) - 1970).astype("datetime64[Y]").astype("datetime64[s]")
    return _yearly(
        value,
        np.full(value.size, np.nan),
        start,
        end,
        flag,
        frame["sites.sitename"].to_numpy(np.str_),
        file,
        "ForC, Anderson-Teixeira et al. 2018 (doi:10.1002/ecy.2229)",
        report,
        "forc_respiration",
    )


def _says(column: pd.Series, but: str = "") -> np.ndarray:
    """Cells that say something, other than `but`."""
    text = column.astype(str).str.strip().str.lower()
    return (~text.isin({"", "nan", "na", but})).to_numpy()


def _yearly(
    value: np.ndarray,
    given: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    flag: np.ndarray,
    station: np.ndarray,
    file: str,
    source: str,
    report: Report,
    reader: str,
) -> Observations:
    errors = SoilRespiration.errors
    model = errors.random[0] * _YEARLY + errors.random[1] * value
    return make_observations_of(
        "soil_respiration",
        "gC m-2 yr-1",
        value,
        np.where(np.isfinite(given) & (given > 0.0), given, model),
        errors.representativeness[0] * _YEARLY + errors.representativeness[1] * np.abs(value),
        start,
        end,
        limits=_YEAR_LIMITS,
        file=file,
        source=source,
        station=station,
        flag=flag,
        report=report,
        reader=reader,
    )
