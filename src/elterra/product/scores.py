"""Scores against measured half-hours.

**What an interval means here.** Truth is a *measured* half-hour, so an interval is predictive: it holds what
the method does not know and the random error of the measurement. Ensemble members therefore get a Gaussian
observation error of the standard deviation of each datum; a daily value is the mean of the n measured
half-hours of a UTC day, whose random error is ``sqrt(sum sd**2) / n`` (errors of half-hours are independent).
Baselines learn from measured values, so their spread includes that error already; the error of their
daily mean
follows from the correlation of their errors within a day.

* `crps`: fair CRPS (Ferro 2014) of the perturbed members; closed form for Gaussian baselines; from the
  interpolated quantile function for baselines with quantiles.
* `coverage90`: share of truths between the 5 % and 95 % points of the predictive distribution; for an
  ensemble
  that is the Gaussian mixture of its members, evaluated exactly.
* `spread_skill`: root mean predictive variance over RMSE; 1 is right, below 1 is overconfident. The ensemble
  variance is multiplied by (M + 1) / M (Fortin et al. 2014).
* Intervals of scores come from resampling whole blocks (gaps; 30 days of a forecast), not single half-hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from elterra.product._time import Float
from elterra.product.baselines import Prediction
from elterra.product.baselines._base import LEVELS

#: measured half-hours that make a daily value, and a daily value of day or night alone
MIN_DAILY = 12
MIN_PART = 6
SCORES = ("rmse", "bias", "r", "crps", "coverage90", "spread_skill")
_PSEUDO = 50


@dataclass(frozen=True)
class Sample:
    """Scored data, one entry a datum. `crps`, `inside`, `variance` are NaN where a method has no interval."""

    truth: Float
    estimate: Float
    crps: Float
    inside: Float
    variance: Float
    block: NDArray[np.int64]

    def take(self, keep: NDArray[np.bool_]) -> Sample:
        return Sample(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def pool(samples: Sequence[Sample]) -> Sample:
    """Samples of several variants as one; their blocks stay apart."""
    shifted, base = [], 0
    for sample in samples:
        shifted.append(replace(sample, block=sample.block + base))
        base += int(sample.block.max(initial=-1)) + 1
    return Sample(*(np.concatenate([getattr(s, n) for s in shifted]) for n in Sample.__dataclass_fields__))


# --- distributions ------------------------------------------------------------------------------------


def fair_crps(truth: Float, members: Float) -> Float:
    """Fair CRPS `[n]` of `members` `[n, M]`, M ≥ 2: unbiased for the distribution the members are drawn
    from."""
    count = members.shape[1]
    if count < 2:
        raise ValueError("the fair CRPS needs at least two members")
    return _crps(truth, members, 1.0 / (count * (count - 1)))


def quantile_crps(truth: Float, quantiles: Float, levels: Sequence[float] = LEVELS) -> Float:
    """CRPS `[n]` of a distribution given by `quantiles` `[level, n]`.

    Quantiles are interpolated linearly in the normal score of the level, and carried on beyond the outer two.
    """
    z, grid = ndtri(np.asarray(levels)), ndtri((np.arange(_PSEUDO) + 0.5) / _PSEUDO)
    right = np.clip(np.searchsorted(z, grid), 1, len(z) - 1)
    weight = (grid - z[right - 1]) / (z[right] - z[right - 1])
    members = (quantiles[right - 1] * (1 - weight)[:, None] + quantiles[right] * weight[:, None]).T
    return _crps(truth, members, 1.0 / _PSEUDO**2)


def gaussian_crps(truth: Float, mean: Float, sd: Float) -> Float:
    """CRPS of normal distributions (Gneiting et al. 2005, eq. 5)."""
    z = (truth - mean) / np.where(sd > 0, sd, np.nan)
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    value = sd * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return np.where(sd > 0, value, np.abs(truth - mean))


def _crps(truth: Float, members: Float, pair_weight: float) -> Float:
    # sum over pairs |x_i - x_j| (i < j) = sum_k (2k - M + 1) x_(k), k = 0 .. M-1
    count = members.shape[1]
    ordered = np.sort(members, axis=1)
    rank = 2.0 * np.arange(count) - count + 1.0
    return np.abs(members - truth[:, None]).mean(axis=1) - (ordered @ rank) * pair_weight


def mixture_inside(truth: Float, members: Float, error_sd: Float, level: float = 0.9) -> Float:
    """1 where truth lies in the central interval of the mixture of normals around the members, else 0."""
    tail = 0.5 * (1.0 - level)
    distance = truth[:, None] - members
    safe = np.where(error_sd > 0, error_sd, 1.0)[:, None]
    below = np.where(error_sd[:, None] > 0, ndtr(distance / safe), (distance >= 0).astype(float)).mean(axis=1)
    return ((below >= tail) & (below <= 1.0 - tail)).astype(float)


# --- samples ------------------------------------------------------------------------------------------


def ensemble_sample(
    truth: Float, members: Float, error_sd: Float, block: NDArray[np.int64], rng: np.random.Generator
) -> Sample:
    """Half-hours (or ready daily values) of an ensemble. `members` `[n, M]`, `error_sd` `[n]`."""
    ok = np.isfinite(truth) & np.isfinite(members).all(axis=1) & np.isfinite(error_sd)
    truth, members, error_sd, block = truth[ok], members[ok].astype(float), error_sd[ok], block[ok]
    count = members.shape[1]
    perturbed = members + rng.standard_normal(members.shape) * error_sd[:, None]
    variance = members.var(axis=1, ddof=1) * (count + 1) / count + error_sd**2
    return Sample(
        truth,
        members.mean(axis=1),
        fair_crps(truth, perturbed),
        mixture_inside(truth, members, error_sd),
        variance,
        block,
    )


def prediction_sample(truth: Float, prediction: Prediction, block: NDArray[np.int64]) -> Sample:
    """Half-hours of a baseline."""
    ok = np.isfinite(truth) & np.isfinite(prediction.mean)
    truth, mean, sd, block = truth[ok], prediction.mean[ok], prediction.sd[ok], block[ok]
    quantiles = prediction.quantiles[:, ok]
    inside = ((truth >= quantiles[0]) & (truth <= quantiles[-1])).astype(float)
    inside[~np.isfinite(quantiles[0])] = np.nan
    return Sample(truth, mean, quantile_crps(truth, quantiles), inside, sd**2, block)


class DailyMean:
    """Averages half-hours into days over exactly the measured ones (`truth` finite), at least `least` a
    day."""

    def __init__(self, day: NDArray[np.int64], use: NDArray[np.bool_], least: int) -> None:
        self._index = np.flatnonzero(use)
        days, where = np.unique(day[self._index], return_inverse=True)
        count = np.bincount(where, minlength=days.size)
        self._keep = count >= least
        self._where, self._all = where, days.size
        self.days = days[self._keep]
        self.count = count[self._keep]

    def mean(self, values: NDArray[np.floating]) -> Float:
        """Daily means of `[time]` or `[time, member]`."""
        picked = values[self._index].astype(float)
        if picked.ndim == 1:
            total = np.bincount(self._where, picked, minlength=self._all)
            return total[self._keep] / self.count
        # half-hours are in order of time, so days are runs
        starts = np.flatnonzero(np.diff(self._where, prepend=-1))
        total2 = np.add.reduceat(picked, starts, axis=0) if picked.size else np.zeros((0, picked.shape[1]))
        return total2[self._keep] / self.count[:, None]

    def error_sd(self, sd: Float) -> Float:
        """Standard deviation of the mean of independent errors."""
        return np.sqrt(self.mean(sd**2) / np.maximum(self.count, 1))

    def first(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """The value of the first measured half-hour of a day (labels)."""
        starts = np.flatnonzero(np.diff(self._where, prepend=-1))
        return values[self._index][starts][self._keep]


def daily_prediction_sample(
    truth: Float, prediction: Prediction, mean: DailyMean, block: NDArray[np.int64]
) -> Sample:
    """Daily values of a baseline; `truth` and `block` are daily, the prediction half-hourly."""
    estimate, sd = mean.mean(prediction.mean), mean.mean(prediction.sd)
    rho = prediction.correlation
    sd = sd * np.sqrt(rho + (1.0 - rho) / np.maximum(mean.count, 1))
    return gaussian_sample(truth, estimate, sd, block)


def gaussian_sample(truth: Float, estimate: Float, sd: Float, block: NDArray[np.int64]) -> Sample:
    """Values with a normal predictive distribution."""
    ok = np.isfinite(truth) & np.isfinite(estimate)
    truth, estimate, sd, block = truth[ok], estimate[ok], sd[ok], block[ok]
    inside = (np.abs(truth - estimate) <= 1.6448536 * sd).astype(float)
    inside[~np.isfinite(sd)] = np.nan
    return Sample(truth, estimate, gaussian_crps(truth, estimate, sd), inside, sd**2, block)


# --- summary ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """Scores of a sample; NaN where a score has no meaning. `rmse_low`, `rmse_high`: 90 % bootstrap
    interval."""

    n: int
    blocks: int
    rmse: float
    bias: float
    r: float
    crps: float
    coverage90: float
    spread_skill: float
    rmse_low: float
    rmse_high: float


def summarise(sample: Sample, draws: int = 400, seed: int = 1) -> Summary | None:
    """Scores of a sample, or None if it is empty."""
    n = sample.truth.size
    if n == 0:
        return None
    error = sample.estimate - sample.truth
    rmse = float(np.sqrt(np.mean(error**2)))
    varied = n > 2 and np.ptp(sample.truth) > 0 and np.ptp(sample.estimate) > 0
    r = float(np.corrcoef(sample.truth, sample.estimate)[0, 1]) if varied else float("nan")
    low, high = block_interval(error**2, sample.block, draws, seed)
    has = np.isfinite(sample.inside)
    spread = float(np.sqrt(np.mean(sample.variance[has]))) if has.any() else float("nan")
    skill = float(np.sqrt(np.mean(error[has] ** 2))) if has.any() else float("nan")
    return Summary(
        n=n,
        blocks=int(np.unique(sample.block).size),
        rmse=rmse,
        bias=float(error.mean()),
        r=r,
        crps=float(sample.crps[has].mean()) if has.any() else float("nan"),
        coverage90=float(sample.inside[has].mean()) if has.any() else float("nan"),
        spread_skill=spread / skill if skill > 0 else float("nan"),
        rmse_low=low,
        rmse_high=high,
    )


def block_interval(
    square: Float, block: NDArray[np.int64], draws: int = 400, seed: int = 1, level: float = 0.9
) -> tuple[float, float]:
    """Bootstrap interval of the root mean of `square`, drawing whole blocks with replacement.

    NaN with fewer than four blocks: too few to say anything.
    """
    _, where = np.unique(block, return_inverse=True)
    count = np.bincount(where).astype(float)
    if count.size < 4:
        return float("nan"), float("nan")
    total = np.bincount(where, square)
    pick = np.random.default_rng(seed).integers(0, count.size, (draws, count.size))
    root = np.sqrt(total[pick].sum(axis=1) / count[pick].sum(axis=1))
    low, high = np.quantile(root, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)
