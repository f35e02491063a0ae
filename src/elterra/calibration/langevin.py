"""Ensemble Kalman sampler: affine-invariant interacting Langevin dynamics (ALDI), without gradients.

After Garbuno-Inigo, Hoffmann, Li and Stuart (2020) with the finite-ensemble correction of Garbuno-Inigo, Nuesken and
Reich (2020):

    dz_j = - C_zg (g_j - y) dt - C z_j dt + (p + 1) / J (z_j - mean z) dt + sqrt(2) C^(1/2) dW_j

in whitened data and a standard normal prior; its invariant density is the posterior where G is linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.kalman_updates import refill
from elterra.calibration.problem import InverseProblem, Runs

Array = NDArray[np.float64]

#: largest pseudo-time step, and largest step times the norm of the drift matrix
LARGEST_STEP = 0.1
LARGEST_MOVE = 1.0


@dataclass(frozen=True)
class LangevinResult:
    """Ensembles after the burn-in ``samples [iteration, member, p]``, pseudo-time of each, all runs."""

    samples: Array
    time: Array
    runs: Runs


def langevin_sampler(
    problem: InverseProblem, start: Array, iterations: int, *, burn_in: int, seed: int = 0
) -> LangevinResult:
    """``iterations`` steps from the ensemble ``start [member, p]``; ensembles after ``burn_in`` are samples.

    The step is limited by the size of the drift. Noise has variance ``2 dt - dt^2`` instead of ``2 dt``: what keeps a
    normal distribution invariant under an explicit step of the length ``dt`` whose drift is -(z - mean).
    """
    rng = np.random.default_rng(seed)
    z, kept, times, parts, now = np.array(start), [], [], [], 0.0
    white = problem.data.white
    for k in range(iterations):
        runs = problem.evaluate(z)
        parts.append(runs)
        alive = runs.survivors()
        u, g = alive.z, alive.white
        members, p = u.shape
        du, dg = u - u.mean(axis=0), g - g.mean(axis=0)
        pull = (g - white) @ dg.T / members  # [member, member]: weights of the anomalies
        prior = u @ du.T / members
        # norm of the part of the drift that acts on anomalies: that of both Gram matrices, whichever is smaller
        both = np.concatenate([du, dg], axis=1)
        gram = both @ both.T if members < both.shape[1] else both.T @ both
        size = np.linalg.eigvalsh(gram)[-1] / members
        dt = min(LARGEST_STEP, LARGEST_MOVE / max(size, 1e-12))
        drift = -(pull + prior) @ du + (p + 1) / members * du
        noise = rng.standard_normal((members, members)) @ du / np.sqrt(members)
        moved = u + dt * drift + np.sqrt(2 * dt - dt**2) * noise
        z = refill(z, runs.good, moved, rng)
        now += dt
        if k >= burn_in:
            kept.append(z)
            times.append(now)
    return LangevinResult(np.array(kept), np.array(times), Runs.join(parts))
