"""LETKF whose transforms are computed on a coarse grid and interpolated between (Yang, Kalnay, Hunt and Bowler 2009).

The transform of a point changes over the distance of localisation, the state from point to point: weights are smooth where
increments are not. A transform costs an eigendecomposition, its interpolation a few products of matrices, in
which all points of a cell take part.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from elterra.assimilation.filter import AnalysisError, Array, ObservationBatch, check_predicted
from elterra.assimilation.local_filter import LocalAnalysis, LocalFilter, Places, transforms_of


@dataclass(frozen=True)
class InterpolatedFilter(LocalFilter):
    """`LocalFilter` with transforms at the corners of cells of edge ``spacing`` (unit of the coordinates), multilinear in
    between.

    Only cells with points have corners. ``spacing`` should be well below the half support of the localisation. Holds the
    transforms of all corners at once, ``8 m^2`` bytes each. Raises `AnalysisError` as `LocalFilter`, and for a spacing that
    is not positive. Source: Yang et al. 2009, https://doi.org/10.1002/qj.353.
    """

    spacing: float = 1.0

    def analyse(
        self, x: Array, predicted: Array, observations: ObservationBatch, places: Places
    ) -> LocalAnalysis:
        """As `LocalFilter.analyse`; half support and number of observations of a point are those of its nearest corner."""
        check_predicted(predicted, observations)
        self._check(x, predicted, observations, places)
        if not self.spacing > 0:
            raise AnalysisError(f"spacing of the coarse grid must be positive; got {self.spacing}")
        n, m = predicted.shape
        out = x.copy()
        grid = _Grid.of(places, self.spacing)
        count = len(grid.nodes)
        half, used = np.zeros(count), np.zeros(count, dtype=np.int64)
        dfs = 0.0
        if n:
            tree = cKDTree(places.observed, boxsize=places.period)
            s, d = self._whitened(predicted, observations)
            rows, of_layer = self._layer_weights(x.shape[0], observations, places)
            transforms = np.zeros((len(rows), count, m, m))
            busy = np.zeros((len(rows), count), dtype=bool)
            for start, stop, near, distance in self._blocks(tree, grid.nodes, n, m):
                here, size = slice(start, stop), stop - start
                half_here, weights = (np.asarray(a) for a in self._weights(distance, m))
                half[here], used[here] = half_here[:size], (weights > 0).sum(axis=1)[:size]
                for row, weight in enumerate(rows):
                    total = weights * weight[near]
                    busy[row, here] = (total[:size] > 0).any(axis=1)
                    found, freedom = (np.asarray(a) for a in transforms_of(s, d, near, total))
                    transforms[row, here] = found[:size]
                    dfs += float(freedom[:size].sum()) * float((of_layer == row).sum()) / x.shape[0]
            for row in range(len(rows)):
                layers = np.nonzero(of_layer == row)[0]
                self._interpolate(out, x, layers, grid, transforms[row], busy[row])
        return LocalAnalysis(
            out,
            half[grid.nearest],
            used[grid.nearest],
            {
                "observations": float(n),
                "points_without": float((used[grid.nearest] == 0).sum()),
                "mean_used": float(used.mean()) if count else 0.0,
                "mean_dfs": dfs / max(count, 1),
                "corners": float(count),
            },
        )

    def _interpolate(
        self,
        out: Array,
        x: Array,
        layers: NDArray[np.int64],
        grid: _Grid,
        transforms: Array,
        busy: NDArray[np.bool_],
    ) -> None:
        """Cell by cell: the anomalies of all its points by the transforms of each corner, weighted."""
        m = x.shape[2]
        for cell, points in enumerate(grid.points_of_cell):
            corners = grid.corners[cell]
            if not busy[corners].any():
                continue  # points without observations keep their bits
            block = x[np.ix_(layers, points)]
            mean = block.mean(axis=-1, keepdims=True)
            anomalies = self.inflation * (block - mean)
            moved = np.broadcast_to(mean, block.shape).copy()
            for corner, weight in zip(corners, grid.weights[points].T, strict=True):
                turned = (anomalies.reshape(-1, m) @ transforms[corner]).reshape(block.shape)
                moved += weight[None, :, None] * turned
            out[np.ix_(layers, points)] = moved


@dataclass(frozen=True)
class _Grid:
    """Corners of the cells that hold points.

    nodes ``[node, axis]``; points_of_cell: indices of points by cell; corners ``[cell, 2^axes]``: nodes; weights
    ``[point, 2^axes]`` sum to one; nearest ``[point]``: node.
    """

    nodes: Array
    points_of_cell: list[NDArray[np.int64]]
    corners: NDArray[np.int64]
    weights: Array
    nearest: NDArray[np.int64]

    @classmethod
    def of(cls, places: Places, spacing: float) -> _Grid:
        points = places.points
        axes = points.shape[1]
        edge = np.full(axes, float(spacing))
        wrap = np.zeros(axes, dtype=np.int64)  # cells around a periodic axis
        low = points.min(axis=0) if len(points) else np.zeros(axes)
        if places.period is not None:
            period = np.broadcast_to(np.asarray(places.period, dtype=float), (axes,))
            wrap = np.where(period > 0, np.maximum(np.round(period / spacing), 1), 0).astype(np.int64)
            edge = np.where(wrap > 0, period / np.maximum(wrap, 1), edge)
            low = np.where(wrap > 0, 0.0, low)
        place = (points - low) / edge
        cell = np.floor(place).astype(np.int64)
        inside = place - cell
        offsets = np.array(list(product((0, 1), repeat=axes)))
        weights = np.prod(np.where(offsets[None] == 1, inside[:, None], 1.0 - inside[:, None]), axis=2)
        cells, of_point = np.unique(cell, axis=0, return_inverse=True)
        of_point = of_point.reshape(-1)
        order = np.argsort(of_point, kind="stable")
        points_of_cell = np.split(order, np.searchsorted(of_point[order], np.arange(1, len(cells))))
        corner = cells[:, None] + offsets[None]
        corner = np.where(wrap > 0, np.mod(corner, np.maximum(wrap, 1)), corner)
        nodes, index = np.unique(corner.reshape(-1, axes), axis=0, return_inverse=True)
        corners = index.reshape(len(cells), len(offsets))
        nearest = corners[of_point, weights.argmax(axis=1)] if len(points) else np.zeros(0, dtype=np.int64)
        return cls(low + nodes * edge, points_of_cell, corners, weights, nearest)
