"""Plain CSV or Parquet with a declared column map, and ALMA (PLUMBER2) NetCDF."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

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
from elterra.observations._stamps import parse_stamps
from elterra.observations._time_axis import check_calendar, step_seconds
from elterra.observations._units import base_of


@dataclass(frozen=True)
class ColumnMap:
    """What the columns of a plain table mean.

    columns : normal name (`NEE`, `SWC_1`, `TA_QC` ..) -> (column of the file, unit); unit "1" for QC
    time : column of the time stamp
    label : 'start', 'end' or 'middle' of the interval
    utc_offset_h : offset of the clock; or time_zone, an IANA name, for a clock with daylight saving
    swc_depths_m : depth of SWC_1, SWC_2, ..
    """

    columns: dict[str, tuple[str, str | None]]
    time: str
    label: str | None = None
    utc_offset_h: float | None = None
    time_zone: str | None = None
    site: str = ""
    swc_depths_m: tuple[float, ...] = ()
    measured_only: tuple[str, ...] = field(default=())


def read_table(path: Path, columns: ColumnMap) -> xr.Dataset:
    """Read CSV, zipped CSV or Parquet by a ColumnMap into the normal form."""
    frame, name = _frame(path)
    missing = [c for c in (columns.time, *(c for c, _ in columns.columns.values())) if c not in frame.columns]
    if missing:
        have = ", ".join(map(str, frame.columns[:20]))
        raise ColumnError(name, f"no column {missing[0]!r}", f"choose of: {have}", variable=missing[0])
    for target in columns.columns:
        if not base_of(target):
            raise ColumnError(
                name, f"{target!r} is no name of the normal form", "use FLUXNET base names", variable=target
            )
    if pd.api.types.is_datetime64_any_dtype(frame[columns.time]):
        series = frame[columns.time]
        own = getattr(series.dt, "tz", None) is not None
        stamps = (series.dt.tz_convert("UTC").dt.tz_localize(None) if own else series).to_numpy(
            "datetime64[ns]"
        )
    else:
        stamps, _, own = parse_stamps(frame[columns.time].astype(str).tolist(), name, columns.time)
    offset = 0.0 if own else columns.utc_offset_h
    if columns.time_zone is not None and not own:
        stamps, offset = _to_utc(stamps, columns.time_zone, name), 0.0
    elif offset is None:
        raise TimeAxisError(name, "the clock is not declared", "give utc_offset_h or time_zone")
    seconds = step_seconds(stamps, name)
    if columns.label not in ("start", "end", "middle"):
        raise AmbiguousLabelError(
            name, "what the stamp labels is not declared", "say label: start, end or middle"
        )
    back = {"start": 0.0, "middle": 0.5, "end": 1.0}[columns.label] * seconds
    data = {}
    for target, (column, _) in columns.columns.items():
        series = frame[column]
        numeric = pd.api.types.is_numeric_dtype(series)
        data[target] = series.to_numpy(float) if numeric else _numbers(series.astype(object), column, name)
    attrs: dict[str, object] = {"site": columns.site, "swc_depths_m": columns.swc_depths_m or (float("nan"),)}
    attrs["measured_only"] = " ".join(columns.measured_only)
    units = {target: unit for target, (_, unit) in columns.columns.items()}
    # time zones are resolved above, so a jump that is left is a wrong declaration
    return make_record(
        stamps - np.timedelta64(round(back * 1e9), "ns"), data, units, file=name, reader="table",
        utc_offset_h=float(offset), seconds=seconds, attrs=attrs,
        check_dst=columns.time_zone is None and not own,
    )  # fmt: skip


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
