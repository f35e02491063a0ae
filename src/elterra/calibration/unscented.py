"""Unscented Kalman inversion: a normal distribution carried by sigma points instead of an ensemble.

After Huang, Schneider and Stuart (2022, Unscented Kalman inversion), with the likelihood split into powers as for the
ensembles, so that after a total power of one a linear problem has its exact posterior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.problem import Runs
from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]

#: spread of the sigma points, `a` of the source: points at the mean +- sqrt(p) a sd, at most this
_LARGEST_SPREAD = 1.0


@dataclass(frozen=True)
class Gaussian:
    """Mean ``[p]`` and covariance ``[p, p]``."""

    mean: Array
    covariance: Array


def sigma_points(belief: Gaussian) -> Array:
    """Mean and ``2 p`` points along the columns of the Cholesky factor, ``[2 p + 1, p]``."""
    root = np.linalg.cholesky(belief.covariance)
    far = _distance(len(belief.mean)) * root.T
    return np.concatenate([belief.mean[None], belief.mean + far, belief.mean - far])


def _distance(p: int) -> float:
    """sqrt(p + lambda) of the source: sqrt(p) a with a = min(sqrt(4 / p), 1)."""
    return float(np.sqrt(p) * min(np.sqrt(4.0 / p), _LARGEST_SPREAD))


def unscented_update(belief: Gaussian, runs: Runs, white: Array, power: float) -> Gaussian:
    """The belief after the likelihood to the given power; ``runs`` at its `sigma_points`, in their order.

    A pair of points of which one failed is left out as a pair, so that the rest stays centred; directions without any
    pair keep their variance. The mean of the predictions is that at the central point, as in the source; if that failed
    the mean of the pairs takes its place.
    """
    p = len(belief.mean)
    pairs = runs.good[1 : p + 1] & runs.good[p + 1 :]
    if not pairs.any():
        raise CalibrationError("no pair of sigma points gave finite predictions; narrow the priors")
    weight = 1.0 / (2.0 * _distance(p) ** 2)
    use = np.concatenate([[False], pairs, pairs])
    centre = runs.white[0] if runs.good[0] else runs.white[use].mean(axis=0)
    dz, dg = runs.z[use] - belief.mean, runs.white[use] - centre
    cross = weight * dz.T @ dg
    n = len(white)
    # (weight dg^T dg + I / power)^-1 by the Woodbury identity: as large as the number of points
    small = np.eye(len(dg)) + power * weight * dg @ dg.T

    def solve(x: Array) -> Array:
        return np.asarray(power * (x - power * weight * dg.T @ np.linalg.solve(small, dg @ x)))

    gain = solve(cross.T).T
    covariance = belief.covariance - gain @ cross.T
    mean = belief.mean + gain @ (white - centre)
    if n == 0:
        raise CalibrationError("no data")
    return Gaussian(mean, 0.5 * (covariance + covariance.T))
