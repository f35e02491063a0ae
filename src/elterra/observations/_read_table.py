"""Plain CSV or Parquet with a declared column map, and ALMA (PLUMBER2) NetCDF."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from elterra.errors import Faults
from elterra.observations._errors import (
    AmbiguousLabelError,
    ColumnError,
    DaylightSavingError,
    FileDamagedError,
    TimeAxisError,
    UnitError,
)
from elterra.observations._files import lines_of, read_text
from elterra.observations._read_fluxnet import _numbers
from elterra.observations._record import make_record
from elterra.observations._report import Report
from elterra.observations._stamps import parse_by_format, parse_stamps
from elterra.observations._time_axis import check_calendar, step_seconds
from elterra.observations._units import QUANTITIES, base_of, to_normal


@dataclass(frozen=True)
class ColumnMap:
    """What the columns of a plain table mean.

    columns : normal name (`NEE`, `SWC_1`, `TA_QC` ..) -> (column of the file, unit); unit "1" for QC
    time : column of the time stamp
    label : 'start', 'end' or 'middle' of the interval
    utc_offset_h : offset of the clock; or time_zone, an IANA name, for a clock with daylight saving
    swc_depths_m : depth of SWC_1, SWC_2, ..
    time_format : strptime format of the stamps; None for ISO 8601 and FLUXNET stamps
    missing : values that mean missing
    measured : `NEE_QC` .. -> flags that mean measured; 0 where nothing is said
    """

    columns: dict[str, tuple[str, str | None]]
    time: str
    label: str | None = None
    utc_offset_h: float | None = None
    time_zone: str | None = None
    site: str = ""
    swc_depths_m: tuple[float, ...] = ()
    measured_only: tuple[str, ...] = field(default=())
    time_format: str | None = None
    missing: tuple[float, ...] = ()
    measured: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def read_table(path: Path, columns: ColumnMap) -> xr.Dataset:
    """Read CSV, zipped CSV or Parquet by a ColumnMap into the normal form. All faults are told at once."""
    frame, name = _frame(path)
    faults, report = Faults(), Report()
    stamps, offset, own, seconds = None, 0.0, False, None
    with faults.caught():
        stamps, offset, own = _stamps(frame, columns, name)
    if stamps is not None:
        with faults.caught():
            seconds = step_seconds(stamps, name)
    if columns.label not in ("start", "end", "middle"):
        faults.add(
            AmbiguousLabelError(
                name, "what the stamp labels is not declared", "say label: start, end or middle"
            )
        )
    data = {}
    for target, (column, unit) in columns.columns.items():
        with faults.caught():
            data[target] = _column(frame, column, target, columns, name, report)
        if not target.endswith("_QC") and base_of(target):
            with faults.caught():  # the dimension of a unit needs no values
                to_normal(np.zeros(1), unit, target, seconds or 1800.0, name)
    back = {"start": 0.0, "middle": 0.5, "end": 1.0}.get(str(columns.label), 0.0) * (seconds or 0.0)
    attrs: dict[str, object] = {"site": columns.site, "swc_depths_m": columns.swc_depths_m or (float("nan"),)}
    attrs["measured_only"] = " ".join(columns.measured_only)
    units = {target: unit for target, (_, unit) in columns.columns.items()}
    if stamps is None or seconds is None or not data:
        faults.raise_any()
        raise ColumnError(name, "no column is declared", "name at least one in the column map")
    record = None
    with faults.caught():
        # time zones are resolved above, so a jump that is left is a wrong declaration
        record = make_record(
            stamps - np.timedelta64(round(back * 1e9), "ns"), data, units, file=name, reader="table",
            report=report, utc_offset_h=offset, seconds=seconds, attrs=attrs,
            check_dst=columns.time_zone is None and not own,
        )  # fmt: skip
    faults.raise_any()
    assert record is not None
    return record


def _stamps(frame: pd.DataFrame, columns: ColumnMap, name: str) -> tuple[np.ndarray, float, bool]:
    """Times [row] of the file's clock, its UTC offset (h), and whether the stamps carry their own (then 0)."""
    if columns.time not in frame.columns:
        raise ColumnError(
            name, f"no column {columns.time!r} (time stamps)", _choice(frame), variable=columns.time
        )
    if pd.api.types.is_datetime64_any_dtype(frame[columns.time]):
        series = frame[columns.time]
        own = getattr(series.dt, "tz", None) is not None
        stamps = (series.dt.tz_convert("UTC").dt.tz_localize(None) if own else series).to_numpy(
            "datetime64[ns]"
        )
    else:
        texts = frame[columns.time].astype(str).tolist()
        if columns.time_format is None:
            stamps, _, own = parse_stamps(texts, name, columns.time)
        else:
            stamps, own = parse_by_format(texts, columns.time_format, name, columns.time)
    if own:
        return stamps, 0.0, True
    if columns.time_zone is not None:
        return _to_utc(stamps, columns.time_zone, name), 0.0, False
    if columns.utc_offset_h is None:
        raise TimeAxisError(name, "the clock is not declared", "give utc_offset_h or time_zone")
    return stamps, float(columns.utc_offset_h), False


def _column(
    frame: pd.DataFrame, column: str, target: str, columns: ColumnMap, name: str, report: Report
) -> np.ndarray:
    """Values [row] of one column, declared missing values as NaN; a quality flag as 0 measured, 1 not."""
    if not base_of(target):
        raise ColumnError(
            name,
            f"{target!r} is no name of the normal form",
            f"use one of {', '.join(QUANTITIES)}, with a number behind (SWC_1) for more than one",
            variable=target,
        )
    if column not in frame.columns:
        raise ColumnError(name, f"no column {column!r}", _choice(frame), variable=target)
    series = frame[column]
    numeric = pd.api.types.is_numeric_dtype(series)
    values = series.to_numpy(float) if numeric else _numbers(series.astype(object), column, name)
    missing = np.isin(values, columns.missing)
    report.reject(target, "declared missing", int(missing.sum()))
    values = np.where(missing, np.nan, values)
    if not target.endswith("_QC") or target not in columns.measured:
        return values
    measured = np.isin(values, columns.measured[target])
    return np.where(np.isfinite(values), np.where(measured, 0.0, 1.0), np.nan)


def _choice(frame: pd.DataFrame) -> str:
    return f"choose of: {', '.join(map(str, frame.columns[:20]))}"


def _to_utc(stamps: np.ndarray, zone: str, name: str) -> np.ndarray:
    """UTC of a civil clock; the doubled autumn hour is resolved by its order in the file."""
    try:
        local = pd.Series(stamps).dt.tz_localize(zone, ambiguous="infer", nonexistent="raise")
    except (KeyError, ValueError) as error:
        raise DaylightSavingError(
            name, f"the clock does not fit {zone!r} ({error})", "check the zone, or declare utc_offset_h"
        ) from error
    return local.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ns]")


def _frame(path: Path) -> tuple[pd.DataFrame, str]:
    if path.suffix.lower() in (".parquet", ".pq"):
        if not path.is_file():
            raise FileDamagedError(path.name, f"no such file ({path})", "check the path")
        try:
            frame = pd.read_parquet(path)
        except ImportError as error:
            raise FileDamagedError(
                path.name, "Parquet needs pyarrow", "pip install pyarrow, or give CSV"
            ) from error
        except Exception as error:
            raise FileDamagedError(path.name, f"cannot be read ({error})", "write it again") from error
        return (frame.reset_index() if frame.index.name else frame), path.name
    text, name = read_text(path)
    frame = pd.read_csv(lines_of(text, name), dtype=str, sep=None, engine="python")
    frame.columns = [str(c).strip() for c in frame.columns]
    return frame, name


#: ALMA name -> normal name (PLUMBER2 writes these)
_ALMA = {
    "Tair": "TA",
    "SWdown": "SW_IN",
    "LWdown": "LW_IN",
    "VPD": "VPD",
    "RH": "RH",
    "Psurf": "PA",
    "Precip": "P",
}
_ALMA |= {"Wind": "WS", "CO2air": "CO2", "NEE": "NEE", "Qle": "LE", "Qh": "H", "Qg": "G", "Rnet": "NETRAD"}
_ALMA |= {"Ustar": "USTAR", "GPP": "GPP_NT", "GPP_DT": "GPP_DT", "Resp": "RECO_NT", "Resp_DT": "RECO_DT"}


def read_alma(path: Path, *, utc_offset_h: float = 0.0) -> xr.Dataset:
    """ALMA NetCDF of one site (PLUMBER2): stamps are interval starts in local standard time, units as
    declared in the file, `<name>_qc` 0 measured. Reads met or flux files; merge the two with xarray.merge
    of the results."""
    if not path.is_file():
        raise FileDamagedError(path.name, f"no such file ({path})", "check the path")
    try:
        with xr.open_dataset(path, decode_times=False) as raw:
            raw = raw.load()
    except Exception as error:
        raise FileDamagedError(
            path.name, f"cannot be read as NetCDF ({error})", "download it again"
        ) from error
    if "time" not in raw:
        raise TimeAxisError(path.name, "no time", "give ALMA NetCDF")
    calendar = str(raw.time.attrs.get("calendar", "standard"))
    check_calendar(calendar, path.name)
    # noleap dates exist in the Gregorian calendar too: decode by name, so that 29 February becomes a gap
    try:
        decoded = (
            xr.decode_cf(raw[["time"]], decode_times=xr.coders.CFDatetimeCoder(use_cftime=False))
            if ("noleap" not in calendar and "365" not in calendar)
            else xr.decode_cf(raw[["time"]])
        )
        times = decoded.time.values
        if times.dtype.kind != "M":
            times = np.array([np.datetime64(t.isoformat()) for t in times], "datetime64[ns]")
    except (ValueError, OverflowError, KeyError) as error:
        raise TimeAxisError(path.name, f"time cannot be decoded ({error})", "give CF time units") from error
    columns: dict[str, np.ndarray] = {}
    units: dict[str, str | None] = {}
    for old, new in _ALMA.items():
        if old not in raw or raw[old].size != times.size:
            continue
        columns[new] = np.asarray(raw[old].values, float).reshape(-1)
        unit = raw[old].attrs.get("units")
        if unit is None:
            raise UnitError(path.name, "no unit attribute", "add `units`", variable=old)
        units[new] = str(unit)
        if f"{old}_qc" in raw:
            columns[f"{new}_QC"] = np.asarray(raw[f"{old}_qc"].values, float).reshape(-1)
    if not columns:
        raise ColumnError(path.name, "no ALMA variable found", "use the reader 'table'")
    attrs: dict[str, object] = {"site": str(raw.attrs.get("site_code", ""))}
    return make_record(
        times, columns, units, file=path.name, reader="alma", utc_offset_h=utc_offset_h, attrs=attrs
    )
