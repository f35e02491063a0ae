"""Tables that others made: opened, checked and turned into numbers, with every refusal counted."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from elterra.observations._errors import (
    ColumnError,
    DuplicateTimeError,
    FileDamagedError,
    TimeAxisError,
)
from elterra.observations._files import read_text
from elterra.observations._report import Report

Array = NDArray[np.float64]

#: texts that mean "no value"
_EMPTY = {"", "na", "nan", "n/a", "*", "nac", "nra", "ni", "null", "-"}
#: numbers that mean "no value" in every record
_FILLS = (-9999.0, -9999.9, -6999.0)


def read_frame(
    path: Path, columns: Sequence[str], separator: str = ",", comment: str | None = None
) -> pd.DataFrame:
    """Columns of a text table (plain, gzip or zip) or of Parquet, text as text.

    Raises `FileDamagedError` for missing, truncated or damaged files, `ColumnError` for missing columns."""
    path = Path(path)
    if path.suffix in (".parquet", ".pq"):
        frame = _parquet(path)
    else:
        rows = [r for r in csv.reader(io.StringIO(_text(path)), delimiter=separator) if r]
        rows = [r for r in rows if comment is None or not r[0].startswith(comment)]
        if len(rows) < 2:
            raise FileDamagedError(path.name, "holds no rows", "download it again")
        header = [name.strip() for name in rows[0]]
        short = [k for k, row in enumerate(rows) if len(row) != len(header)]
        if short:
            raise FileDamagedError(
                path.name,
                f"row {short[0] + 1} has {len(rows[short[0]])} fields, the header {len(header)} "
                f"({len(short)} such rows): truncated or damaged",
                "download it again",
            )
        frame = pd.DataFrame(rows[1:], columns=header, dtype=str)
    require(list(frame.columns), columns, path.name)
    return frame


def require(have: Iterable[Hashable], columns: Sequence[str], file: str) -> None:
    """Raise `ColumnError` where a column is missing."""
    have = list(have)
    lacking = [c for c in columns if c not in have]
    if lacking:
        raise ColumnError(
            file, f"no column {lacking[0]!r}", f"it has {', '.join(map(str, have[:20]))}", variable=lacking[0]
        )


def _text(path: Path) -> str:
    if path.suffix != ".gz":
        if not path.is_file() or path.suffix == ".zip":
            return read_text(path)[0]
        data = path.read_bytes()
    else:
        try:
            data = gzip.decompress(path.read_bytes())
        except FileNotFoundError as error:
            raise FileDamagedError(path.name, f"no such file ({path})", "check the path") from error
        except (OSError, EOFError, zlib.error) as error:
            raise FileDamagedError(path.name, f"cannot be unpacked ({error})", "download it again") from error
    if b"\0" in data:
        raise FileDamagedError(path.name, "is no text", "download it again")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parquet(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise FileDamagedError(path.name, f"no such file ({path})", "check the path")
    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise FileDamagedError(path.name, "Parquet needs pyarrow", "pip install elterra[parquet]") from error
    except Exception as error:
        raise FileDamagedError(path.name, f"cannot be read ({error})", "download it again") from error


def open_netcdf(path: Path, group: str | None = None) -> xr.Dataset:
    """A NetCDF file, loaded and closed. Raises `FileDamagedError`."""
    path = Path(path)
    if not path.is_file():
        raise FileDamagedError(path.name, f"no such file ({path})", "check the path")
    try:
        # groups exist in NetCDF 4 only; without a group the file may be of the classic format
        with xr.open_dataset(path, group=group, engine="h5netcdf" if group else None) as raw:
            return raw.load()
    except Exception as error:
        raise FileDamagedError(
            path.name, f"cannot be read as NetCDF ({error})", "download it again"
        ) from error


def numbers(
    frame: pd.DataFrame, column: str, file: str, report: Report, missing: Sequence[float] = (), name: str = ""
) -> Array:
    """A column as float64, NaN where it is empty or a fill value; both counted under `name`.

    Raises `ColumnError` for a cell that is neither a number nor a sign of absence."""
    series = frame[column]
    if pd.api.types.is_numeric_dtype(series):
        out = series.to_numpy(float).copy()
        report.reject(name or column, "empty", int(np.isnan(out).sum()))
    else:
        texts = series.astype(str).str.strip()
        empty = texts.str.lower().isin(_EMPTY).to_numpy() | series.isna().to_numpy()
        values = pd.to_numeric(texts.where(~empty), errors="coerce").to_numpy(float)
        bad = np.isnan(values) & ~empty
        if bad.any():
            where = int(np.argmax(bad))
            raise ColumnError(
                file,
                f"{texts.iloc[where]!r} in row {where + 2} is no number ({int(bad.sum())} such cells)",
                "correct the cells",
                variable=column,
            )
        report.reject(name or column, "empty", int(empty.sum()))
        out = values.copy()
    for fill in (*_FILLS, *missing):
        hit = out == fill
        report.reject(name or column, f"fill value {fill:g}", int(hit.sum()))
        out[hit] = np.nan
    infinite = np.isinf(out)
    report.reject(name or column, "infinite", int(infinite.sum()))
    out[infinite] = np.nan
    return out


def times(frame: pd.DataFrame, column: str, file: str, form: str | None = None) -> NDArray[np.datetime64]:
    """A column of time stamps as datetime64[ns]; stamps with an offset become UTC.

    Raises `TimeAxisError` for a stamp that is none."""
    series = frame[column]
    if pd.api.types.is_datetime64_any_dtype(series):
        return series.to_numpy("datetime64[ns]")
    texts = series.astype(str).str.strip()
    stamps = pd.to_datetime(texts, format=form or "ISO8601", errors="coerce", utc=True)
    if stamps.isna().any():
        where = int(np.argmax(stamps.isna().to_numpy()))
        raise TimeAxisError(
            file, f"{texts.iloc[where]!r} in row {where + 2} is no time stamp", "correct the stamp"
        )
    return stamps.dt.tz_localize(None).to_numpy("datetime64[ns]")


def one_of_each(frame: pd.DataFrame, keys: Sequence[str], file: str, report: Report) -> pd.DataFrame:
    """The frame with identical duplicate rows dropped (counted), in its order.

    Raises `DuplicateTimeError` where rows of the same keys differ."""
    same = frame.duplicated(keep="first")
    report.treat("identical duplicate rows dropped", int(same.sum()))
    out = frame[~same]
    clash = out.duplicated(subset=list(keys), keep=False)
    if clash.any():
        first = out[clash].iloc[0]
        raise DuplicateTimeError(
            file,
            f"{int(clash.sum())} rows share {', '.join(keys)} and differ",
            "remove all but one of each",
            time=", ".join(str(first[k]) for k in keys),
        )
    return out.reset_index(drop=True)


def shifted(start: NDArray[np.datetime64], span: np.timedelta64) -> NDArray[np.datetime64]:
    """Times moved by a span, to the nanosecond."""
    return np.asarray(start + span, "datetime64[ns]")


def hours(number: float) -> np.timedelta64:
    """A time span from hours, to the second."""
    return np.timedelta64(round(number * 3600.0), "s")


DAY = np.timedelta64(1, "D")
HALF_HOUR = np.timedelta64(30, "m")
#: the clock of REddyProc's tables: year, day of the year, hour at the end of the interval
CLOCK_COLUMNS = ("Year", "DoY", "Hour")


def ends_of_half_hours(
    frame: pd.DataFrame, file: str, report: Report, utc_offset_h: float
) -> NDArray[np.datetime64]:
    """Ends of the intervals in UTC, to the minute, from `CLOCK_COLUMNS` in local standard time."""
    year, day, hour = (numbers(frame, column, file, report) for column in CLOCK_COLUMNS)
    minutes = np.rint((day - 1.0) * 1440.0 + hour * 60.0).astype("timedelta64[m]")
    first = (year - 1970.0).astype(int).astype("datetime64[Y]").astype("datetime64[m]")
    return np.asarray(first + minutes - hours(utc_offset_h))
