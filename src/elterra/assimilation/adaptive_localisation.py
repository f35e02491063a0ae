"""Localisation without distances: which correlations of a small ensemble are believed."""

from __future__ import annotations

import numpy as np
from scipy.special import erfc

from elterra.assimilation.filter import AnalysisError, Array


def correlations(control: Array, predicted: Array) -> Array:
    """Sample correlations ``[control, observation]`` of control ``[control, member]`` and predicted
    ``[observation, member]``.

    Zero where either has no spread.
    """
    a = control - control.mean(axis=-1, keepdims=True)
    b = predicted - predicted.mean(axis=-1, keepdims=True)
    norm = np.sqrt((a**2).sum(axis=-1))[:, None] * np.sqrt((b**2).sum(axis=-1))[None, :]
    return np.where(norm > 0, a @ b.T / np.where(norm > 0, norm, 1.0), 0.0)


def correlation_taper(control: Array, predicted: Array) -> Array:
    """Weights ``[control, observation]`` that minimise the expected error of each gain (Furrer and Bengtsson 2007, eq. 9).

    ``rho^2 / (rho^2 + (1 + rho^2) / m)`` with the squared correlation freed of its expected value under independence,
    ``rho^2 = max(0, (r^2 (m-1) - 1) / (m-2))``. A chance correlation gets no weight, a certain one nearly all.
    """
    m = control.shape[-1]
    if m < 4:
        raise AnalysisError(
            f"correlations of {m} members say nothing; localise by distance or variable instead"
        )
    r2 = correlations(control, predicted) ** 2
    true = np.maximum(0.0, (r2 * (m - 1) - 1.0) / (m - 2))
    return true / (true + (1.0 + true) / m)


def group_correlation_taper(control: Array, group: Array, predicted: Array) -> Array:
    """`correlation_taper` for groups of the control vector that share a transform: ``[group, observation]``.

    group ``[control]``: index of the group. Of a group the root mean square of its weights counts.
    Observations that no element of a group is correlated with get weight zero there."""
    weights = correlation_taper(control, predicted)
    count = int(group.max()) + 1 if len(group) else 0
    return np.stack([np.sqrt((weights[group == g] ** 2).mean(axis=0)) for g in range(count)])


def chance(correlation: Array, members: int) -> Array:
    """Probability of a correlation at least this large between independent normal variables (Fisher's transformation)."""
    z = np.arctanh(np.clip(np.abs(correlation), 0.0, 1.0 - 1e-15)) * np.sqrt(max(members - 3, 1))
    return erfc(z / np.sqrt(2.0))
