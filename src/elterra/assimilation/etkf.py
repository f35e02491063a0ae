"""Ensemble transform Kalman filter (Bishop et al. 2001; symmetric square root of Hunt et al. 2007)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elterra.assimilation.filter import Analysis, Array, Filter, ObservationBatch, check_predicted


@dataclass(frozen=True)
class ETKF(Filter):
    """Deterministic filter with the symmetric square root.

    ``T = 1/m + (I - 1/m) (w 1' + W)`` with, in the notation of Hunt et al. (2007),
    ``P = [(m-1) I + Y' R^-1 Y]^-1``, ``w = P Y' R^-1 d``, ``W = [(m-1) P]^(1/2)``. The rank of ``Y`` is at most the
    number of observations, usually far below the number of members, so that P is formed from a thin singular
    value decomposition of ``R^-1/2 Y``.
    """

    def analyse(
        self, predicted: Array, observations: ObservationBatch, taper: Array | None = None
    ) -> Analysis:
        check_predicted(predicted, observations)
        m = predicted.shape[1]
        n = len(observations)
        groups = np.ones((1, n)) if taper is None else np.asarray(taper, dtype=np.float64)
        if groups.ndim != 2 or groups.shape[1] != n or (groups < 0).any() or (groups > 1).any():
            raise ValueError(f"taper must be [group, {n}] with weights in [0, 1]; got shape {groups.shape}")
        if n == 0:
            return Analysis(np.broadcast_to(np.eye(m), (len(groups), m, m)).copy())
        mean = predicted.mean(axis=1)
        anomalies = (predicted - mean[:, None]) / observations.sd[:, None]
        innovation = (observations.value - mean) / observations.sd
        transforms = np.stack([_transform(anomalies, innovation, np.sqrt(weight)) for weight in groups])
        spread = (anomalies**2).sum() / (m - 1)
        return Analysis(
            transforms,
            {
                "observations": float(n),
                "chi2": float((innovation**2).sum()),
                "prior_variance_ratio": float(spread),
                "dfs": float(_degrees_of_freedom(anomalies, m)),
            },
        )


def _transform(anomalies: Array, innovation: Array, root_weight: Array) -> Array:
    m = anomalies.shape[1]
    s = anomalies * root_weight[:, None]
    _, sigma, vt = np.linalg.svd(s, full_matrices=False)
    # In the span of v: P = 1/(m-1+sigma^2); outside: 1/(m-1), where W is the identity and w is zero.
    p = 1.0 / (m - 1 + sigma**2)
    w = vt.T @ (p * (vt @ (s.T @ (innovation * root_weight))))
    square_root = np.eye(m) + (vt.T * (np.sqrt((m - 1) * p) - 1.0)) @ vt
    # x_a = mean + X (w 1' + W); written on the full ensemble: columns of T sum to one.
    weights = square_root + w[:, None]
    return 1.0 / m + weights - weights.mean(axis=0, keepdims=True)


def _degrees_of_freedom(anomalies: Array, m: int) -> float:
    sigma2 = np.linalg.svd(anomalies, compute_uv=False) ** 2
    return float((sigma2 / (m - 1 + sigma2)).sum())
