"""From whatever time stamps a file has to a regular UTC axis of interval starts."""

import numpy as np

from elterra.observations._errors import CalendarError, DaylightSavingError, DuplicateTimeError, TimeAxisError
from elterra.observations._report import Report


def step_seconds(start: np.ndarray, file: str) -> float:
    """Most frequent distance (s) of sorted unique stamps; TimeAxisError if it is not clear."""
    gaps = np.diff(np.unique(start)) / np.timedelta64(1, "s")
    if gaps.size == 0:
        raise TimeAxisError(file, "fewer than two time stamps", "give a series")
    values, counts = np.unique(gaps, return_counts=True)
    step = float(values[np.argmax(counts)])
    if counts.max() < 0.5 * gaps.size:
        raise TimeAxisError(
            file,
            f"no regular step (most frequent {step:g} s in {counts.max()} of {gaps.size})",
            "resample first",
        )
    return step


def daylight_saving(start: np.ndarray, seconds: float) -> str | None:
    """Detect a clock with daylight saving: an hour missing in the last days of March and doubled at the
    end of October. Returns the first such time or None. `start` as read (file order, local)."""
    if seconds > 3600.0:
        return None
    need = round(3600.0 / seconds)
    for year in np.unique(start.astype("datetime64[Y]")):
        spring = _last_sunday(year, 3) + np.timedelta64(2, "h")
        autumn = _last_sunday(year, 10) + np.timedelta64(2, "h")
        hour = np.timedelta64(1, "h")
        around = (start >= spring - hour) & (start < spring + 2 * hour)
        missing = around.sum() >= need and not ((start >= spring) & (start < spring + hour)).any()
        inside = start[(start >= autumn) & (start < autumn + hour)]
        doubled = inside.size == 2 * need and np.unique(inside).size == need
        if doubled or (missing and inside.size == 2 * need):
            return str(autumn if doubled else spring)
    return None


def _last_sunday(year: np.datetime64, month: int) -> np.datetime64:
    last = (year.astype("datetime64[M]") + month).astype("datetime64[D]") - 1
    return (last - (last.astype(int) + 4) % 7).astype("datetime64[s]")  # 1970-01-01 was a Thursday


def regularise(
    start: np.ndarray, columns: dict[str, np.ndarray], seconds: float, file: str, report: Report
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Sort, drop identical duplicates, insert missing steps as NaN; everything counted in `report`.

    Raises DuplicateTimeError where a stamp has two different values, TimeAxisError for stamps off the
    step."""
    start = np.asarray(start, "datetime64[ns]")
    if np.isnat(start).any():
        raise TimeAxisError(
            file, f"{int(np.isnat(start).sum())} stamps cannot be read", "correct or remove the rows"
        )
    backwards = int((np.diff(start) < np.timedelta64(0)).sum())
    if backwards:
        report.treat("sorted (stamps ran backwards)", backwards)
        order = np.argsort(start, kind="stable")
        start = start[order]
        columns = {k: v[order] for k, v in columns.items()}
    same = np.flatnonzero(np.diff(start) == np.timedelta64(0)) + 1
    if same.size:
        for name, values in columns.items():
            differs = ~(
                (values[same] == values[same - 1]) | (np.isnan(values[same]) & np.isnan(values[same - 1]))
            )
            if differs.any():
                at = same[np.argmax(differs)]
                raise DuplicateTimeError(
                    file,
                    f"{same.size} stamps occur more than once with different values",
                    "remove one of each, or state the time zone if the clock has daylight saving",
                    variable=name,
                    time=str(start[at].astype("datetime64[m]")),
                )
        report.treat("identical duplicate rows dropped", same.size)
        keep = np.ones(start.size, bool)
        keep[same] = False
        start = start[keep]
        columns = {k: v[keep] for k, v in columns.items()}
    step = np.timedelta64(round(seconds * 1e9), "ns")
    offset = (start - start[0]) % step
    if (offset != np.timedelta64(0)).any():
        at = int(np.argmax(offset != np.timedelta64(0)))
        raise TimeAxisError(
            file,
            f"{int((offset != np.timedelta64(0)).sum())} stamps lie off the {seconds / 60:g}-minute step",
            "resample to a regular step",
            time=str(start[at].astype("datetime64[s]")),
        )
    index = ((start - start[0]) // step).astype(int)
    total = int(index[-1]) + 1
    if total > 20 * start.size + 1000:
        raise TimeAxisError(file, f"{total - start.size} of {total} steps are missing", "split the record")
    axis = start[0] + step * np.arange(total)
    if total > start.size:
        gap = np.ones(total, bool)
        gap[index] = False
        days = axis[gap].astype("datetime64[D]")
        leap = (days.astype("datetime64[M]").astype(int) % 12 == 1) & (
            (days - days.astype("datetime64[M]")).astype(int) == 28
        )
        report.treat("missing steps inserted as gaps", int((~leap).sum()))
        report.treat("29 February missing (noleap calendar?), inserted as gaps", int(leap.sum()))
        full = {}
        for name, values in columns.items():
            out = np.full(total, np.nan)
            out[index] = values
            full[name] = out
        columns = full
    return axis, columns


def check_no_daylight_saving(start: np.ndarray, seconds: float, file: str) -> None:
    """Raise DaylightSavingError if the clock jumps."""
    jump = daylight_saving(np.asarray(start, "datetime64[s]"), seconds)
    if jump:
        raise DaylightSavingError(
            file,
            "the clock jumps as with daylight saving",
            "convert the time stamps to standard time (no daylight saving); in Python, ColumnMap also takes a zone "
            "(time_zone='Europe/Berlin')",
            time=jump,
        )


def check_calendar(calendar: str, file: str) -> None:
    """Only the Gregorian calendar and noleap (whose 29 February becomes a counted gap) are understood."""
    if calendar.lower() not in {"standard", "gregorian", "proleptic_gregorian", "noleap", "365_day"}:
        raise CalendarError(
            file, f"calendar {calendar!r} has no real dates", "convert to the Gregorian calendar"
        )
