"""First-order conservative regridding: means over exact shared areas, with missing values, and shares of
classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from scipy import sparse

from elterra.domain.grid import Grid
from elterra.domain.overlap import overlap_areas
from elterra.errors import InputError


class Regridder:
    """Carries fields from one grid to another.

    The value of a target cell is the mean of the source over the part of the cell that valid source cells
    cover. So constants stay constant, and the sum of value times *valid* area over all target cells is that
    of the source to round-off, where the target covers the source.

    Attributes
    ----------
    weights : shared areas, m2, sparse ``[target.size, source.size]``
    """

    def __init__(self, source: Grid, target: Grid, pieces: int = 8) -> None:
        self.source, self.target = source, target
        self.weights: sparse.csr_matrix = overlap_areas(source, target, pieces)

    @cached_property
    def covered(self) -> np.ndarray:
        """Part of each target cell that the source grid covers, 0..1 ``[ty, tx]``."""
        total = np.asarray(self.weights.sum(axis=1)).ravel() / self.target.area.ravel()
        # edges drawn with chords miss a cell by some 1e-6; a cell within that is whole
        return np.where(np.abs(total - 1.0) < 1e-4, 1.0, np.minimum(total, 1.0)).reshape(self.target.shape)

    def mean(self, values: np.ndarray, min_fraction: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Means of `values` ``[..., sy, sx]`` (NaN where missing) and the valid part of each cell.

        Returns ``[..., ty, tx]`` twice: the means, NaN where the valid part is 0 or below `min_fraction`, and
        that part (0..1).
        """
        flat = self._flat(values)
        valid = np.isfinite(flat)
        if valid.all():
            area = np.asarray(self.weights.sum(axis=1)).ravel()[None, :]
            area = np.broadcast_to(area, (flat.shape[0], area.shape[1]))
        else:
            area = (self.weights @ valid.T.astype(float)).T
        total = (self.weights @ np.where(valid, flat, 0.0).T).T
        out = np.full(total.shape, np.nan)
        np.divide(total, area, out=out, where=area > 0.0)
        part = self._part(area)
        out[part < min_fraction] = np.nan
        lead = np.shape(values)[:-2]
        shape = (*lead, *self.target.shape)
        return out.reshape(shape), part.reshape(shape)

    def share(self, classes: np.ndarray, members: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Shares of classes in each target cell, and the part covered by any of `members`.

        `classes` ``[sy, sx]`` integers. Returns ``[len(members), ty, tx]`` shares of the part that holds any
        of the members (sum 1, NaN where there is none), and that part ``[ty, tx]``.
        """
        flat = np.asarray(classes).ravel()
        if flat.size != self.source.size:
            raise InputError(
                f"classes {np.shape(classes)} do not fit the source grid {self.source.shape}. "
                "Give one class a cell."
            )
        present = set(np.unique(flat).tolist())
        nothing = np.zeros(self.target.size)
        area = np.stack(
            [self.weights @ (flat == m).astype(float) if m in present else nothing for m in members]
        )
        total = area.sum(axis=0)
        out = np.full(area.shape, np.nan)
        np.divide(area, total, out=out, where=total > 0.0)
        part = self._part(total[None])[0]
        return out.reshape(len(members), *self.target.shape), part.reshape(self.target.shape)

    def _part(self, area: np.ndarray) -> np.ndarray:
        part = area / self.target.area.ravel()
        return np.where(np.abs(part - 1.0) < 1e-4, 1.0, np.minimum(part, 1.0))

    def _flat(self, values: np.ndarray) -> np.ndarray:
        array = np.asarray(values, float)
        if array.shape[-2:] != self.source.shape:
            raise InputError(
                f"field {array.shape} does not fit the source grid {self.source.shape}. The last two dimensions "
                "must be y, x, both increasing."
            )
        return array.reshape(-1, self.source.size)


class Interpolator:
    """Carries smooth fields to a *finer* grid: bilinear between the centres of the source's cells, in its own
    coordinates. Not conservative: what a source cell holds is not what arrives on its part of the target.

    Attributes
    ----------
    weights : parts of the source's cells in the values of the target's, sparse ``[target.size,
        source.size]``; rows of target centres outside the source are empty
    """

    def __init__(self, source: Grid, target: Grid) -> None:
        self.source, self.target = source, target
        x, y = (a.ravel() for a in source.mapping.forward(target.lat, target.lon))
        turn = source.mapping.periodic
        if turn:
            x = x - turn * np.floor((x - source.x_edges[0]) / turn)
        inside = (x >= source.x_edges[0]) & (x <= source.x_edges[-1])
        inside &= (y >= source.y_edges[0]) & (y <= source.y_edges[-1])
        columns, part_x = _between(source.x, x, turn if source.is_global else 0.0)
        rows, part_y = _between(source.y, y, 0.0)
        nx = source.shape[1]
        cell = np.arange(x.size)
        entries = [
            (wy * wx, cell, row * nx + column)
            for row, wy in ((rows[0], 1.0 - part_y), (rows[1], part_y))
            for column, wx in ((columns[0], 1.0 - part_x), (columns[1], part_x))
        ]
        weight, who, where = (np.concatenate(e)[np.tile(inside, 4)] for e in zip(*entries, strict=True))
        self.weights = sparse.csr_matrix((weight, (who, where)), shape=(target.size, source.size))

    def mean(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Interpolated values ``[..., ty, tx]`` of a field ``[..., sy, sx]``, over its valid neighbours (NaN
        where there is none), and their weight (0..1)."""
        array = np.asarray(values, float)
        flat = array.reshape(-1, self.source.size)
        valid = np.isfinite(flat)
        part = (self.weights @ valid.T.astype(float)).T
        total = (self.weights @ np.where(valid, flat, 0.0).T).T
        out = np.full(total.shape, np.nan)
        np.divide(total, part, out=out, where=part > 1e-9)
        shape = (*array.shape[:-2], *self.target.shape)
        return out.reshape(shape), part.reshape(shape)


def _between(
    centres: np.ndarray, at: np.ndarray, turn: float
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Numbers of the centres on both sides of `at`, and how far on the way it is; the outer half cells hold
    the value of their centre, or meet round the earth (`turn`)."""
    if turn:
        around = np.concatenate([[centres[-1] - turn], centres, [centres[0] + turn]])
        low = np.clip(np.searchsorted(around, at, "right") - 1, 0, around.size - 2)
        part = (at - around[low]) / (around[low + 1] - around[low])
        return ((low - 1) % centres.size, low % centres.size), part
    low = np.clip(np.searchsorted(centres, at, "right") - 1, 0, max(centres.size - 2, 0))
    high = np.minimum(low + 1, centres.size - 1)
    width = np.where(high > low, centres[high] - centres[low], 1.0)
    return (low, high), np.clip((at - centres[low]) / width, 0.0, 1.0)


def nearest(source: Grid, target: Grid) -> np.ndarray:
    """Number of the source cell that holds the centre of each target cell, -1 outside ``[ty, tx]``.

    For fields that must not be averaged (identifiers), and to fill gaps.
    """
    x, y = source.mapping.forward(target.lat, target.lon)
    turn = source.mapping.periodic
    if turn:
        x = x - turn * np.floor((x - source.x_edges[0]) / turn)
    column = np.searchsorted(source.x_edges, x, "right") - 1
    row = np.searchsorted(source.y_edges, y, "right") - 1
    inside = (column >= 0) & (column < source.shape[1]) & (row >= 0) & (row < source.shape[0])
    return np.where(inside, row * source.shape[1] + column, -1)
