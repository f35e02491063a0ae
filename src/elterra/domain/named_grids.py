"""Grids with a name: the European CORDEX domains, EPSG:3035, regular grids over a box.

Corners and numbers of cells of the CORDEX domains: WCRP-CORDEX domain tables (rotated grids); of EUR-0275 (3
km): the land grid of the TSMP pan-European set-up (1592 x 1544 cells, four lines inside the atmosphere's 1600
x 1552).
"""

from __future__ import annotations

import math

import numpy as np

from elterra.domain.grid import Grid
from elterra.domain.mappings import CORDEX_POLE, LambertAzimuthal, LatLon
from elterra.domain.site import EUROPE
from elterra.errors import InputError

#: name -> (rotated longitude and latitude of the first centre, step (degrees), nx, ny)
_CORDEX = {
    "EUR-44": (-28.21, -23.21, 0.44, 106, 103),
    "EUR-22": (-28.32, -23.32, 0.22, 212, 206),
    "EUR-11": (-28.375, -23.375, 0.11, 424, 412),
    "EUR-0275": (-26.87625, -21.87625, 0.0275, 1592, 1544),
}
NAMES = tuple(_CORDEX)


def cordex(name: str) -> Grid:
    """A European CORDEX grid with rotated pole: ``EUR-44``, ``EUR-22``, ``EUR-11`` or ``EUR-0275`` (3 km)."""
    if name not in _CORDEX:
        raise InputError(f"grid {name!r} is not known; expected one of {', '.join(_CORDEX)}")
    first_x, first_y, step, nx, ny = _CORDEX[name]
    return Grid.uniform(CORDEX_POLE, first_x, first_y, step, nx, ny, name)


def regular(step: float, box: tuple[float, float, float, float] = EUROPE, name: str = "") -> Grid:
    """A latitude-longitude grid whose cells fill the box (south, north, west, east; degrees).

    Raises InputError where the box is no whole number of steps wide or high.
    """
    south, north, west, east = box
    counts = []
    for low, high, what in ((south, north, "latitude"), (west, east, "longitude")):
        count = (high - low) / step
        if not (step > 0.0 and count >= 0.5 and abs(count - round(count)) < 1e-6):
            raise InputError(
                f"regular grid of {step:g} degrees: {what} {low:g}..{high:g} is {count:.6g} cells; expected a whole number. "
                "Move the box or change the step."
            )
        counts.append(round(count))
    ny, nx = counts
    edges_y, edges_x = (
        south + (north - south) * np.arange(ny + 1) / ny,
        west + (east - west) * np.arange(nx + 1) / nx,
    )
    return Grid(LatLon(), edges_x, edges_y, name or f"regular {step:g}")


def laea(step_m: float, box: tuple[float, float, float, float] = EUROPE, name: str = "") -> Grid:
    """A grid of EPSG:3035 with cells of `step_m`, edges at multiples of the step, that covers the box
    (degrees)."""
    if not step_m > 0.0:
        raise InputError(f"LAEA grid: step {step_m} m; expected a positive number")
    mapping = LambertAzimuthal()
    south, north, west, east = box
    along = np.linspace(0.0, 1.0, 201)
    lat = np.concatenate(
        [
            np.full(201, south),
            np.full(201, north),
            south + (north - south) * along,
            south + (north - south) * along,
        ]
    )
    lon = np.concatenate(
        [west + (east - west) * along, west + (east - west) * along, np.full(201, west), np.full(201, east)]
    )
    x, y = mapping.forward(lat, lon)
    low = [math.floor(float(a.min()) / step_m) for a in (x, y)]
    high = [math.ceil(float(a.max()) / step_m) for a in (x, y)]
    edges = [step_m * np.arange(lo, hi + 1, dtype=float) for lo, hi in zip(low, high, strict=True)]
    return Grid(mapping, edges[0], edges[1], name or f"EPSG:3035 {step_m:g} m")
