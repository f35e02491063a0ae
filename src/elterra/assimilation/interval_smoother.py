"""Smoothers over a whole interval: every state hears of every observation (fixed interval)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elterra.assimilation.filter import AnalysisError, Array


def interval_transforms(transforms: Sequence[Array], damping: float = 1.0) -> list[Array]:
    """Ensemble Kalman smoother over the interval: total transform ``[member, member]`` of each window.

    ``S_k = T_k T_(k+1) ... T_K`` (Evensen and van Leeuwen 2000), as `FixedLagSmoother` with an endless lag;
    damped with the distance in time as there, at the cost of a product for every pair of windows."""
    if not 0.0 < damping <= 1.0:
        raise AnalysisError(f"damping must be in (0, 1]; got {damping}")
    last = len(transforms)
    if damping == 1.0:
        out: list[Array] = []
        for t in reversed(transforms):
            out.append(t if not out else t @ out[-1])
        return out[::-1]
    identity = np.eye(transforms[0].shape[-1]) if last else np.eye(0)
    totals = []
    for k in range(last):
        total = transforms[k]
        for later in range(k + 1, last):
            total = total @ (identity + damping ** (later - k) * (transforms[later] - identity))
        totals.append(total)
    return totals


def rts_smoother(
    forecasts: Sequence[Array], analyses: Sequence[Array], decorrelation: float = 1.0, rcond: float = 1e-10
) -> list[Array]:
    """Rauch-Tung-Striebel smoother of the ensemble: smoothed states ``[state, member]``, oldest first.

    forecasts, analyses: of each time, ``[state, member]``; analyses after inflation and rotation, as the next
    forecast began from them. Backwards ``X_k^s = X_k^a + A_k (A^f_(k+1))^+ (X^s_(k+1) - X^f_(k+1))``; unlike
    the ensemble Kalman smoother it needs the states only, not the transforms, and does not count the chance
    correlations of model noise with the past (Raanes 2016). decorrelation < 1 lessens the gain of each step.
    """
    if len(forecasts) != len(analyses):
        raise AnalysisError(f"{len(forecasts)} forecasts and {len(analyses)} analyses")
    out = [analyses[-1]] if len(analyses) else []
    for k in range(len(analyses) - 2, -1, -1):
        following = forecasts[k + 1]
        anomalies = following - following.mean(axis=-1, keepdims=True)
        back = np.linalg.pinv(anomalies, rcond=rcond) @ (out[-1] - following)
        here = analyses[k]
        out.append(here + decorrelation * (here - here.mean(axis=-1, keepdims=True)) @ back)
    return out[::-1]
