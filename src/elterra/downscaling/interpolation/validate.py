"""Scores of interpolation on stations or regions left out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.interpolation.methods import PointMethod, PointPrediction
from elterra.downscaling.interpolation.points import Points
from elterra.downscaling.laws import Law
from elterra.downscaling.scene import LEVELS
from elterra.downscaling.scores import point_scores


@dataclass(frozen=True)
class PointCard:
    """Scores, and what each point got from a fit that had not seen its group."""

    scores: dict[str, float]
    prediction: PointPrediction = field(repr=False)


def leave_out(method: PointMethod, data: Points, group: NDArray[np.int64], law: Law) -> PointCard:
    """Every group in turn is predicted from the others."""
    mean, quantiles = np.empty(len(data)), np.empty((len(LEVELS), len(data)))
    for g in np.unique(group):
        out = group == g
        found = method.fit(data.take(~out), law).predict(data.take(out))
        mean[out], quantiles[:, out] = found.mean, found.quantiles
    truth = data.measured()
    scores = point_scores(truth, mean, quantiles)
    total = float(np.sum((truth - truth.mean()) ** 2))
    if total > 0:
        scores["r2"] = 1.0 - float(np.sum((truth - mean) ** 2)) / total
    return PointCard(scores, PointPrediction(mean, quantiles))
