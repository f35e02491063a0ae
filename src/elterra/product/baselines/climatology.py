"""Day-of-year by hour-of-day climatology as a harmonic regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.product._time import Float, Time
from elterra.product.baselines._base import Prediction, local_clock, same_day_correlation


@dataclass(frozen=True)
class Climatology:
    """Annual harmonics times diurnal harmonics, fitted by least squares to the training values.

    The residual variance has its own (smoother) harmonic regression, so intervals are wide at summer noon and
    narrow in winter nights. `diurnal = 0` gives the slow harmonic that soil water and daily values need.
    """

    utc_offset: float = 0.0
    annual: int = 3
    diurnal: int = 3

    def __call__(self, time: Time, target: Float, wanted: NDArray[np.bool_]) -> Prediction:
        known = np.isfinite(target)
        size = (2 * self.annual + 1) * (2 * self.diurnal + 1)
        if known.sum() < 4 * size:
            n = int(wanted.sum())
            mean = np.full(n, np.nanmean(target) if known.any() else np.nan)
            sd = np.full(n, np.nanstd(target) if known.any() else np.nan)
            return Prediction.gaussian(mean, sd, 1.0)
        doy, hour = local_clock(time, self.utc_offset)
        basis = _basis(doy, hour, self.annual, self.diurnal)
        weights = _least_squares(basis[known], target[known])
        residual = np.full(target.shape, np.nan)
        residual[known] = target[known] - basis[known] @ weights
        slow = _basis(doy, hour, 1, min(self.diurnal, 2))
        variance_weights = _least_squares(slow[known], np.log(residual[known] ** 2 + 1e-12))
        # E[log chi2_1] = -1.27: the scale is then set by the residuals themselves, in the large
        shape = np.exp(0.5 * (slow @ variance_weights))
        shape *= np.sqrt(np.mean((residual[known] / shape[known]) ** 2))
        correlation = same_day_correlation(time, residual, shape)
        return Prediction.gaussian(basis[wanted] @ weights, shape[wanted], correlation)


def _basis(doy: Float, hour: Float, annual: int, diurnal: int) -> Float:
    year = _harmonics(2.0 * np.pi * doy / 365.25, annual)
    day = _harmonics(2.0 * np.pi * hour / 24.0, diurnal)
    return (year[:, :, None] * day[:, None, :]).reshape(len(doy), -1)


def _harmonics(angle: Float, n: int) -> Float:
    columns = [np.ones_like(angle)]
    for k in range(1, n + 1):
        columns += [np.cos(k * angle), np.sin(k * angle)]
    return np.stack(columns, axis=1)


def _least_squares(basis: Float, target: Float, ridge: float = 1e-6) -> Float:
    """Normal equations with a ridge that only matters where the data leave a coefficient free."""
    gram = basis.T @ basis
    ridged = gram + ridge * len(target) * np.eye(len(gram))
    return np.asarray(np.linalg.solve(ridged, basis.T @ target), dtype=np.float64)
