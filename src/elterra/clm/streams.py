"""Streams of the data atmosphere (DATM): weather with CLM's lag, and deposition.

The data atmosphere hands over the record whose middle is nearest to the start of the step, the earlier one on a tie
(``tintalgo = nearest``): a half-hourly record is used half an hour after it ended.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elterra.clm._files import ClmFile
from elterra.clm.namelist import read_namelist
from elterra.errors import InputError

SECONDS_PER_DAY = 86400.0
YEAR_DAYS = 365
#: DATM field -> name of the forcing here
FIELDS = {
    "tbot": "TBOT",
    "shum": "QBOT",
    "wind": "WIND",
    "precn": "PRECTmms",
    "swdn": "FSDS",
    "lwdn": "FLDS",
    "pbot": "PSRF",
    "z": "ZBOT",
}
NEEDED = ("TBOT", "QBOT", "WIND", "PRECTmms", "FSDS", "FLDS", "PSRF")


@dataclass(frozen=True)
class Stream:
    """Records of one stream, the years of the cycle one after the other: ``values[name]`` ``[record, cell]``.

    ``interval`` (s) between records, ``align``, ``first``, ``last`` the years of ``datm_in``.
    """

    values: dict[str, np.ndarray]
    interval: float
    align: int
    first: int
    last: int

    @property
    def per_year(self) -> int:
        return round(YEAR_DAYS * SECONDS_PER_DAY / self.interval)

    def record(self, year: int, seconds: np.ndarray) -> np.ndarray:
        """Index of the record for steps that start ``seconds`` after 1 January of model ``year``."""
        cycle = self.last - self.first + 1
        before = ((year - self.align) % cycle) * self.per_year
        # nearest middle, the earlier on a tie: middle of record i at (i + 1/2) intervals
        nearest = np.ceil(np.round(np.asarray(seconds, float) / self.interval, 6) - 1.0)
        return (before + nearest.astype(int)) % (cycle * self.per_year)


def parse_stream(path: Path) -> tuple[dict[str, str], list[Path]]:
    """Variables of a stream description (file name of the variable -> DATM field) and its files."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    info = re.search(r"<fieldInfo>(.*?)</fieldInfo>", text, re.S)
    if info is None:
        raise InputError(f"{path}: no <fieldInfo>; expected a stream description of the data atmosphere")

    def block(tag: str) -> list[str]:
        found = re.search(rf"<{tag}>(.*?)</{tag}>", info.group(1), re.S)
        if found is None:
            raise InputError(f"{path}: no <{tag}> in <fieldInfo>")
        return found.group(1).split()

    words = block("variableNames")
    folder = (path.parent / block("filePath")[0]).resolve()
    return dict(zip(words[::2], words[1::2], strict=True)), [folder / name for name in block("fileNames")]


def stream_list(case: Path) -> list[tuple[Path, int, int, int]]:
    """The streams of ``datm_in``: description, and the years align, first, last."""
    entries: dict[str, Any] = read_namelist(case / "datm_in").get("shr_strdata_nml", {})
    streams = entries.get("streams")
    if streams is None:
        raise InputError(f"{case / 'datm_in'}: no `streams` in shr_strdata_nml")
    out = []
    for text in [streams] if isinstance(streams, str) else streams:
        name, align, first, last = text.split()
        out.append((case / name, int(align), int(first), int(last)))
    return out


def read_weather(case: Path) -> Stream:
    """The stream with the weather of a case directory."""
    for description, align, first, last in stream_list(case):
        names, files = parse_stream(description)
        if "tbot" not in names.values():
            continue
        if len(files) != last - first + 1:
            raise InputError(
                f"{description}: {len(files)} files for the years {first} to {last}; one a year is read"
            )
        parts = [_read_year(f, names) for f in files]
        interval = parts[0][1]
        if any(abs(p[1] - interval) > 1.0 for p in parts):
            raise InputError(f"{description}: the files have different intervals")
        values = {n: np.concatenate([p[0][n] for p in parts]) for n in parts[0][0]}
        missing = [n for n in NEEDED if n not in values]
        if missing:
            raise InputError(f"{description}: {', '.join(missing)} missing among {sorted(names)}")
        return Stream(values, interval, align, first, last)
    raise InputError(f"{case / 'datm_in'}: no stream has air temperature (tbot)")


def _read_year(path: Path, names: dict[str, str]) -> tuple[dict[str, np.ndarray], float]:
    with ClmFile(path) as file:
        time = file.need("time").astype(float)
        interval = float(np.round(np.median(np.diff(time)) * SECONDS_PER_DAY, 1))
        expected = round(YEAR_DAYS * SECONDS_PER_DAY / interval)
        if time.size != expected:
            raise InputError(
                f"{path}: {time.size} records, a year of 365 days has {expected} of {interval:.0f} s"
            )
        middle = (np.arange(time.size) + 0.5) * interval / SECONDS_PER_DAY
        if (
            np.max(np.abs(time - time[0] + middle[0] - middle)) > 1.0e-3
            or abs(time[0] % 1.0 - middle[0]) > 1.0e-3
        ):
            raise InputError(f"{path}: time must be the middle of equal intervals from 1 January on")
        values = {
            FIELDS[field]: file.need(name).reshape(time.size, -1)
            for name, field in names.items()
            if field in FIELDS
        }
    for name, value in values.items():
        if not np.all(np.isfinite(value)):
            raise InputError(
                f"{path}: {name} has {int((~np.isfinite(value)).sum())} missing values; DATM fills none"
            )
    return values, interval


def saturated(t: np.ndarray, pressure: np.ndarray) -> np.ndarray:
    """Saturation specific humidity (kg kg-1) of the data atmosphere, over water above and ice below freezing.

    Lowe (1977) polynomials as DATM has them; air moister than this is cut to it (``shum`` streams).
    """
    tc = np.clip(np.asarray(t, float) - 273.15, -50.0, 50.0)
    water = 100.0 * np.polynomial.polynomial.polyval(tc, _WATER)
    ice = 100.0 * np.polynomial.polynomial.polyval(tc, _ICE)
    e = np.where(tc >= 0.0, water, ice)
    return 0.622 * e / (pressure - 0.378 * e)


_WATER = (
    6.107799961,
    4.436518521e-1,
    1.428945805e-2,
    2.650648471e-4,
    3.031240396e-6,
    2.034080948e-8,
    6.136820929e-11,
)
_ICE = (
    6.109177956,
    5.034698970e-1,
    1.886013408e-2,
    4.176223716e-4,
    5.824720280e-6,
    4.838803174e-8,
    1.838826904e-10,
)


def _at_point(file: ClmFile, name: str, lat: float, lon: float) -> np.ndarray:
    """A variable of a global file at the nearest grid point ``[time]`` (``mapalgo = nn``)."""
    values = file.need(name)
    lats = np.unique(file["lat" if "lat" in file else "LATIXY"])
    lons = np.unique(file["lon" if "lon" in file else "LONGXY"])
    j = int(np.abs(lats - lat).argmin())
    i = int(np.abs((lons - lon + 180.0) % 360.0 - 180.0).argmin())
    return values[:, j, i]


def monthly_mean(path: Path, name: str, lat: float, lon: float) -> np.ndarray:
    """A monthly variable of a global file at the nearest grid point ``[12]``."""
    with ClmFile(path) as file:
        return _at_point(file, name, lat, lon)


def lightning(path: Path, lat: float, lon: float) -> tuple[np.ndarray, np.ndarray]:
    """Days of the year (from 0) and flashes (km-2 h-1) ``[time]`` of a climatology of one year (``lnfm``)."""
    with ClmFile(path) as file:
        values, day = _at_point(file, "lnfm", lat, lon), file.need("time").astype(float)
    day = day - YEAR_DAYS * np.floor(day[0] / YEAR_DAYS)
    if not np.all(np.diff(day) > 0.0) or day[-1] >= YEAR_DAYS or not np.all(np.isfinite(values)):
        raise InputError(
            f"{path}: expected one year of lightning without gaps, in rising order; got days {day[0]} to {day[-1]}"
        )
    return day, values


def lightning_at(climatology: tuple[np.ndarray, np.ndarray], day: np.ndarray) -> np.ndarray:
    """Flashes (km-2 h-1) at days of the year (from 0), linear in time and cyclic, as CLM5 has it."""
    return np.interp(np.asarray(day, float), *climatology, period=YEAR_DAYS)


def population(path: Path, lat: float, lon: float) -> tuple[np.ndarray, np.ndarray]:
    """Times (years) and persons km-2 ``[time]`` at the nearest grid point (``hdm``)."""
    with ClmFile(path) as file:
        values, day = _at_point(file, "hdm", lat, lon), file.need("time").astype(float)
        found = re.match(r"days since (\d+)-", file.units("time"))
    if found is None or not np.all(np.isfinite(values)):
        raise InputError(f"{path}: hdm needs a time in `days since YEAR-..` and no gaps")
    return int(found.group(1)) + day / YEAR_DAYS, values


def population_at(
    series: tuple[np.ndarray, np.ndarray], year: np.ndarray, align: int, first: int, last: int
) -> np.ndarray:
    """Persons km-2 of the nearest record for model times ``year`` (with fraction). ``align`` is the model year of the
    stream year ``first``; before it and after ``last`` the stream stands still, as CLM5's does."""
    times, values = series
    inside = (times >= first) & (times < last + 1.0)
    if not inside.any():
        raise InputError(
            f"population: the stream has {times[0]:.1f} to {times[-1]:.1f}, asked for are {first} to {last}"
        )
    at = first + np.asarray(year, float) - align
    return values[inside][np.abs(times[inside] - at[..., None]).argmin(axis=-1)]


def between_months(monthly: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Linear between the middles of months, cyclic; ``day`` counts from 1 January (0-based)."""
    ends = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    middle = 0.5 * (ends[:-1] + ends[1:])
    x = np.concatenate([[middle[-1] - YEAR_DAYS], middle, [middle[0] + YEAR_DAYS]])
    y = np.concatenate([[monthly[-1]], monthly, [monthly[0]]])
    return np.interp(np.asarray(day, float), x, y)


def snow_share(
    t: np.ndarray, all_snow: Sequence[float] | np.ndarray, all_rain: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Share of precipitation that is snow ``[time, column]``: 1 at ``all_snow`` (degC) and below, 0 at ``all_rain``."""
    low, high = np.asarray(all_snow, float), np.asarray(all_rain, float)
    return np.clip((high - (t - 273.15)) / (high - low), 0.0, 1.0)
