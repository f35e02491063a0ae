"""Observations whose errors are correlated: a change of variables after which they are not."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from elterra.assimilation.filter import AnalysisError, Array, ObservationBatch


def decorrelate(
    value: Array, predicted: Array, covariance: Array, group: Array | None = None
) -> tuple[ObservationBatch, Array]:
    """Batch with independent errors of one and predictions ``[observation, member]`` from an error covariance ``R = L L'``.

    Both are multiplied by ``L^-1``; any filter of this room then gives what it would give with R. A row is a
    combination of the data up to it: localise before, within blocks of data that share weights."""
    covariance = np.asarray(covariance, dtype=np.float64)
    if covariance.shape != (len(value), len(value)) or predicted.shape[0] != len(value):
        raise AnalysisError(
            f"{len(value)} data, covariance {covariance.shape} and predictions {predicted.shape} do not fit"
        )
    if not np.allclose(covariance, covariance.T, rtol=1e-10, atol=0.0):
        raise AnalysisError("the error covariance is not symmetric")
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as e:
        raise AnalysisError("the error covariance is not positive definite") from e
    kinds = np.zeros(len(value), dtype=np.int64) if group is None else np.asarray(group, dtype=np.int64)
    batch = ObservationBatch(
        solve_triangular(root, np.asarray(value, dtype=np.float64), lower=True), np.ones(len(value)), kinds
    )
    return batch, solve_triangular(root, predicted, lower=True)


def exponential_covariance(time: Array, sd: Array, memory: float) -> Array:
    """``sd_i sd_j exp(-|t_i - t_j| / memory)``: errors that last, as of one sensor. time, memory in one unit."""
    if memory <= 0:
        raise AnalysisError(f"the memory of errors must be positive; got {memory}")
    return np.outer(sd, sd) * np.exp(-np.abs(time[:, None] - time[None, :]) / memory)
