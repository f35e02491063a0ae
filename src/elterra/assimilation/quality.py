"""Quality control of observations against the ensemble."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation.filter import Array, ObservationBatch


def innovation_check(
    predicted: Array, observations: ObservationBatch, threshold: float = 4.0
) -> NDArray[np.bool_]:
    """True where ``|y - mean| <= threshold * sqrt(prior variance + error variance)``.

    ``predicted [observation, member]``. A single outlier is refused, not averaged in.
    """
    if len(observations) == 0:
        return np.zeros(0, dtype=bool)
    total = np.sqrt(predicted.var(axis=1, ddof=1) + observations.sd**2)
    return np.abs(observations.value - predicted.mean(axis=1)) <= threshold * total
