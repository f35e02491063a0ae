"""The one conservative operator from fine pixels to coarse cells: means with weights area x land fraction.

Inside a coarse cell the weights of its pixels sum to one, so that the mean of a field in units per area of land is exact:
stock of the cell = mean x land area of the cell = sum over its pixels of value x land area.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elterra.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Aggregation:
    """Sparse weights between pixels and cells, one entry a pair that overlaps on land.

    `cell`, `pixel` `[pair]`: flat indices; `land` `[pair]`: area of land they share, in one unit (m2, or shares of a
    pixel). Pairs without land are not kept: sea pixels may hold NaN.
    """

    cell: NDArray[np.int64]
    pixel: NDArray[np.int64]
    land: Array
    fine: tuple[int, ...]
    coarse: tuple[int, ...]

    @cached_property
    def cell_land(self) -> Array:
        """Area of land of each cell, ``[*coarse]``; 0 where it has none."""
        return _sums(self.cell, self.land, self.cells).reshape(self.coarse)

    @cached_property
    def pixel_land(self) -> Array:
        """Area of land of each pixel, ``[*fine]``."""
        return _sums(self.pixel, self.land, self.pixels).reshape(self.fine)

    @cached_property
    def weight(self) -> Array:
        """``[pair]``: share of the pixel in the land of its cell."""
        return self.land / self.cell_land.ravel()[self.cell]

    @property
    def cells(self) -> int:
        return int(np.prod(self.coarse))

    @property
    def pixels(self) -> int:
        return int(np.prod(self.fine))

    @cached_property
    def nested(self) -> bool:
        """True where no pixel belongs to two cells; what constraint layers with bounds need."""
        return len(np.unique(self.pixel)) == len(self.pixel)

    @cached_property
    def cell_of_pixel(self) -> NDArray[np.int64]:
        """Cell of each pixel, ``[*fine]``; -1 without land. Only where `nested`."""
        if not self.nested:
            raise InputError(
                "aggregation: a pixel overlaps several cells; make the fine grid nest in the coarse one "
                "(Aggregation.of_factor, or Aggregation.of_cells with the cell of each pixel's centre)"
            )
        found = np.full(self.pixels, -1, np.int64)
        found[self.pixel] = self.cell
        return found.reshape(self.fine)

    @cached_property
    def has_land(self) -> NDArray[np.bool_]:
        """``[*coarse]``."""
        return self.cell_land > 0

    def mean(self, field: ArrayLike) -> Array:
        """Mean over the land of each cell: ``[..., *fine]`` to ``[..., *coarse]``; NaN where a cell has no land.

        A NaN on land makes its cell NaN: fill it, or take it out of the land.
        """
        values = np.asarray(field, dtype=np.float64)
        lead = self._lead(values.shape, self.fine, "field")
        flat = values.reshape(-1, self.pixels)
        out = np.stack([_sums(self.cell, self.weight * row[self.pixel], self.cells) for row in flat])
        out[:, ~self.has_land.ravel()] = np.nan
        return out.reshape(*lead, *self.coarse)

    def total(self, field: ArrayLike) -> Array:
        """Mean times the land of the cell: what a stock per area holds; 0 where a cell has no land."""
        return np.where(self.has_land, self.mean(field), 0.0) * self.cell_land

    def spread(self, cells: ArrayLike) -> Array:
        """The value of its cell at each pixel, ``[..., *coarse]`` to ``[..., *fine]``; NaN without land.

        A pixel in several cells gets their mean, weighted by what it shares with them.
        """
        values = np.asarray(cells, dtype=np.float64)
        lead = self._lead(values.shape, self.coarse, "cells")
        flat = values.reshape(-1, self.cells)
        share = self.land / self.pixel_land.ravel()[self.pixel]
        out = np.stack([_sums(self.pixel, share * row[self.cell], self.pixels) for row in flat])
        out[:, self.pixel_land.ravel() == 0] = np.nan
        return out.reshape(*lead, *self.fine)

    def error(self, field: ArrayLike, coarse: ArrayLike) -> float:
        """Largest |mean - coarse| over the cells with land, relative to the largest |coarse|."""
        target = np.asarray(coarse, dtype=np.float64)
        gap = np.abs(self.mean(field) - target)[..., self.has_land]
        scale = np.abs(target[..., self.has_land]).max(initial=0.0)
        return float(gap.max(initial=0.0) / (scale or 1.0))

    def _lead(self, shape: tuple[int, ...], last: tuple[int, ...], what: str) -> tuple[int, ...]:
        cut = len(shape) - len(last)
        if cut < 0 or shape[cut:] != last:
            raise InputError(
                f"aggregation: {what} has shape {shape}; expected [..., {', '.join(map(str, last))}]"
            )
        return shape[:cut]

    # --- constructors ---------------------------------------------------------------------------------

    @classmethod
    def of_cells(
        cls, cell: ArrayLike, coarse: tuple[int, ...], area: ArrayLike, land_fraction: ArrayLike = 1.0
    ) -> Aggregation:
        """From the flat index of the cell of each pixel (`cell` ``[*fine]``, -1 outside of all), pixel areas and land
        fractions (0 to 1), both ``[*fine]`` or one number."""
        index = np.asarray(cell, dtype=np.int64)
        land = _land(area, land_fraction, index.shape)
        count = int(np.prod(coarse))
        if index.size and index.max() >= count:
            raise InputError(f"aggregation: cell {index.max()} of a pixel, but there are {count} cells")
        keep = np.flatnonzero((index.ravel() >= 0) & (land.ravel() > 0))
        return cls(index.ravel()[keep], keep, land.ravel()[keep], index.shape, tuple(coarse))

    @classmethod
    def of_factor(
        cls,
        fine: tuple[int, int],
        factor: int | tuple[int, int],
        area: ArrayLike = 1.0,
        land_fraction: ArrayLike = 1.0,
    ) -> Aggregation:
        """Blocks of `factor` pixels a side from the first row and column on; the last ones may be cut off."""
        fy, fx = (factor, factor) if isinstance(factor, int) else factor
        if fy < 1 or fx < 1:
            raise InputError(f"aggregation: factor {factor}; expected whole numbers from 1 on")
        rows, columns = -(-fine[0] // fy), -(-fine[1] // fx)
        index = (np.arange(fine[0]) // fy)[:, None] * columns + (np.arange(fine[1]) // fx)[None, :]
        return cls.of_cells(index, (rows, columns), area, land_fraction)

    @classmethod
    def of_edges(
        cls,
        fine_edges: tuple[ArrayLike, ArrayLike],
        coarse_edges: tuple[ArrayLike, ArrayLike],
        *,
        geographic: bool,
        land_fraction: ArrayLike = 1.0,
    ) -> Aggregation:
        """From edges `(y, x)` of two rectangular grids in one CRS that need not nest; increasing or decreasing.

        `geographic`: y is latitude and x longitude in degrees; areas are then those of the sphere, in sr.
        """
        fine, coarse = (tuple(np.asarray(e, dtype=np.float64) for e in g) for g in (fine_edges, coarse_edges))
        shape, cells = tuple(len(e) - 1 for e in fine), tuple(len(e) - 1 for e in coarse)
        if geographic:
            fine, coarse = ((np.sin(np.deg2rad(y)), np.deg2rad(x)) for y, x in (fine, coarse))
        (ry, py, ly), (rx, px, lx) = (_overlap(f, c) for f, c in zip(fine, coarse, strict=True))
        land = np.multiply.outer(ly, lx)
        land *= np.broadcast_to(np.asarray(land_fraction, dtype=np.float64), shape)[np.ix_(py, px)]
        cell = np.add.outer(ry * cells[1], rx)
        pixel = np.add.outer(py * shape[1], px)
        keep = land > 0
        return cls(cell[keep], pixel[keep], land[keep], shape, cells)


def _sums(index: NDArray[np.int64], values: Array, count: int) -> Array:
    return np.bincount(index, values, minlength=count).astype(np.float64, copy=False)


def _land(area: ArrayLike, fraction: ArrayLike, shape: tuple[int, ...]) -> Array:
    share = np.broadcast_to(np.asarray(fraction, dtype=np.float64), shape)
    bad = ~((share >= 0) & (share <= 1))
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"aggregation: land fraction {share[at]} of pixel {at}; expected 0 to 1 ({bad.sum()} such pixels)"
        )
    size = np.broadcast_to(np.asarray(area, dtype=np.float64), shape)
    if not (size >= 0).all():
        raise InputError(f"aggregation: pixel areas from {np.min(size)}; expected numbers from 0 on")
    return size * share


def _overlap(fine: Array, coarse: Array) -> tuple[Any, Any, Array]:
    """Pairs (cell, pixel) of intervals that overlap, and by how much."""
    lo = np.maximum.outer(_low(coarse), _low(fine))
    hi = np.minimum.outer(_high(coarse), _high(fine))
    # edges that should coincide may differ by round-off; such slivers are no overlap
    least = 1e-9 * np.abs(np.diff(fine)).min()
    cell, pixel = np.nonzero(hi - lo > least)
    return cell, pixel, (hi - lo)[cell, pixel]


def _low(edges: Array) -> Array:
    return np.minimum(edges[1:], edges[:-1])


def _high(edges: Array) -> Array:
    return np.maximum(edges[1:], edges[:-1])
