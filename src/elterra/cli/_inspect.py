"""Looks at a person's table of measurements: which column may be which variable, in which unit.

Reads the first rows with the standard library only. What it finds are proposals for a person to confirm; what
a table cannot tell (where the site is, which moment a stamp names) is not guessed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from elterra.errors import InputError

_ROWS = 5000
_MISSING_WORDS = {"", "na", "nan", "null", "none"}
_MISSING_NUMBERS = {-9999.0, -9999.9, -6999.0}
_FORMATS = (
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y%m%d%H%M",
    "%Y%m%d%H%M%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%Y-%m-%d",
)


@dataclass(frozen=True, slots=True)
class _Known:
    """Names under which a variable goes, and units told apart by the median (or maximum) of the values."""

    pattern: str
    units: tuple[tuple[str, float, float], ...]  # units, plausible range of the median of |value|


# Ranges do not overlap where units differ by a factor; where they would, the person is asked.
_KNOWN: dict[str, _Known] = {
    "TA": _Known(r"ta|tair|t_?air|air_?temp\w*|temp\w*|t2m", (("degC", 0, 60), ("K", 200, 340))),
    "RH": _Known(r"rh|rel\w*_?hum\w*|humidity", (("1", 0, 1.2), ("%", 5, 110))),
    "VPD": _Known(r"vpd\w*", (("hPa", 0.05, 60), ("Pa", 60, 6000))),
    "PA": _Known(
        r"pa|press\w*|p_?air|pressure", (("kPa", 50, 110), ("hPa", 500, 1100), ("Pa", 50000, 110000))
    ),
    "P": _Known(r"p|precip\w*|prec|rain\w*|ppt", ()),
    "WS": _Known(r"ws|wind_?speed|wind|u|ff", (("m s-1", 0, 60),)),
    "SW_IN": _Known(r"sw_?in|rg|swdown|rsds|global_?rad\w*|sw_?down", (("W m-2", 0, 1500),)),
    "LW_IN": _Known(r"lw_?in|lwdown|rlds|lw_?down", (("W m-2", 50, 700),)),
    "PPFD": _Known(r"ppfd(_?in)?|par", (("umol m-2 s-1", 0, 3000),)),
    "CO2": _Known(r"co2(?!_?flux)\w*", (("umol mol-1", 200, 900),)),
    "NEE": _Known(r"nee|fc|fco2|co2_?flux", (("umol m-2 s-1", 0, 100),)),
    "LE": _Known(r"le|qle|latent\w*", (("W m-2", 0, 1000),)),
    "H": _Known(r"h|qh|sensible\w*", (("W m-2", 0, 1000),)),
    "G": _Known(r"g|ground_?heat\w*|soil_?heat\w*", (("W m-2", 0, 500),)),
    "SWC": _Known(r"swc|soil_?water\w*|soil_?moist\w*|vwc|theta", (("m3 m-3", 0, 0.95), ("%", 1.5, 100))),
    "TS": _Known(r"ts|t_?soil|soil_?temp\w*", (("degC", 0, 60), ("K", 200, 340))),
    "NETRAD": _Known(r"netrad|rn|rnet|net_?rad\w*", (("W m-2", 0, 1200),)),
    "USTAR": _Known(r"u_?star|u\*|friction\w*", (("m s-1", 0, 5),)),
}
_SUFFIX = r"(_?(f|mds|ref|cut|vut|50|filled|orig|meas|\d+))*"
_TIME = re.compile(r"(timestamp|time|date|datetime|date_?time)(_?(start|end|middle|mid|utc))?", re.I)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One column taken for a variable. ``units`` is empty where the values cannot tell."""

    variable: str
    column: str
    units: str
    median: float | None
    quality: str | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """A column that is taken for nothing, and why. ``variable`` and ``units`` (may be empty) are what it could be."""

    column: str
    why: str
    variable: str = ""
    units: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """What a look at a table shows."""

    columns: tuple[str, ...]
    delimiter: str
    time_column: str
    time_format: str
    first: datetime
    last: datetime
    step_minutes: float
    label: str | None  # only if the name of the column says so
    proposals: tuple[Proposal, ...]
    left: tuple[Left, ...] = ()


def inspect(path: Path) -> Table:
    """Looks at the CSV file `path`. Raises `InputError` without header, time column or rows."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            head = stream.readline()
            delimiter = max(",;\t", key=head.count)
            stream.seek(0)
            reader = csv.reader(stream, delimiter=delimiter)
            rows = []
            last_row: list[str] = []
            for i, row in enumerate(reader):
                if i <= _ROWS:
                    rows.append(row)
                if row:
                    last_row = row
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table: {error}") from None
    if len(rows) < 3 or len(rows[0]) < 2:
        raise InputError(
            f"{path}: expected a header and at least two rows of two or more columns, comma-separated"
        )
    names = [c.strip() for c in rows[0]]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise InputError(f"{path}: columns {sorted(twice)} stand in the header more than once")
    body = [r for r in rows[1:] if len(r) == len(names)]
    if len(body) < len(rows) - 1:
        bad = next(i for i, r in enumerate(rows[1:], 2) if len(r) != len(names))
        raise InputError(f"{path}, line {bad}: {len(rows[bad - 1])} fields, the header has {len(names)}")
    time_column, form = _time_column(path, names, body)
    at = names.index(time_column)
    stamps = [datetime.strptime(r[at].strip(), form) for r in body]
    steps = [(b - a).total_seconds() / 60 for a, b in pairwise(stamps)]
    lowered = time_column.lower()
    label = (
        "start"
        if "start" in lowered
        else "end"
        if lowered.endswith("end")
        else "middle"
        if "mid" in lowered
        else None
    )
    try:
        last = datetime.strptime(last_row[at].strip(), form)
    except (ValueError, IndexError):
        raise InputError(f"{path}: the last row has no time stamp like the first ones ({form})") from None
    proposals = _proposals(names, body)
    return Table(
        tuple(names),
        delimiter,
        time_column,
        form,
        stamps[0],
        last,
        median(steps),
        label,
        proposals,
        _left_out(names, body, proposals, time_column),
    )


def _time_column(path: Path, names: Sequence[str], body: Sequence[Sequence[str]]) -> tuple[str, str]:
    likely = sorted((n for n in names if _TIME.fullmatch(n)), key=lambda n: "start" in n.lower())
    for name in likely or names[:1]:
        at = names.index(name)
        for form in _FORMATS:
            try:
                for row in body:
                    datetime.strptime(row[at].strip(), form)
            except ValueError:
                continue
            return name, form
    raise InputError(
        f"{path}: no column of time stamps. Looked at {likely or list(names[:1])} for forms like "
        "2013-01-01 00:30; name the column TIMESTAMP and use ISO 8601."
    )


def _proposals(names: Sequence[str], body: Sequence[Sequence[str]]) -> tuple[Proposal, ...]:
    found = []
    taken: set[str] = set()
    for variable, known in _KNOWN.items():
        fits = [n for n in names if re.fullmatch(f"(?:{known.pattern}){_SUFFIX}", n, re.I) and n not in taken]
        exact = [n for n in fits if n.lower() == variable.lower()]
        fits = exact or sorted(fits, key=len)
        for name in fits:
            numbers = _numbers(body, names.index(name))
            if not numbers:
                continue
            middle = median(abs(x) for x in numbers)
            top = max(abs(x) for x in numbers)
            units = [
                u for u, low, high in known.units if low <= middle <= high and (low > 0 or top <= 3 * high)
            ]
            quality = next(
                (q for q in names if q.lower() in {f"{name}_qc".lower(), f"qc_{name}".lower()}), None
            )
            found.append(Proposal(variable, name, units[0] if len(units) == 1 else "", middle, quality))
            taken.add(name)
            break
    return tuple(found)


#: words at the end of a column's name that say its units
_UNIT_WORDS = {
    "c": "degC", "degc": "degC", "celsius": "degC", "k": "K", "kelvin": "K",
    "pa": "Pa", "hpa": "hPa", "mbar": "hPa", "kpa": "kPa",
    "wm2": "W m-2", "w": "W m-2", "umol": "umol m-2 s-1", "mm": "mm", "ppm": "umol mol-1", "ms": "m s-1",
    "pct": "%", "percent": "%", "perc": "%", "m3m3": "m3 m-3", "vwc": "m3 m-3",
}  # fmt: skip
#: words that make a column another thing than the variable before it
_OTHER_THINGS = {
    "sd",
    "std",
    "se",
    "unc",
    "randunc",
    "jointunc",
    "err",
    "error",
    "qc",
    "flag",
    "n",
    "min",
    "max",
    "out",
}


def _left_out(
    names: Sequence[str], body: Sequence[Sequence[str]], proposals: Sequence[Proposal], time_column: str
) -> tuple[Left, ...]:
    used = {p.column for p in proposals} | {p.quality for p in proposals} | {time_column}
    taken = {p.variable: p.column for p in proposals}
    found = []
    for name in names:
        if name in used:
            continue
        if _TIME.fullmatch(name):
            found.append(Left(name, f"time stamps are taken from {time_column}"))
            continue
        variable, units = _near(name)
        if not _numbers(body, names.index(name)):
            found.append(Left(name, "holds text or nothing in the first rows"))
        elif not variable:
            found.append(Left(name, "its name is not known"))
        elif variable in taken:
            found.append(Left(name, f"{variable} is taken from {taken[variable]}", variable))
        else:
            found.append(
                Left(name, f"is probably {variable}{f' in {units}' if units else ''}", variable, units)
            )
    return tuple(found)


def _near(name: str) -> tuple[str, str]:
    """Variable that the first words of a column's name mean, and the units that the words behind it say ("" if none)."""
    words = re.split(r"[_\s.\-()\[\]/]+", name.strip("_ "))
    for count in range(len(words), 0, -1):
        head, rest = "_".join(words[:count]), [w.lower() for w in words[count:] if w]
        if _OTHER_THINGS & set(rest):
            return "", ""
        for variable, known in _KNOWN.items():
            if re.fullmatch(f"(?:{known.pattern}){_SUFFIX}", head, re.I):
                said = next((_UNIT_WORDS[w] for w in rest if w in _UNIT_WORDS), "")
                usual = [u for u, _, _ in known.units]
                if said and usual and said not in usual:  # umol of a concentration is no flux
                    said = usual[0] if len(usual) == 1 else ""
                return variable, said
    return "", ""


def _numbers(body: Sequence[Sequence[str]], at: int) -> list[float]:
    numbers = []
    for row in body:
        text = row[at].strip()
        if text.lower() in _MISSING_WORDS:
            continue
        try:
            number = float(text)
        except ValueError:
            return []
        if number not in _MISSING_NUMBERS:
            numbers.append(number)
    return numbers


#: names under which a column may be given
VARIABLES = (*_KNOWN, "GPP_NT", "GPP_DT", "RECO_NT", "RECO_DT")


def is_variable(name: str) -> bool:
    """Whether the reader knows a variable of this name; a number behind it tells several sensors apart (SWC_2)."""
    return re.sub(r"_\d+$", "", name) in VARIABLES
