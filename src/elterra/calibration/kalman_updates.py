"""One update of a Kalman inversion in whitened data: stochastic (EKI), square root (ETKI), with failed members.

The likelihood enters with a power ``beta``: errors have variance ``1 / beta``. Sources: Iglesias, Law and Stuart
(2013) for EKI; Bishop, Etherton and Majumdar (2001), Hunt et al. (2007) for the transform.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.localisation import Kind, shrunk_covariances
from elterra.calibration.problem import Runs
from elterra.calibration.transform_inversion import CalibrationError, transform_step

Array = NDArray[np.float64]


def stochastic_update(
    runs: Runs, white: Array, power: float, rng: np.random.Generator, shrinkage: Kind | None = None
) -> Array:
    """EKI with perturbed data: new ``z [member, p]`` of the runs that succeeded.

    ``z_j + C_zg (C_gg + I / beta)^-1 (y + eta_j - g_j)`` with centred ``eta_j`` of variance ``1 / beta``. The
    inverse is of the size of the ensemble or of the data, whichever is smaller; with shrinkage of the data.
    """
    z, g = runs.z, runs.white
    members = len(z)
    if members < 2:
        raise CalibrationError("an ensemble update needs two members that succeeded")
    eta = rng.standard_normal(g.shape) / np.sqrt(power)
    misfit = white + eta - eta.mean(axis=0) - g
    dz, dg = z - z.mean(axis=0), g - g.mean(axis=0)
    if shrinkage is None and members < len(white):
        inner = dg @ dg.T + (members - 1) / power * np.eye(members)
        return np.asarray(z + np.linalg.solve(inner, dg @ misfit.T).T @ dz)
    if shrinkage is None:
        cross, within = dz.T @ dg / (members - 1), dg.T @ dg / (members - 1)
    else:
        cross, within = shrunk_covariances(dz, dg, shrinkage)
    gain = np.linalg.solve(within + np.eye(len(white)) / power, cross.T).T
    return np.asarray(z + misfit @ gain.T)


def transform_update(runs: Runs, white: Array, power: float) -> Array:
    """ETKI: the deterministic update `transform_step` of the runs that succeeded, new ``z [member, p]``."""
    return transform_step(runs.z.T, runs.white.T, white, np.ones_like(white), power).parameters.T


def refill(z: Array, good: NDArray[np.bool_], updated: Array, rng: np.random.Generator) -> Array:
    """The whole ensemble ``[member, p]``: survivors as updated, failed ones drawn from a normal distribution with the
    mean and covariance of the survivors."""
    out = np.empty_like(z)
    out[good] = updated
    failed = int((~good).sum())
    if failed:
        anomalies = (updated - updated.mean(axis=0)) / np.sqrt(max(len(updated) - 1, 1))
        out[~good] = updated.mean(axis=0) + rng.standard_normal((failed, len(updated))) @ anomalies
    return out
