"""Failed members and single outliers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation.filter import AnalysisError, Array, ObservationBatch


class Repair(NamedTuple):
    """transform ``[member, member]`` with columns that sum to one and no weight on failed members; failed: their indices."""

    transform: Array
    failed: NDArray[np.int64]


def regenerate(
    predicted: Array, seed: int, window: int, minimum_success: float = 0.6, also: Array | None = None
) -> Repair:
    """A transform that leaves good members as they are and draws anew those that are not finite.

    predicted ``[observation, member]``, also ``[..., member]`` (state): a member fails if any of its numbers
    is not finite. A new member is ``mean + sqrt(g - 1 over g) sum_k (z_k - mean z) anomaly_k / sqrt(g - 1)``
    with normal z: mean and spread of the g good ones. Being a transform it treats state, parameters and past
    alike; apply it with `apply_repair`, which does not multiply a NaN by zero. Raises `AnalysisError` if
    fewer than ``minimum_success`` of the members are good."""
    from elterra.assimilation.ensemble_filters import generator

    good: NDArray[np.bool_] = np.asarray(np.isfinite(predicted).all(axis=0))
    if also is not None:
        good = good & np.asarray(np.isfinite(also).reshape(-1, also.shape[-1]).all(axis=0))
    m, g = len(good), int(good.sum())
    if g < max(2, int(np.ceil(minimum_success * m))):
        raise AnalysisError(f"{m - g} of {m} members failed; at least {minimum_success:.0%} have to succeed")
    transform = np.eye(m)
    failed = np.nonzero(~good)[0]
    if len(failed):
        z = generator(seed, 4, window).standard_normal((m, m))[np.ix_(good, failed)]
        z -= z.mean(axis=0)
        transform[:, failed] = 0.0
        transform[np.ix_(good, failed)] = 1.0 / g + z / np.sqrt(g - 1)
    return Repair(transform, failed)


def apply_repair(x: Array, repair: Repair) -> Array:
    """``x [..., member]`` with failed members replaced; the bits of the good ones stay."""
    if not len(repair.failed):
        return x
    good = np.ones(x.shape[-1], dtype=bool)
    good[repair.failed] = False
    out = x.copy()
    out[..., repair.failed] = x[..., good] @ repair.transform[np.ix_(good, repair.failed)]
    return out


def huber_error(predicted: Array, observations: ObservationBatch, threshold: float = 2.0) -> ObservationBatch:
    """Observations whose error is widened where the innovation is large: their pull stops growing instead of being refused.

    With ``u = |y - mean| / sqrt(prior variance + sd^2) > threshold`` the total variance is multiplied by ``u
    / threshold``, as the weights of Huber (1964) do; Roh et al. (2013)."""
    if not len(observations):
        return observations
    prior = predicted.var(axis=1, ddof=1)
    total = prior + observations.sd**2
    u = np.abs(observations.value - predicted.mean(axis=1)) / np.sqrt(total)
    wide = total * np.maximum(u / threshold, 1.0) - prior
    return ObservationBatch(observations.value, np.sqrt(wide), observations.group)
