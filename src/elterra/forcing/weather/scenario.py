"""Climates that change: deltas on the normal climate, CO2 and nitrogen deposition by year.

The numbers are those of the shared socio-economic pathways in a few digits, for designs and sensitivity runs; they are no
substitute for the output of a climate model, which goes in as `MonthlySeries`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from elterra.errors import InputError

Array = NDArray[np.float64]
#: global mean warming (K) over 1850-1900 by year: best estimates of IPCC AR6 WG1, SPM table 1, at the middles of its periods
#: (2021-40, 2041-60, 2081-2100); 2020 and before from its SPM A.1 (0.99 in 2001-20, 1.09 in 2011-20)
_WARMING: Mapping[str, tuple[tuple[float, float], ...]] = {
    "ssp126": ((2030.5, 1.5), (2050.5, 1.7), (2090.5, 1.8)),
    "ssp245": ((2030.5, 1.5), (2050.5, 2.0), (2090.5, 2.7)),
    "ssp370": ((2030.5, 1.5), (2050.5, 2.1), (2090.5, 3.6)),
    "ssp585": ((2030.5, 1.6), (2050.5, 2.4), (2090.5, 4.4)),
}
_PAST_WARMING = ((1850.0, 0.0), (1900.0, 0.0), (1950.0, 0.25), (1980.0, 0.4), (2005.0, 0.9), (2015.5, 1.09))
#: CO2 (umol mol-1) after Meinshausen et al. 2020 (doi:10.5194/gmd-13-3571-2020), global annual means: 2100 as published, the
#: years before to about 10
_CO2: Mapping[str, tuple[tuple[float, float], ...]] = {
    "ssp126": ((2030.5, 435.0), (2050.5, 469.0), (2070.5, 468.0), (2100.5, 446.0)),
    "ssp245": ((2030.5, 438.0), (2050.5, 507.0), (2070.5, 562.0), (2100.5, 603.0)),
    "ssp370": ((2030.5, 444.0), (2050.5, 541.0), (2070.5, 653.0), (2100.5, 867.0)),
    "ssp585": ((2030.5, 448.0), (2050.5, 563.0), (2070.5, 759.0), (2100.5, 1135.0)),
}
_PAST_CO2 = ((1850.5, 284.3), (1900.5, 295.7), (1950.5, 312.8), (1979.5, 336.8))
#: nitrogen deposition over that of 2015: pre-industrial a seventh, the largest around 1985 (Lamarque et al. 2013,
#: doi:10.5194/acp-13-7997-2013; trends of EMEP); futures: an assumption that follows the emissions of the pathways
_PAST_NDEP = ((1850.5, 0.15), (1900.5, 0.3), (1950.5, 0.6), (1985.5, 1.35), (2000.5, 1.15), (2015.5, 1.0))
_NDEP = {
    "ssp126": ((2050.5, 0.7), (2100.5, 0.55)),
    "ssp245": ((2050.5, 0.85), (2100.5, 0.75)),
    "ssp370": ((2050.5, 1.0), (2100.5, 1.05)),
    "ssp585": ((2050.5, 0.9), (2100.5, 0.8)),
}
#: local warming over global, by latitude (degrees) for winter and summer: the pattern of European land in AR6 (chapter
#: Atlas, section 8: faster than the globe everywhere, the north in winter and the south in summer the most), by eye
_PATTERN_LATITUDE = (35.0, 45.0, 55.0, 65.0, 75.0)
_WINTER = (1.1, 1.2, 1.4, 1.8, 2.3)
_SUMMER = (1.5, 1.5, 1.3, 1.2, 1.2)
#: change of precipitation, share per K of global warming (same source: drier south in summer, wetter north in winter)
_WINTER_RAIN = (-0.04, 0.0, 0.03, 0.05, 0.06)
_SUMMER_RAIN = (-0.08, -0.06, -0.02, 0.02, 0.04)
PATHWAYS = tuple(_WARMING)
NAMES = ("constant", "preindustrial", *PATHWAYS)


@dataclass(frozen=True)
class Change:
    """What differs from the normal climate in a month: warming (K) and factor of precipitation ``[cell]``, CO2 (umol mol-1),
    factor of nitrogen deposition, factor of short-wave."""

    warming: Array
    rain: Array
    co2: float
    ndep: float
    shortwave: float = 1.0


@dataclass(frozen=True)
class Scenario:
    """Deltas by year on a normal climate whose middle year is ``normal_year``.

    name : one of `NAMES`, or a pathway. ``constant`` keeps the climate, with CO2 and deposition of ``normal_year``;
        ``preindustrial`` that of 1850 throughout.
    warming, rain : further constant change, K and factor, for designs
    co2, ndep : constant CO2 (umol mol-1) and factor of deposition instead of the paths
    """

    name: str = "constant"
    normal_year: float = 2010.0
    warming: float = 0.0
    rain: float = 1.0
    co2: float | None = None
    ndep: float | None = None
    attrs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise InputError(f"scenario {self.name!r}: there are {', '.join(NAMES)}")
        if not -20.0 <= self.warming <= 20.0 or not 0.0 <= self.rain <= 5.0:
            raise InputError(
                f"scenario: warming {self.warming:g} K (-20..20) or factor of precipitation {self.rain:g} (0..5) is out"
            )

    def at(self, year: int, month: int, latitude: Array) -> Change:
        """The change of a month (1..12) at latitudes (degrees)."""
        when = {"constant": self.normal_year, "preindustrial": 1850.0}.get(
            self.name, year + (month - 0.5) / 12.0
        )
        path = self.name if self.name in PATHWAYS else "ssp245"
        global_change = _interpolate(path, _PAST_WARMING, _WARMING, when) - _interpolate(
            path, _PAST_WARMING, _WARMING, self.normal_year
        )
        # share of summer in the year's cycle, one in July
        summer = 0.5 * (1.0 - np.cos(2.0 * np.pi * (month - 1.0) / 12.0))

        def pattern(winter: tuple[float, ...], warm: tuple[float, ...]) -> Array:
            at = np.abs(latitude)
            low = np.interp(at, _PATTERN_LATITUDE, winter)
            return low + summer * (np.interp(at, _PATTERN_LATITUDE, warm) - low)

        return Change(
            warming=self.warming + global_change * pattern(_WINTER, _SUMMER),
            rain=self.rain * np.maximum(1.0 + global_change * pattern(_WINTER_RAIN, _SUMMER_RAIN), 0.1),
            co2=co2_at(path, when) if self.co2 is None else self.co2,
            ndep=_interpolate(path, _PAST_NDEP, _NDEP, when) if self.ndep is None else self.ndep,
        )


@dataclass(frozen=True)
class MonthlySeries:
    """Months one after the other that the weather keeps exactly: ``temperature`` (K) and ``precipitation`` (kg m-2 d-1)
    ``[month, cell]`` from January of ``first_year``, as of a climate model or an analysis."""

    first_year: int
    temperature: Array
    precipitation: Array

    def __post_init__(self) -> None:
        t, p = np.asarray(self.temperature, float), np.asarray(self.precipitation, float)
        if t.ndim != 2 or t.shape != p.shape or len(t) % 12 or not len(t):
            raise InputError(
                f"monthly series: shapes {t.shape} and {p.shape}; expected [month, cell], whole years, both alike"
            )
        if not (np.isfinite(t).all() and np.isfinite(p).all() and (p >= 0.0).all()):
            raise InputError("monthly series: values missing, or negative precipitation")
        object.__setattr__(self, "temperature", t)
        object.__setattr__(self, "precipitation", p)

    @property
    def years(self) -> int:
        """Number of years."""
        return len(self.temperature) // 12

    def at(self, cells: NDArray[np.intp] | slice) -> MonthlySeries:
        """The series of some cells."""
        return MonthlySeries(self.first_year, self.temperature[:, cells], self.precipitation[:, cells])


def co2_at(path: str, when: float) -> float:
    """CO2 (umol mol-1) of a pathway at a time in years: observed where the package's table reaches, else Meinshausen."""
    years, values = _observed_co2()
    if years[0] <= when <= years[-1]:
        return float(np.interp(when, years, values))
    if when < years[0]:
        known = (*_PAST_CO2, (years[0], values[0]))
    else:
        known = ((years[-1], values[-1]), *_CO2[path])
    x, y = zip(*known, strict=True)
    return float(np.interp(when, x, y))


@cache
def _observed_co2() -> tuple[tuple[float, ...], tuple[float, ...]]:
    text = files("elterra.data").joinpath("co2_annual.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))[1:]
    return tuple(float(r[0]) + 0.5 for r in rows), tuple(float(r[1]) for r in rows)


def _interpolate(
    path: str,
    past: tuple[tuple[float, float], ...],
    future: Mapping[str, tuple[tuple[float, float], ...]],
    when: float,
) -> float:
    x, y = zip(*(*past, *future[path]), strict=True)
    return float(np.interp(when, x, y))
