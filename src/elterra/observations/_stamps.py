"""Parsing of time stamps with one declared or recognised precision."""

import numpy as np
import pandas as pd

from elterra.observations._errors import CalendarError, MixedPrecisionError, TimeAxisError

_FORMS = {
    r"\d{12}": "%Y%m%d%H%M",
    r"\d{8}": "%Y%m%d",
    r"\d{6}": "%Y%m",
    r"\d{4}": "%Y",
    r"\d{4}-\d{2}": "%Y-%m",
    r"\d{4}-\d{2}-\d{2}": "%Y-%m-%d",
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}": None,
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?": None,
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})": None,
}


def parse_stamps(texts: list[str], file: str, column: str) -> tuple[np.ndarray, str, bool]:
    """Times [n], their common form, and whether they carry their own UTC offset (then they are UTC).

    Raises MixedPrecisionError for different precisions in one column, CalendarError for days that do not
    exist, TimeAxisError for anything else."""
    series = pd.Series(texts, dtype=str).str.strip()
    forms = list(_FORMS)
    kind = np.full(series.size, -1)
    for number, form in enumerate(forms):
        kind[(kind < 0) & series.str.fullmatch(form).to_numpy(bool)] = number
    if (kind < 0).any():
        bad = series[int(np.argmax(kind < 0))]
        raise TimeAxisError(
            file, f"{column}: {bad!r} is no time stamp", "use ISO 8601 or YYYYMMDDHHMM", time=bad
        )
    if np.unique(kind).size > 1:
        odd = int(np.argmax(kind != np.bincount(kind).argmax()))
        raise MixedPrecisionError(
            file,
            f"{column}: stamps of different precision ({series[odd]!r} among stamps like "
            f"{series[int(np.argmax(kind == np.bincount(kind).argmax()))]!r})",
            "give one precision; split monthly and daily values into two files",
            time=series[odd],
        )
    form = forms[int(kind[0])]
    own = "Z|" in form
    times = pd.to_datetime(series, format=_FORMS[form] or "ISO8601", errors="coerce", utc=own)
    if times.isna().any():
        bad = series[int(np.argmax(times.isna().to_numpy()))]
        raise CalendarError(
            file,
            f"{column}: {bad!r} does not exist in the Gregorian calendar",
            "convert the calendar",
            time=bad,
        )
    if own:
        times = times.dt.tz_localize(None)
    return times.to_numpy("datetime64[ns]"), form, own


def parse_by_format(texts: list[str], form: str, file: str, column: str) -> tuple[np.ndarray, bool]:
    """Times [n] by a declared strptime format, and whether they carry their own UTC offset (then they are UTC).

    Raises TimeAxisError that names the first stamp that does not fit."""
    series = pd.Series(texts, dtype=str).str.strip()
    own = "%z" in form or "%Z" in form
    try:
        times = pd.to_datetime(series, format=form, errors="coerce", utc=own)
    except ValueError as error:
        raise TimeAxisError(
            file, f"{form!r} is no strptime format ({error})", "write it as %d.%m.%Y %H:%M", time=column
        ) from error
    bad = times.isna().to_numpy()
    if bad.any():
        first = series[int(np.argmax(bad))]
        raise TimeAxisError(
            file,
            f"{column}: {first!r} does not fit the declared format {form!r} ({int(bad.sum())} of {bad.size} stamps)",
            "correct clock.format, or leave it out for ISO 8601 and YYYYMMDDHHMM",
            time=first,
        )
    if own:
        times = times.dt.tz_localize(None)
    return times.to_numpy("datetime64[ns]"), own
