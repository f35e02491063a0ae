"""Have chains converged, and how many independent draws are they worth: R-hat and effective sizes.

Rank-normalised split R-hat (the larger of bulk and folded) and effective sample sizes in the bulk and in the tails, after
Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]


def split_rhat(samples: Array) -> Array:
    """Rank-normalised split R-hat ``[p]`` of ``samples [chain, draw, p]``; below 1.01 is fine."""
    halves = _split(samples)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    return np.maximum(_rhat(_ranks(halves)), _rhat(_ranks(folded)))


def bulk_ess(samples: Array) -> Array:
    """Effective number of draws ``[p]`` for the centre of the distribution."""
    return _ess(_ranks(_split(samples)))


def tail_ess(samples: Array) -> Array:
    """Effective number of draws ``[p]`` for the 5 % and 95 % quantiles, the smaller of both."""
    halves = _split(samples)
    low, high = (np.quantile(halves, q, axis=(0, 1)) for q in (0.05, 0.95))
    return np.minimum(_ess((halves <= low).astype(float)), _ess((halves <= high).astype(float)))


def _split(samples: Array) -> Array:
    if samples.ndim != 3 or samples.shape[1] < 8:
        raise CalibrationError(f"samples must be [chain, draw, p] with 8 draws or more; got {samples.shape}")
    half = samples.shape[1] // 2
    return np.concatenate([samples[:, :half], samples[:, -half:]])


def _ranks(x: Array) -> Array:
    """Normal scores of the ranks over all chains together."""
    flat = x.reshape(-1, x.shape[2])
    ranks = rankdata(flat, axis=0)
    return np.asarray(ndtri((ranks - 0.375) / (len(flat) + 0.25))).reshape(x.shape)


def _variances(x: Array) -> tuple[Array, Array]:
    draws = x.shape[1]
    within = x.var(axis=1, ddof=1).mean(axis=0)
    between = x.mean(axis=1).var(axis=0, ddof=1) if len(x) > 1 else np.zeros(x.shape[2])
    return within, within * (draws - 1) / draws + between


def _rhat(x: Array) -> Array:
    within, total = _variances(x)
    return np.sqrt(np.where(within > 0, total / np.where(within > 0, within, 1.0), np.inf))


def _ess(x: Array) -> Array:
    """Geyer's initial monotone sequence of the autocorrelation over all chains."""
    chains, draws, p = x.shape
    within, total = _variances(x)
    size = int(2 ** np.ceil(np.log2(2 * draws)))
    spectrum = np.fft.rfft(x - x.mean(axis=1, keepdims=True), size, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, size, axis=1)[:, :draws].mean(axis=0) / draws
    out = np.empty(p)
    for j in range(p):
        if within[j] <= 0:
            out[j] = np.nan
            continue
        rho = 1.0 - (within[j] - covariance[:, j] * draws / (draws - 1)) / total[j]
        rho[0] = 1.0
        pairs = rho[: draws - draws % 2].reshape(-1, 2).sum(axis=1)
        negative = np.nonzero(pairs < 0)[0]
        pairs = np.minimum.accumulate(pairs[: negative[0]] if negative.size else pairs)
        tau = max(2.0 * pairs.sum() - 1.0, 1.0 / np.log10(chains * draws))
        out[j] = chains * draws / tau
    return out
