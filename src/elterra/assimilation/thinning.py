"""Fewer, better observations: thinning and averaging of neighbours (superobbing)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation.filter import AnalysisError, Array, ObservationBatch


def thin(observations: ObservationBatch, places: Array, spacing: float) -> NDArray[np.bool_]:
    """True for observations that stay: of one kind, no two nearer than ``spacing``; the more certain stay.

    places ``[observation, axis]``: position, time or both, in units in which spacing means the same on all
    axes. Ties are broken by order."""
    from scipy.spatial import cKDTree

    keep = np.zeros(len(observations), dtype=bool)
    if not len(observations):
        return keep
    _fits(observations, places)
    for kind in np.unique(observations.group):
        index = np.nonzero(observations.group == kind)[0]
        near = cKDTree(places[index]).query_ball_point(places[index], spacing)
        free = np.ones(len(index), dtype=bool)
        for i in np.argsort(observations.sd[index], kind="stable"):
            if free[i]:
                keep[index[i]] = True
                free[near[i]] = False
    return keep


def superobservations(
    observations: ObservationBatch, predicted: Array, places: Array, size: float, correlation: float = 0.0
) -> tuple[ObservationBatch, Array, Array]:
    """Means of the observations of one kind in boxes of ``size``: batch, predicted ``[box, member]``, places
    ``[box, axis]``.

    Weights are inverse error variances; the same weights average the predictions, so that a box is an
    observation with an operator of its own. correlation: of the errors within a box; 0 makes the error of the
    mean that of independent data, 1 makes it the weighted mean of the standard deviations."""
    if not 0.0 <= correlation <= 1.0:
        raise AnalysisError(f"a correlation of errors lies in [0, 1]; got {correlation}")
    if not len(observations):
        return observations, predicted, places
    _fits(observations, places)
    boxes = np.floor(places / size).astype(np.int64)
    _, box = np.unique(np.column_stack([observations.group, boxes]), axis=0, return_inverse=True)
    box = box.reshape(-1)
    count = int(box.max()) + 1
    weight = observations.sd**-2.0
    share = np.zeros((count, len(box)))
    share[box, np.arange(len(box))] = weight
    share /= share.sum(axis=1, keepdims=True)
    independent = (share**2 @ observations.sd**2) * (1.0 - correlation)
    sd = np.sqrt(independent + correlation * (share @ observations.sd) ** 2)
    first = np.array([np.argmax(box == b) for b in range(count)])
    batch = ObservationBatch(share @ observations.value, sd, observations.group[first])
    return batch, share @ predicted, share @ places


def _fits(observations: ObservationBatch, places: Array) -> None:
    if places.ndim != 2 or len(places) != len(observations):
        raise AnalysisError(f"places must be [{len(observations)}, axis]; got {places.shape}")
