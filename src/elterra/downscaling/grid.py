"""A rectangular fine grid with its reference system told, and named fields on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elterra.errors import InputError

Array = NDArray[np.float64]

#: mean radius of the Earth, m (IUGG)
EARTH_RADIUS = 6_371_008.8


@dataclass(frozen=True)
class Grid:
    """Pixel centres `y`, `x` (regular; either may decrease) in the reference system `crs`.

    `crs`: "EPSG:3035", a WKT, or words; it is carried, compared and written, never guessed. `geographic`: y and x are
    latitude and longitude in degrees; else metres.
    """

    y: Array
    x: Array
    crs: str
    geographic: bool

    def __post_init__(self) -> None:
        if not self.crs.strip():
            raise InputError("grid: no reference system; give crs, for example EPSG:3035")
        for name, axis in (("y", self.y), ("x", self.x)):
            steps = np.diff(axis)
            if len(axis) < 2 or not np.isfinite(axis).all():
                raise InputError(f"grid: axis {name} has {len(axis)} finite values; expected at least two")
            if np.ptp(steps) > 1e-3 * np.abs(steps).mean() or steps[0] == 0:
                raise InputError(
                    f"grid: axis {name} is not regular (steps {steps.min():g} to {steps.max():g}); regrid the field first"
                )

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.y), len(self.x)

    @property
    def step(self) -> tuple[float, float]:
        """Signed step of y and x in their own unit."""
        return float(np.diff(self.y).mean()), float(np.diff(self.x).mean())

    @cached_property
    def edges(self) -> tuple[Array, Array]:
        """Edges of the pixels, ``[len + 1]`` each."""
        return tuple(
            np.append(a - s / 2, a[-1] + s / 2) for a, s in zip((self.y, self.x), self.step, strict=True)
        )  # type: ignore[return-value]

    @cached_property
    def spacing(self) -> tuple[Array, Array]:
        """Metres between rows and between columns, ``[y, 1]`` each."""
        dy, dx = (abs(s) for s in self.step)
        if not self.geographic:
            return np.full((len(self.y), 1), dy), np.full((len(self.y), 1), dx)
        degree = np.deg2rad(1.0) * EARTH_RADIUS
        cosine = np.maximum(np.cos(np.deg2rad(self.y)), 1e-6)
        return np.full((len(self.y), 1), dy * degree), dx * degree * cosine[:, None]

    @cached_property
    def area(self) -> Array:
        """Area of each pixel, m2, ``[y, 1]``: exact on the sphere where geographic (projected: step x step)."""
        if not self.geographic:
            return self.spacing[0] * self.spacing[1]
        sine = np.sin(np.deg2rad(np.clip(self.edges[0], -90.0, 90.0)))
        return (np.abs(np.diff(sine)) * np.deg2rad(abs(self.step[1])) * EARTH_RADIUS**2)[:, None]

    def window(self, rows: slice, columns: slice) -> Grid:
        return Grid(self.y[rows], self.x[columns], self.crs, self.geographic)

    def same_as(self, other: Grid) -> bool:
        """The same pixels in the same reference system (positions to a thousandth of a step)."""
        return (
            self.crs == other.crs
            and self.shape == other.shape
            and all(
                bool(np.abs(a - b).max() < 1e-3 * abs(s))
                for a, b, s in ((self.y, other.y, self.step[0]), (self.x, other.x, self.step[1]))
            )
        )


@dataclass(frozen=True)
class Fields:
    """Named fields ``[y, x]`` on one grid; NaN where unknown. `classes` names those that are codes, not quantities."""

    grid: Grid
    values: dict[str, Array]
    classes: frozenset[str] = field(default_factory=frozenset)
    units: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.values.items():
            if value.shape != self.grid.shape:
                raise InputError(
                    f"field {name}: shape {value.shape}; expected {self.grid.shape}, that of the grid"
                )

    def joined(self, other: Fields) -> Fields:
        """The fields of both; a name that both have is refused."""
        if not self.grid.same_as(other.grid):
            raise InputError(
                f"fields on different grids ({self.grid.crs}, {self.grid.shape} and {other.grid.crs}, {other.grid.shape}); "
                "sample one of them onto the other"
            )
        twice = self.values.keys() & other.values.keys()
        if twice:
            raise InputError(f"field {', '.join(sorted(twice))} is there twice; rename one")
        return Fields(
            self.grid,
            {**self.values, **other.values},
            self.classes | other.classes,
            {**self.units, **other.units},
        )


def sample(source: Fields, onto: Grid) -> Fields:
    """Fields of another grid *in the same reference system* at the pixels of `onto`: linear between centres, the nearest
    value for classes and beside NaN; NaN outside of the source."""
    from scipy.ndimage import map_coordinates

    if source.grid.crs != onto.crs:
        raise InputError(
            f"fields in {source.grid.crs}, grid in {onto.crs}: project the fields first, elterra does not"
        )
    (sy, sx), grid = source.grid.step, source.grid
    row, column = (onto.y - grid.y[0]) / sy, (onto.x - grid.x[0]) / sx
    at = np.array(np.meshgrid(row, column, indexing="ij"))
    outside = (at[0] < -0.5) | (at[0] > grid.shape[0] - 0.5) | (at[1] < -0.5) | (at[1] > grid.shape[1] - 0.5)
    nearest = tuple(np.clip(np.round(a), 0, n - 1).astype(int) for a, n in zip(at, grid.shape, strict=True))
    out = {}
    for name, value in source.values.items():
        found = value[nearest]
        if name not in source.classes:
            smooth = map_coordinates(value, at, order=1, mode="nearest")
            found = np.where(np.isfinite(smooth), smooth, found)
        out[name] = np.where(outside, np.nan, found)
    return Fields(onto, out, source.classes, source.units)


def as_array(value: ArrayLike) -> Array:
    return np.asarray(value, dtype=np.float64)


def describe(grid: Grid) -> dict[str, Any]:
    """The grid in words, for reports."""
    return {"crs": grid.crs, "shape": list(grid.shape), "step": list(grid.step)}
