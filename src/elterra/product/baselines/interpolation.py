"""Linear interpolation in time: what fills a slow state such as soil water."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.product._time import Float, Time, as_time
from elterra.product.baselines._base import Prediction


@dataclass(frozen=True)
class Interpolation:
    """Straight line between the last and the first training value around a gap.

    The spread is that of a Brownian bridge: ``sigma**2 = rate * before * after / (before + after)``, with the
    rate from the day-to-day changes of the training values, plus their half-hourly noise. Before the
    first and
    after the last training value nothing is given (NaN).
    """

    def __call__(self, time: Time, target: Float, wanted: NDArray[np.bool_]) -> Prediction:
        hours = (as_time(time) - as_time(time)[0]) / np.timedelta64(1, "h")
        known = np.flatnonzero(np.isfinite(target))
        ask = np.flatnonzero(wanted)
        empty = np.full(ask.size, np.nan)
        if known.size < 2 or not ask.size:
            return Prediction.gaussian(empty, empty.copy(), 1.0)
        right = np.searchsorted(known, ask)
        inside = (right > 0) & (right < known.size)
        a = known[np.clip(right - 1, 0, known.size - 1)]
        b = known[np.clip(right, 0, known.size - 1)]
        before, after = hours[ask] - hours[a], hours[b] - hours[ask]
        span = np.maximum(before + after, 1e-9)
        mean = np.where(inside, target[a] + (target[b] - target[a]) * before / span, np.nan)
        per_day = max(1, round(24.0 / max(hours[1] - hours[0], 1e-9)))
        change = target[per_day:] - target[:-per_day]
        step = target[1:] - target[:-1]
        rate = np.nanmean(change**2) / 24.0 if np.isfinite(change).any() else 0.0
        noise = 0.5 * np.nanmedian(step**2) if np.isfinite(step).any() else 0.0
        sd = np.where(inside, np.sqrt(rate * np.maximum(before * after, 0.0) / span + noise), np.nan)
        return Prediction.gaussian(mean, sd, 1.0)
