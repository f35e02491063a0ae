"""Ensemble transform Kalman inversion with adaptive tempering (ETKI; data-misfit controller).

The deterministic form of ensemble smoother with multiple data assimilation (Emerick and Reynolds 2013): the
likelihood is split into powers that sum to one; each power is one ensemble transform update. For a linear map and a
Gaussian prior the result is the exact posterior, whatever the split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class CalibrationError(ValueError):
    """A calibration step cannot be made; the text says why."""


@dataclass(frozen=True)
class InversionStep:
    """Result of one update: parameters ``[parameter, member]``, the power used, misfit before (chi2 per datum)."""

    parameters: Array
    transform: Array
    power: float
    misfit: float
    failed: tuple[int, ...]


def next_temper(predicted: Array, observed: Array, sd: Array, done: float) -> float:
    """Power of the next step by the data-misfit controller of Iglesias and Yang (2021).

    ``1/alpha = min(max(n / (2 mean Phi), sqrt(n / (2 var Phi))), 1 - done)`` with ``Phi`` half the squared misfit of
    each member.
    """
    misfit = 0.5 * ((((predicted - observed[:, None]) / sd[:, None]) ** 2).sum(axis=0))
    n = len(observed)
    variance = misfit.var(ddof=1)
    step = max(n / (2 * misfit.mean()), np.sqrt(n / (2 * variance)) if variance > 0 else np.inf)
    return float(min(step, 1.0 - done))


def transform_step(
    parameters: Array,
    predicted: Array,
    observed: Array,
    sd: Array,
    power: float,
    minimum_success: float = 0.6,
) -> InversionStep:
    """One update of ``parameters [parameter, member]`` with the likelihood to the given power.

    predicted ``[observation, member]``; members with a non-finite prediction failed: they take part in nothing and
    are replaced by draws from the updated ensemble (mean plus a deterministic mix of anomalies).
    Raises `CalibrationError` if fewer than ``minimum_success`` of the members survived.
    """
    if parameters.ndim != 2 or predicted.shape != (len(observed), parameters.shape[1]):
        raise CalibrationError(
            f"parameters [p, m] and predicted [n, m] do not fit: {parameters.shape}, {predicted.shape}"
        )
    if not 0.0 < power <= 1.0:
        raise CalibrationError(f"power must be in (0, 1]; got {power}")
    good = np.asarray(np.isfinite(predicted).all(axis=0))
    if good.mean() < minimum_success:
        raise CalibrationError(
            f"only {int(good.sum())} of {good.size} members gave finite predictions; at least "
            f"{minimum_success:.0%} must. Narrow the priors or look at the failed members."
        )
    g, theta = predicted[:, good], parameters[:, good]
    m = g.shape[1]
    scale = np.sqrt(power) / sd
    anomalies = (g - g.mean(axis=1, keepdims=True)) * scale[:, None]
    innovation = (observed - g.mean(axis=1)) * scale
    values, vectors = np.linalg.eigh(anomalies.T @ anomalies)
    values = np.maximum(values, 0.0)
    p = 1.0 / (m - 1 + values)
    w = vectors @ (p * (vectors.T @ (anomalies.T @ innovation)))
    root = (vectors * np.sqrt((m - 1) * p)) @ vectors.T
    weights = root + w[:, None]
    transform = 1.0 / m + weights - weights.mean(axis=0, keepdims=True)
    updated = np.array(parameters)
    updated[:, good] = theta @ transform
    if not good.all():
        centre = updated[:, good].mean(axis=1, keepdims=True)
        pool = updated[:, good] - centre
        for k, j in enumerate(np.nonzero(~good)[0]):
            mix = (pool[:, k % m] - pool[:, (k + 1) % m]) / np.sqrt(2.0)
            updated[:, j] = centre[:, 0] + mix
    misfit = float((((observed - g.mean(axis=1)) / sd) ** 2).mean())
    return InversionStep(updated, transform, power, misfit, tuple(int(i) for i in np.nonzero(~good)[0]))
