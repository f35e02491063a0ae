"""The one place where units change: SI inside, what ecologists read at the edge.

Carbon and nitrogen fluxes are stored as CLM has them (gC m-2 s-1, gN m-2 s-1), water in kg m-2 s-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

#: g C per mol; the value CLM uses
CARBON_MOLAR_MASS = 12.011
SECONDS_PER_DAY = 86_400.0
ZERO_CELSIUS = 273.15

T = TypeVar("T")


class UnitError(ValueError):
    """No conversion between two units is known."""


@dataclass(frozen=True, slots=True)
class Linear:
    """``target = factor * source + offset``; differences (spreads) take the factor alone."""

    factor: float
    offset: float = 0.0


_UMOL = 1e6 / CARBON_MOLAR_MASS

_TABLE: dict[tuple[str, str], Linear] = {
    ("gC m-2 s-1", "umolCO2 m-2 s-1"): Linear(_UMOL),
    ("gC m-2 s-1", "gC m-2 d-1"): Linear(SECONDS_PER_DAY),
    ("gN m-2 s-1", "gN m-2 d-1"): Linear(SECONDS_PER_DAY),
    ("gC m-2 s-1", "kg m-2 s-1"): Linear(1e-3),
    ("gN m-2 s-1", "kg m-2 s-1"): Linear(1e-3),
    ("gC m-2", "kg m-2"): Linear(1e-3),
    ("gN m-2", "kg m-2"): Linear(1e-3),
    ("gC m-2", "kgC m-2"): Linear(1e-3),
    ("kg m-2 s-1", "mm d-1"): Linear(SECONDS_PER_DAY),
    ("kg m-2 s-1", "mm s-1"): Linear(1.0),
    ("kg m-2", "mm"): Linear(1.0),
    ("m3 m-3", "%"): Linear(100.0),
    ("K", "degC"): Linear(1.0, -ZERO_CELSIUS),
    ("Pa", "hPa"): Linear(1e-2),
    ("Pa", "kPa"): Linear(1e-3),
    ("hPa", "kPa"): Linear(0.1),
    ("umolCO2 m-2 s-1", "gC m-2 d-1"): Linear(SECONDS_PER_DAY / _UMOL),
}

#: other spellings of the same unit
_SPELLING = {
    "umol m-2 s-1": "umolCO2 m-2 s-1",
    "umol CO2 m-2 s-1": "umolCO2 m-2 s-1",
    "°C": "degC",
    "celsius": "degC",
    "m3/m3": "m3 m-3",
    "mm": "mm",
}

#: units of the FLUXNET-style export and of the page, by stored unit
FLUXNET_UNITS = {
    "gC m-2 s-1": {"halfhourly": "umolCO2 m-2 s-1", "daily": "gC m-2 d-1"},
    "gN m-2 s-1": {"halfhourly": "gN m-2 d-1", "daily": "gN m-2 d-1"},
    "kg m-2 s-1": {"halfhourly": "mm d-1", "daily": "mm d-1"},
    "m3 m-3": {"halfhourly": "%", "daily": "%"},
    "K": {"halfhourly": "degC", "daily": "degC"},
}

#: registry units that UDUNITS (and so CF) cannot read, with what it can
_CF = {
    "gC m-2 s-1": "g m-2 s-1",
    "gN m-2 s-1": "g m-2 s-1",
    "gC m-2": "g m-2",
    "gN m-2": "g m-2",
    "gC m-3": "g m-3",
    "gN m-3": "g m-3",
    "umolCO2 m-2 s-1": "umol m-2 s-1",
    "gC m-2 d-1": "g m-2 d-1",
    "gN m-2 d-1": "g m-2 d-1",
    "mm d-1": "mm d-1",
}


def conversion(source: str, target: str) -> Linear:
    """How to get from one unit to another. Raises `UnitError` for an unknown pair."""
    a, b = _SPELLING.get(source, source), _SPELLING.get(target, target)
    if a == b:
        return Linear(1.0)
    if (a, b) in _TABLE:
        return _TABLE[a, b]
    if (b, a) in _TABLE:
        back = _TABLE[b, a]
        return Linear(1.0 / back.factor, -back.offset / back.factor)
    raise UnitError(f"no conversion from {source!r} to {target!r} (known units: product/units.py)")


def convert(value: T, source: str, target: str) -> T:
    """A value (number, NumPy or xarray array) in another unit."""
    how = conversion(source, target)
    return value * how.factor + how.offset  # type: ignore[operator,return-value]


def convert_spread(value: T, source: str, target: str) -> T:
    """A difference, standard deviation or increment in another unit."""
    return value * abs(conversion(source, target).factor)  # type: ignore[operator,return-value]


def cf_units(units: str) -> str:
    """The unit string for a CF file: the species goes into the name of the quantity, not into its unit."""
    return _CF.get(units, units)


def display_units(units: str, scale: str) -> str:
    """The unit a person expects for a stored unit at "halfhourly" or "daily" scale."""
    return FLUXNET_UNITS.get(units, {}).get(scale, units)
