"""How mixed a coarse cell is inside: moments of a quantity, entropy and edges of classes. Results are ``[*coarse]``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.aggregation import Aggregation

Array = NDArray[np.float64]


def moments(field: Array, aggregation: Aggregation) -> dict[str, Array]:
    """Land-weighted `mean`, `sd`, `skewness` of the known pixels of each cell (`field` ``[*fine]``); NaN where none is
    known; skewness 0 where the cell is uniform."""
    known = np.isfinite(field)
    filled = np.where(known, field, 0.0)
    share = _mean(known.astype(float), aggregation)
    safe = np.where(share > 0, share, 1.0)
    mean = _mean(filled, aggregation) / safe
    gap = np.where(known, filled - np.nan_to_num(aggregation.spread(mean)), 0.0)
    variance = _mean(gap**2, aggregation) / safe
    third = _mean(gap**3, aggregation) / safe
    # round-off of a uniform cell is no spread
    even = variance <= 1e-24 * np.maximum(mean**2, 1e-300)
    sd = np.sqrt(np.where(even, 0.0, variance))
    skewness = np.where(even, 0.0, third / np.where(even, 1.0, sd) ** 3)
    out = {"mean": mean, "sd": sd, "skewness": skewness}
    return {n: np.where(aggregation.has_land & (share > 0), v, np.nan) for n, v in out.items()}


def fractions(classes: Array, aggregation: Aggregation) -> dict[int, Array]:
    """Share of each class (codes ``[*fine]``, NaN unknown) in the land of each cell whose class is known."""
    known = np.isfinite(classes)
    share = _mean(known.astype(float), aggregation)
    safe = np.where(share > 0, share, 1.0)
    return {
        int(code): np.where(share > 0, _mean((classes == code).astype(float), aggregation) / safe, np.nan)
        for code in np.unique(classes[known])
    }


def entropy(classes: Array, aggregation: Aggregation) -> Array:
    """Shannon entropy (nat) of the classes in each cell: 0 with one class, the log of their number where all are alike."""
    parts = np.stack(list(fractions(classes, aggregation).values()))
    return -np.where(
        parts > 0, parts * np.log(np.where(parts > 0, parts, 1.0)), np.where(np.isnan(parts), np.nan, 0.0)
    ).sum(axis=0)


def edge_density(classes: Array, aggregation: Aggregation) -> Array:
    """Share of the neighbouring pixel pairs (4 sides, both known and in the cell) whose classes differ; 0 without pairs."""
    cell = aggregation.cell_of_pixel
    pairs, differing = np.zeros(aggregation.cells), np.zeros(aggregation.cells)
    for axis in (0, 1):
        a, b = (np.take(classes, range(k, classes.shape[axis] - 1 + k), axis=axis) for k in (0, 1))
        ca, cb = (np.take(cell, range(k, cell.shape[axis] - 1 + k), axis=axis) for k in (0, 1))
        both = np.isfinite(a) & np.isfinite(b) & (ca >= 0) & (ca == cb)
        pairs += np.bincount(ca[both], minlength=aggregation.cells)
        differing += np.bincount(ca[both], (a != b)[both].astype(float), minlength=aggregation.cells)
    density = np.where(pairs > 0, differing / np.maximum(pairs, 1), 0.0).reshape(aggregation.coarse)
    return np.where(aggregation.has_land, density, np.nan)


def _mean(field: Array, aggregation: Aggregation) -> Array:
    return np.where(aggregation.has_land, aggregation.mean(field), 0.0)
