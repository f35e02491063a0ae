"""The score card of downscaled fields, the same for every method.

* `crps`: twice the mean pinball loss at `LEVELS`, the CRPS of ten members at these quantiles; the mean absolute error
  where all quantiles are one number.
* `coverage90`: share of truths between the outer two quantiles. `spread_skill`: root mean square of the half width of that
  interval over 1.645, over the RMSE.
* `log_spectral_distance` (dB): root mean square over wavenumbers of 10 log10 of the ratio of power spectra, means over
  regions; `spectrum_error`: largest relative error of the power up to half the Nyquist wavenumber.
* `histogram_distance`: Wasserstein distance of the values, over their standard deviation.
* `aggregate_error`: largest error of a coarse mean over the largest coarse value.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.scene import LEVELS

Array = NDArray[np.float64]

#: share of a region that must be known for its spectrum
_KNOWN = 0.95
_WAVENUMBERS = 24
_HALF_WIDTH = 1.6449


def crps(truth: Array, quantiles: Array) -> Array:
    """``[n]`` from `truth` ``[n]`` and `quantiles` ``[level, n]``."""
    level = np.array(LEVELS)[:, None]
    gap = truth - quantiles
    return 2.0 * np.maximum(level * gap, (level - 1.0) * gap).mean(axis=0)


def point_scores(truth: Array, mean: Array, quantiles: Array) -> dict[str, float]:
    """Scores that need no neighbours; ``[n]``, ``[n]``, ``[level, n]``, all finite."""
    error = mean - truth
    rmse = float(np.sqrt(np.mean(error**2)))
    width = (quantiles[-1] - quantiles[0]) / (2 * _HALF_WIDTH)
    sd = float(truth.std())
    out = {
        "rmse": rmse,
        "mae": float(np.abs(error).mean()),
        "bias": float(error.mean()),
        "crps": float(crps(truth, quantiles).mean()),
        "coverage90": float(((truth >= quantiles[0]) & (truth <= quantiles[-1])).mean()),
        "n": float(truth.size),
    }
    if rmse > 0:
        out["spread_skill"] = float(np.sqrt(np.mean(width**2)) / rmse)
    if sd > 0:
        out["histogram_distance"] = float(np.abs(np.sort(mean) - np.sort(truth)).mean() / sd)
    return out


def spectrum(field: Array) -> tuple[Array, Array]:
    """Wavenumbers (cycles a pixel) and radially averaged power of ``[y, x]``, Hann window, mean removed."""
    z = field - field.mean()
    z = z * np.outer(np.hanning(z.shape[0]), np.hanning(z.shape[1]))
    power = np.abs(np.fft.fft2(z)) ** 2
    k = np.hypot(np.fft.fftfreq(z.shape[0])[:, None], np.fft.fftfreq(z.shape[1])[None, :])
    # below 1.5 waves a side a wavenumber is the window's
    edges = np.linspace(1.5 / min(z.shape), 0.5, min(_WAVENUMBERS, min(z.shape) // 2) + 1)
    bin_ = np.searchsorted(edges, k.ravel(), side="right") - 1
    inside = (bin_ >= 0) & (bin_ < len(edges) - 1)
    count = np.bincount(bin_[inside], minlength=len(edges) - 1)
    total = np.bincount(bin_[inside], power.ravel()[inside], minlength=len(edges) - 1)
    keep = count > 0
    return (0.5 * (edges[1:] + edges[:-1]))[keep], total[keep] / count[keep]


def spectral_scores(pairs: Iterable[tuple[Array, Array]]) -> dict[str, float]:
    """From (truth, field) of regions of one size ``[y, x]``; gaps of the truth are filled by its mean in both, regions with
    more than 5 % of them and uniform ones are left out. Empty where none is left."""
    found: dict[tuple[int, ...], list[tuple[Array, Array, Array]]] = {}
    for truth, field in pairs:
        known = np.isfinite(truth) & np.isfinite(field)
        if known.mean() < _KNOWN or np.ptp(truth[known]) == 0:
            continue
        fill = truth[known].mean()
        k, a = spectrum(np.where(known, truth, fill))
        _, b = spectrum(np.where(known, field, fill))
        found.setdefault(truth.shape, []).append((k, a, b))
    if not found:
        return {}
    most = max(found.values(), key=len)
    k = most[0][0]
    truth, field = (np.mean([m[i] for m in most], axis=0) for i in (1, 2))
    ratio = np.maximum(field, 1e-12 * truth.max()) / np.maximum(truth, 1e-12 * truth.max())
    half = k <= 0.25
    out = {
        "log_spectral_distance": float(np.sqrt(np.mean((10 * np.log10(ratio)) ** 2))),
        "regions": float(len(most)),
    }
    if half.any():
        out["spectrum_error"] = float(np.abs(ratio[half] - 1).max())
    return out
