"""The climate that the weather is made for: monthly means, given or estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.errors import Faults, InputError
from elterra.forcing import solar

Array = NDArray[np.float64]
#: nitrogen deposition where none is given, gN m-2 yr-1: about the mean of EMEP over land of Europe in the 2010s
NITROGEN_DEPOSITION = 0.8
#: largest distance of a place from Greenwich (degrees): the day of the generator is the UTC day
FARTHEST = 75.0
#: limits of what may be given: (low, high, unit)
_LIMITS = {
    "temperature": (200.0, 325.0, "K"),
    "precipitation": (0.0, 100.0, "kg m-2 d-1 (mm a day)"),
    "radiation": (0.0, 450.0, "W m-2"),
    "vapour_pressure": (1.0, 5000.0, "Pa"),
    "wind": (0.1, 30.0, "m s-1"),
    "longwave": (50.0, 500.0, "W m-2"),
    "wet_fraction": (0.0, 1.0, "share of days"),
    "diurnal_range": (0.0, 40.0, "K"),
}
OPTIONAL = ("radiation", "vapour_pressure", "wind", "longwave", "wet_fraction", "diurnal_range")


@dataclass(frozen=True)
class MonthlyClimate:
    """Means of the twelve months over the normal period. Arrays ``[12, cell]``, places ``[cell]``.

    latitude, longitude : degrees north and east (-180..180)
    elevation : m
    temperature : K
    precipitation : kg m-2 d-1
    radiation (incoming short-wave, W m-2), vapour_pressure (Pa), wind (m s-1), longwave (W m-2): None where not known, all
        twelve months NaN where not known in a cell; the generator then takes the estimate of its coefficients, and says so
    wet_fraction : share of days with at least `Coefficients.wet_limit` mm; diurnal_range : mean of daily maximum minus
        minimum, K; None where not known
    ndep : nitrogen deposition, gN m-2 yr-1
    """

    latitude: Array
    longitude: Array
    elevation: Array
    temperature: Array
    precipitation: Array
    radiation: Array | None = None
    vapour_pressure: Array | None = None
    wind: Array | None = None
    longwave: Array | None = None
    wet_fraction: Array | None = None
    diurnal_range: Array | None = None
    ndep: Array | float = NITROGEN_DEPOSITION
    name: str = "climate"
    attrs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = Faults()
        lat = np.atleast_1d(np.asarray(self.latitude, float))
        cells = lat.size
        for key in ("latitude", "longitude", "elevation", "ndep"):
            value = np.asarray(getattr(self, key), float)
            if value.ndim > 1 or value.size not in (1, cells) or not np.isfinite(value).all():
                faults.add(
                    InputError(
                        f"{self.name}: {key}: {value.size} values ({int((~np.isfinite(value)).sum())} not finite) for "
                        f"{cells} cells. Give one finite number a cell."
                    )
                )
            else:
                object.__setattr__(self, key, np.array(np.broadcast_to(value, (cells,))))
        for key, (low, high, unit) in _LIMITS.items():
            value = getattr(self, key)
            if value is None:
                continue
            value = np.asarray(value, float)
            if value.ndim == 1:
                value = value[:, None]
            if value.shape != (12, cells):
                faults.add(InputError(f"{self.name}: {key}: shape {value.shape}, expected (12, {cells})"))
                continue
            bad = ~((value >= low) & (value <= high))
            if key in OPTIONAL:
                # a cell without any value is a cell where it is not known
                bad &= ~np.isnan(value).all(axis=0)
            if bad.any():
                m, c = np.argwhere(bad)[0]
                faults.add(
                    InputError(
                        f"{self.name}: {key}: {int(bad.sum())} values outside of {low:g}..{high:g} {unit}, the first in "
                        f"month {m + 1} of cell {c}: {value[m, c]:g}. Check the unit, or leave such cells out."
                    )
                )
            object.__setattr__(self, key, value)
        faults.raise_any()
        if (np.abs(self.latitude) > 90.0).any() or (np.abs(self.longitude) > FARTHEST).any():
            raise InputError(
                f"{self.name}: latitude {self.latitude.min():g}..{self.latitude.max():g}, longitude "
                f"{self.longitude.min():g}..{self.longitude.max():g}: expected degrees north and east, at most {FARTHEST:g} "
                "from Greenwich (the day of the generator is the UTC day)"
            )

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(np.size(self.latitude))

    def at(self, cells: NDArray[np.intp] | slice) -> MonthlyClimate:
        """The climate of some cells, in the order asked for."""
        chosen: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            chosen[f.name] = value[..., cells] if isinstance(value, np.ndarray) else value
        return MonthlyClimate(**chosen)

    def known(self) -> tuple[str, ...]:
        """Optional variables that are given, in some cells at least."""
        return tuple(
            n for n in OPTIONAL if getattr(self, n) is not None and np.isfinite(getattr(self, n)).any()
        )


def monthly_sun(latitude: Array) -> tuple[Array, Array]:
    """Irradiance at the top of the atmosphere (W m-2) and sine of the noon elevation, both ``[12, cell]``, at mid-month."""
    middle = np.array([f"2001-{m + 1:02d}-15T12" for m in range(12)], "datetime64[ns]")
    return daily_sun(middle, latitude)


def daily_sun(noon: np.ndarray, latitude: Array) -> tuple[Array, Array]:
    """Mean irradiance of days at the top of the atmosphere (W m-2) and sine of the noon elevation, ``[day, cell]``."""
    decl = solar.declination(noon)[:, None]
    lat = np.deg2rad(np.asarray(latitude, float))[None, :]
    a, b = np.sin(lat) * np.sin(decl), np.cos(lat) * np.cos(decl)
    half = half_day(a, b)
    mean = (a * half + b * np.sin(half)) / np.pi
    distance = solar.inverse_distance_squared(noon)[:, None]
    return solar.SOLAR_CONSTANT * distance * np.maximum(mean, 0.0), np.maximum(a + b, 0.0)


def half_day(a: Array, b: Array) -> Array:
    """Hour angle of sunset (rad), 0 in the polar night, pi where the sun stays up; cos zenith = a + b cos(hour angle)."""
    return np.arccos(np.clip(-a / np.maximum(b, 1e-12), -1.0, 1.0))
