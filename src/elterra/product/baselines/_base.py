"""What every baseline gives back, and the two things all of them need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from elterra.product._time import Float, Time, as_time, day_number, day_of_year, hour_of_day

#: probability levels of the quantiles a baseline reports
LEVELS: tuple[float, ...] = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Prediction:
    """A baseline's estimate of *measured* half-hours, so its spread includes the measurement error.

    `mean`, `sd` `[n]`; `quantiles` `[level, n]` at `LEVELS`; NaN where the method gives nothing.
    `correlation` is the mean correlation of two errors of the same day: the mean of n half-hours has the
    variance ``mean(sd)**2 * (correlation + (1 - correlation) / n)``.
    """

    mean: Float
    sd: Float
    quantiles: Float
    correlation: float

    @classmethod
    def gaussian(cls, mean: Float, sd: Float, correlation: float) -> Prediction:
        z = ndtri(np.asarray(LEVELS))[:, None]
        return cls(mean, sd, mean[None, :] + z * sd[None, :], correlation)


class Baseline(Protocol):
    """Predicts the intervals `wanted` (bool `[time]`) from training values (`target` `[time]`, NaN = not
    given)."""

    def __call__(self, time: Time, target: Float, wanted: NDArray[np.bool_]) -> Prediction: ...


def local_clock(time: Time, utc_offset: float) -> tuple[Float, Float]:
    """Fractional day of year and hour of day in local standard time."""
    return day_of_year(time, utc_offset), hour_of_day(time, utc_offset)


def same_day_correlation(time: Time, residual: Float, sd: Float, least: int = 6) -> float:
    """Mean correlation of two standardised residuals of one day, weighted by the number of pairs.

    From sums per day: ``(sum z)**2 - sum z**2`` adds up all pairs. In [0, 1]; 0 where there are no pairs.
    """
    ok = np.isfinite(residual) & np.isfinite(sd) & (sd > 0)
    if not ok.any():
        return 0.0
    z = residual[ok] / sd[ok]
    z = z / max(np.sqrt(np.mean(z * z)), 1e-12)
    days = day_number(as_time(time)[ok])
    days = days - days[0]
    n = np.bincount(days)
    total, square = np.bincount(days, z), np.bincount(days, z * z)
    use = n >= least
    pairs = float((n[use] * (n[use] - 1)).sum())
    if pairs == 0:
        return 0.0
    return float(np.clip(((total**2 - square)[use]).sum() / pairs, 0.0, 1.0))
