"""Tiles of a grid with halos: work on a region piece by piece, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from elterra.domain.grid import Grid
from elterra.errors import InputError


@dataclass(frozen=True)
class Tile:
    """One tile: `rows` and `columns` are its own cells, `padding` what its halo lacks at the edges of the grid.

    Attributes
    ----------
    number : (row, column) of the tile
    rows, columns : own cells of the grid
    outer_rows, outer_columns : own cells and halo, cut at the edges of the grid
    padding : cells that the halo lacks: ((before, after) in y, (before, after) in x)
    """

    number: tuple[int, int]
    rows: slice
    columns: slice
    outer_rows: slice
    outer_columns: slice
    padding: tuple[tuple[int, int], tuple[int, int]]

    @property
    def inner(self) -> tuple[slice, slice]:
        """Own cells within a padded block, as `Tiling.read` gives it."""
        out = []
        for own, outer, pad in (
            (self.rows, self.outer_rows, self.padding[0]),
            (self.columns, self.outer_columns, self.padding[1]),
        ):
            start = own.start - outer.start + pad[0]
            out.append(slice(start, start + own.stop - own.start))
        return out[0], out[1]


@dataclass(frozen=True)
class Tiling:
    """Tiles of `size` (ny, nx) cells that cover `shape` without overlap, each with `halo` cells around it.

    The last tiles of a row or column are smaller where the shape is no multiple of the size; `read` pads all
    blocks to the same shape, so that one compiled program serves every tile.
    """

    shape: tuple[int, int]
    size: tuple[int, int]
    halo: int = 0

    def __post_init__(self) -> None:
        if min(self.size) < 1 or self.halo < 0 or min(self.shape) < 1:
            raise InputError(
                f"tiles of {self.size} with halo {self.halo} on {self.shape}: sizes >= 1, halo >= 0 expected"
            )

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of tiles (in y, in x)."""
        return -(-self.shape[0] // self.size[0]), -(-self.shape[1] // self.size[1])

    @property
    def block(self) -> tuple[int, int]:
        """Shape of a padded block: size plus halo on both sides."""
        return self.size[0] + 2 * self.halo, self.size[1] + 2 * self.halo

    def __len__(self) -> int:
        return self.counts[0] * self.counts[1]

    def __iter__(self) -> Iterator[Tile]:
        for i in range(self.counts[0]):
            for j in range(self.counts[1]):
                yield self.tile(i, j)

    def tile(self, i: int, j: int) -> Tile:
        """The tile in row `i`, column `j` of the tiling."""
        parts = [self._axis(k, n, s) for k, n, s in zip((i, j), self.shape, self.size, strict=True)]
        (rows, outer_rows, pad_y), (columns, outer_columns, pad_x) = parts
        return Tile((i, j), rows, columns, outer_rows, outer_columns, (pad_y, pad_x))

    def _axis(self, k: int, n: int, size: int) -> tuple[slice, slice, tuple[int, int]]:
        if not 0 <= k * size < n:
            raise InputError(f"tile {k} does not exist: {n} cells in tiles of {size}")
        start, stop = k * size, min((k + 1) * size, n)
        low, high = start - self.halo, start + size + self.halo  # of a full tile: all blocks have one shape
        outer = slice(max(low, 0), min(high, n))
        return slice(start, stop), outer, (outer.start - low, high - outer.stop)

    def neighbours(self, tile: Tile) -> dict[tuple[int, int], Tile]:
        """The up to eight tiles around `tile`, by their offset (-1..1, -1..1)."""
        out = {}
        for di in (-1, 0, 1):
            for dj in (-1, 0, 1):
                i, j = tile.number[0] + di, tile.number[1] + dj
                if (di or dj) and 0 <= i < self.counts[0] and 0 <= j < self.counts[1]:
                    out[di, dj] = self.tile(i, j)
        return out

    def read(self, field: np.ndarray, tile: Tile, fill: float = np.nan) -> np.ndarray:
        """The padded block ``[..., *block]`` of `field` ``[..., y, x]`` (an array or anything that slices like
        one, such as a variable of an open file): own cells, halo, and `fill` beyond the edges."""
        part = np.asarray(field[..., tile.outer_rows, tile.outer_columns])
        pad = [(0, 0)] * (part.ndim - 2) + list(tile.padding)
        return np.pad(part, pad, constant_values=fill)

    def write(self, out: np.ndarray, tile: Tile, block: np.ndarray) -> None:
        """Puts the own cells of a padded block into `out` ``[..., y, x]``; the halo is dropped."""
        inner_rows, inner_columns = tile.inner
        out[..., tile.rows, tile.columns] = block[..., inner_rows, inner_columns]

    def map(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        field: np.ndarray,
        out: np.ndarray,
        fill: float = np.nan,
    ) -> None:
        """`function` of every padded block of `field`, its own cells written to `out`."""
        for tile in self:
            self.write(out, tile, function(self.read(field, tile, fill)))


def tiling_for(grid: Grid, cells: int, halo: int = 0) -> Tiling:
    """Square tiles of about `cells` cells (halo not counted) for a grid."""
    side = max(1, round(np.sqrt(cells)))
    return Tiling(grid.shape, (min(side, grid.shape[0]), min(side, grid.shape[1])), halo)
