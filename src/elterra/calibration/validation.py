"""Does an emulator know what it does not know: scores of predictions against runs it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Validation:
    """For each output ``[r]``: share of variance explained ``r2``, mean square of errors over predicted variance ``chi2``
    (1 is calibrated, above is overconfident), share of errors within the 90 % interval ``coverage90``, root of the
    mean squared error ``rmse``; ``count`` of runs."""

    r2: Array
    chi2: Array
    coverage90: Array
    rmse: Array
    count: int

    def summary(self) -> dict[str, float]:
        """The worst R2, and means over outputs of the rest."""
        return {
            "count": float(self.count),
            "r2_worst": float(self.r2.min()),
            "chi2": float(self.chi2.mean()),
            "coverage90": float(self.coverage90.mean()),
            "rmse": float(np.sqrt((self.rmse**2).mean())),
        }


def validate(truth: Array, mean: Array, variance: Array) -> Validation:
    """Scores of ``mean``, ``variance [run, r]`` against ``truth [run, r]``, all of runs that were held out."""
    error = truth - mean
    spread = truth.var(axis=0)
    square = (error**2).mean(axis=0)
    r2 = 1.0 - square / np.where(spread > 0, spread, 1.0)
    inside = np.abs(error) <= ndtri(0.95) * np.sqrt(variance)
    return Validation(
        r2, (error**2 / variance).mean(axis=0), inside.mean(axis=0), np.sqrt(square), len(truth)
    )
