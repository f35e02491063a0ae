"""Days and months, and curves within the year that keep monthly means."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MONTHS = 12


def month_number(year: int, month: int) -> int:
    """Months since January 1970; ``month`` 1..12."""
    return (year - 1970) * MONTHS + month - 1


def year_month(number: int) -> tuple[int, int]:
    """The inverse of `month_number`."""
    return 1970 + number // MONTHS, number % MONTHS + 1


def month_of(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Calendar month 0..11 of days since 1970-01-01."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % MONTHS


@cache
def days_of_month(number: int, leap_days: bool) -> NDArray[np.int64]:
    """Days since 1970-01-01 ``[day]`` of a month; without 29 February where ``leap_days`` is false."""
    first = np.datetime64(number, "M")
    days = np.arange(
        first.astype("datetime64[D]").astype(np.int64), (first + 1).astype("datetime64[D]").astype(np.int64)
    )
    if not leap_days and len(days) == 29:
        days = days[:28]
    days.setflags(write=False)
    return days


def days_of_year(year: int, leap_days: bool) -> NDArray[np.int64]:
    """Days since 1970-01-01 of a calendar year."""
    first = month_number(year, 1)
    return np.concatenate([days_of_month(first + m, leap_days) for m in range(MONTHS)])


def noons(days: NDArray[np.int64]) -> np.ndarray:
    """Noon (UTC) of days since 1970-01-01, datetime64[ns]."""
    return np.asarray((days * 86400 + 43200) * 10**9, dtype=np.int64).view("datetime64[ns]")


def step_starts(start: object, stop: object, seconds: int) -> np.ndarray:
    """Starts (datetime64[s]) of steps from ``start`` to before ``stop``."""
    first, end = (int(np.asarray(x, "datetime64[s]").astype(np.int64)) for x in (start, stop))
    return np.arange(first, end, seconds, dtype=np.int64).view("datetime64[s]")


def quadratic(before: Array, here: Array, after: Array, parts: int) -> Array:
    """Means over ``parts`` equal parts ``[part, ...]`` of the parabola whose mean is ``here`` and that meets its
    neighbours half-way: at the ends it has the mean of the values on both sides.

    Its mean over the parts is ``here`` to round-off. Exact mean of ``6 s (1 - s)`` over each part, whose mean over all is 1.
    """
    edge = np.arange(parts + 1) / parts
    bump = np.diff(3.0 * edge**2 - 2.0 * edge**3) * parts
    middle = 0.5 * (edge[1:] + edge[:-1])
    shape = (parts,) + (1,) * np.ndim(here)
    bump, middle = bump.reshape(shape), middle.reshape(shape)
    low, high = 0.5 * (before + here), 0.5 * (here + after)
    mean = 0.5 * (low + high)
    return mean + (high - low) * (middle - 0.5) + (here - mean) * bump
