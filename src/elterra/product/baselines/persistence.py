"""The last week's mean diurnal course held on: the naive forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.product._time import Float, Time, hour_of_day
from elterra.product.baselines._base import Prediction


@dataclass(frozen=True)
class Persistence:
    """Each wanted half-hour gets the mean of its hour over the last `days` with training data before it.

    The spread is the standard deviation of the training values around their own persistence forecast a gap
    length earlier is not knowable in advance; the standard deviation of the hour over the training data is
    used instead, which is right for long leads.
    """

    days: int = 7

    def __call__(self, time: Time, target: Float, wanted: NDArray[np.bool_]) -> Prediction:
        n = int(wanted.sum())
        mean, sd = np.full(n, np.nan), np.full(n, np.nan)
        slot = np.floor(hour_of_day(time)).astype(int)
        position = np.full(len(time), -1)
        position[wanted] = np.arange(n)
        for hour in range(24):
            here = np.flatnonzero(slot == hour)
            known = here[np.isfinite(target[here])]
            ask = here[wanted[here]]
            if not known.size or not ask.size:
                continue
            values = np.concatenate([[0.0], np.cumsum(target[known])])
            upto = np.searchsorted(known, ask)
            low = np.maximum(upto - 2 * self.days, 0)
            count = upto - low
            mean[position[ask]] = np.where(
                count > 0, (values[upto] - values[low]) / np.maximum(count, 1), np.mean(target[known])
            )
            sd[position[ask]] = np.std(target[known])
        return Prediction.gaussian(mean, sd, 0.5)
