"""Records of biomass and of soil carbon."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elterra.observations._errors import RecordError
from elterra.observations._report import Report
from elterra.observations.operators._observations import FLAGS, USED, Observations, make_observations_of
from elterra.observations.operators._stocks import (
    G_PER_T_HA,
    AboveGroundBiomass,
    SoilCarbon,
    stock_from_content,
)
from elterra.observations.operators._tables import DAY, numbers, one_of_each, read_frame, shifted, times

M_PER_CM = 0.01


def read_biomass(path: Path, variable: str = "biomass_ag") -> Observations:
    """Above-ground biomass of ForC (t C ha-1, as the database holds it) at the year of its survey.

    Records without a date and those of disturbed stands are flagged; the plots are stations.
    """
    file, report = Path(path).name, Report()
    columns = ("measurement.ID", "sites.sitename", "variable.name", "date", "mean", "disturbed")
    frame = read_frame(path, columns)[list(columns)]
    frame = frame[frame["variable.name"] == variable]
    if frame.empty:
        raise RecordError(file, f"no record of {variable!r}", "choose one of the column variable.name")
    frame = one_of_each(frame, ["measurement.ID"], file, report)
    value = numbers(frame, "mean", file, report, name="aboveground_biomass") * G_PER_T_HA
    date = numbers(frame, "date", file, report)
    undated = ~np.isfinite(date)
    year = np.where(undated, 1970.0, np.floor(date)).astype(int)
    start = (year - 1970).astype("datetime64[Y]")
    flag = np.full(value.size, USED, np.int8)
    flag[numbers(frame, "disturbed", file, report) == 1.0] = FLAGS.index("rejected_manipulated")
    flag[undated] = FLAGS.index("rejected_incomplete")
    errors = AboveGroundBiomass.errors
    return make_observations_of(
        "aboveground_biomass",
        "gC m-2",
        value,
        errors.random_sd(value),
        errors.representativeness_sd(value),
        start.astype("datetime64[ns]"),
        (start + 1).astype("datetime64[ns]"),
        limits=(0.0, 60000.0),
        file=file,
        source="ForC, Anderson-Teixeira et al. 2018 (doi:10.1002/ecy.2229)",
        station=frame["sites.sitename"].to_numpy(np.str_),
        flag=flag,
        report=report,
        reader="biomass",
    )


def read_soil_carbon(
    path: Path,
    *,
    depth_m: tuple[float, float] | None = None,
    date: str = "sample_date",
    plot: tuple[str, ...] = ("sub-plot",),
    content: str = "%SOC",
    density: str = "bulk_density",
    depth_column: str | None = None,
    source: str = "",
) -> Observations:
    """Stocks of plots from the content (% of dry soil) and the bulk density (g cm-3), one sampling a row.

    depth_m : top and bottom of the sample; or `depth_column`, texts like ``0-23`` in cm
    Rows without a date, depth, content or bulk density are flagged: a content alone is no stock.
    """
    file, report = Path(path).name, Report()
    frame = read_frame(path, (date, *plot, content, density, *((depth_column,) if depth_column else ())))
    same = frame.duplicated(keep="first")
    report.treat("identical duplicate rows dropped", int(same.sum()))
    frame = frame[~same].reset_index(drop=True)
    if depth_column is not None:
        bounds = np.array([_depths(text, file) for text in frame[depth_column]]) * M_PER_CM
    elif depth_m is not None:
        bounds = np.tile(np.asarray(depth_m, float), (len(frame), 1))
    else:
        raise RecordError(file, "the depth of the samples is not declared", "give depth_m or depth_column")
    percent = numbers(frame, content, file, report, name="soil_carbon content")
    mass = numbers(frame, density, file, report, name="soil_carbon density")
    value = stock_from_content(percent, mass, bounds[:, 0], bounds[:, 1])
    dated = (frame[date].str.strip().str.len() >= len("1948-01-01")).to_numpy()
    kept = frame.assign(**{date: frame[date].where(dated, "1970-01-01")})
    start = times(kept, date, file).astype("datetime64[D]").astype("datetime64[ns]")
    flag = np.where(dated, USED, FLAGS.index("rejected_incomplete")).astype(np.int8)
    names = frame[list(plot)].agg("/".join, axis=1).to_numpy(np.str_)
    return make_observations_of(
        "soil_carbon",
        "gC m-2",
        value,
        SoilCarbon.errors.random_sd(value),
        SoilCarbon.errors.representativeness_sd(value),
        start,
        shifted(start, DAY),
        limits=(50.0, 100000.0),
        file=file,
        source=source,
        station=names,
        depth=bounds,
        flag=flag,
        report=report,
        reader="soil_carbon",
    )


def _depths(text: str, file: str) -> tuple[float, float]:
    """Top and bottom of a text like ``0-23``; NaN where there is none."""
    if text.strip() in ("", "*"):
        return np.nan, np.nan
    parts = text.strip().split("-")
    try:
        top, bottom = (float(p) for p in parts)
    except ValueError as error:
        raise RecordError(file, f"{text!r} is no depth", "write top-bottom in cm") from error
    if not 0.0 <= top < bottom:
        raise RecordError(file, f"{text!r} is no depth", "write top-bottom in cm")
    return top, bottom
