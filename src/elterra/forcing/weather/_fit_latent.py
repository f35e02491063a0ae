"""Fits of the latent fields: correlations between variables, from day to day and between places."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from elterra.forcing.weather.coefficients import FIELDS, SEASON_NODES
from elterra.forcing.weather.fields import (
    DAILY_BAND,
    DAILY_WAVES,
    EARTH_RADIUS_KM,
    correlation,
    slow_autocorrelation,
    spectrum,
)

Array = NDArray[np.float64]
#: lags (days) that memory and slow part are fitted to
LAGS = np.concatenate([np.arange(1, 11), np.arange(12, 41, 4)])
LENGTHS = np.geomspace(20.0, 2500.0, 28)
SMOOTHNESS = (0.5, 1.0, 1.5)
#: bounds (W m-2) of the irradiance of the seasons that memories are fitted in
BINS = (0.0, 150.0, 330.0, 600.0)
#: classes of irradiance for the correlations
CLASSES = (0.0, 60.0, 120.0, 180.0, 260.0, 340.0, 420.0, 600.0)


def normal_scores(x: Array, month: NDArray[np.int64]) -> Array:
    """Standard normal numbers of the ranks within calendar months; NaN stays."""
    out = np.full(x.shape, np.nan)
    for m in range(12):
        at = np.flatnonzero((month == m) & np.isfinite(x))
        if at.size < 40:
            continue
        # ties (zeros) are broken by place in the record, which is no information
        rank = np.argsort(np.argsort(x[at], kind="stable"), kind="stable")
        out[at] = special.ndtri((rank + 0.5) / at.size)
    return out


def rain_scores(rain: Array, month: NDArray[np.int64], wet_limit: float) -> tuple[Array, Array]:
    """Score of rain and share of wet days of the month, ``[day]``: wet days by rank, dry days the mean of the normal number
    below the threshold. The score is the expectation of the latent number given what is measured."""
    score, wet = np.full(rain.shape, np.nan), np.full(rain.shape, np.nan)
    for m in range(12):
        at = np.flatnonzero((month == m) & np.isfinite(rain))
        if at.size < 40:
            continue
        is_wet = rain[at] >= wet_limit
        p = float(np.clip(is_wet.mean(), 0.01, 0.99))
        rank = np.argsort(np.argsort(rain[at], kind="stable"), kind="stable")
        threshold = -special.ndtri(p)
        dry = -np.exp(-0.5 * threshold**2) / np.sqrt(2.0 * np.pi) / (1.0 - p)
        score[at] = np.where(is_wet, special.ndtri((rank + 0.5) / at.size), dry)
        wet[at] = p
    return score, wet


@cache
def _score_series(p: float) -> Array:
    """Squared Hermite coefficients of the rain score for a share ``p`` of wet days (Mehler's series)."""
    z = np.linspace(-8.0, 8.0, 4001)
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    threshold = -special.ndtri(p)
    dry = -np.exp(-0.5 * threshold**2) / np.sqrt(2.0 * np.pi) / (1.0 - p)
    score = np.where(z > threshold, z, dry)
    out, before, here = [], np.zeros_like(z), np.ones_like(z)
    for n in range(60):
        coefficient = np.sum(score * here * density) * (z[1] - z[0])
        out.append(coefficient**2)
        before, here = here, (z * here - np.sqrt(n) * before) / np.sqrt(n + 1.0)
    return np.array(out)


def latent_correlation(observed: float, p: float) -> float:
    """Correlation of two latent numbers whose rain scores have the mean product ``observed``, both wet in ``p`` of days."""
    series = _score_series(round(float(np.clip(p, 0.02, 0.98)), 2))[1:]
    power = np.arange(1, len(series) + 1)

    def miss(rho: float) -> float:
        return float((series * rho**power).sum() - observed)

    if miss(0.995) < 0.0:
        return 0.995
    if miss(-0.9) > 0.0:
        return -0.9
    return float(optimize.brentq(miss, -0.9, 0.995))


def cross(scores: dict[str, Array], keep: NDArray[np.bool_], lag: int = 0) -> tuple[Array, Array]:
    """Correlations ``[field, field]`` of the first with the second ``lag`` days later, and numbers of pairs of days.

    With rain the mean product is divided by the variance of its score: the correlation of the latent number itself."""
    size = len(FIELDS)
    out, number = np.zeros((size, size)), np.zeros((size, size))
    for i, a in enumerate(FIELDS):
        for j, b in enumerate(FIELDS):
            if a not in scores or b not in scores:
                continue
            x, y = scores[a][: len(keep) - lag], scores[b][lag:]
            good = np.isfinite(x) & np.isfinite(y) & keep[: len(keep) - lag]
            count = int(good.sum())
            if count < 300:
                continue
            if a == b == "rain":
                product = float(np.mean(x[good] * y[good]))
                value = (
                    1.0
                    if lag == 0
                    else latent_correlation(product, float(np.mean(scores["wet"][: len(x)][good])))
                )
            else:
                scale = 1.0
                if a == "rain":
                    scale = float(np.mean(x[good] ** 2))
                elif b == "rain":
                    scale = float(np.mean(y[good] ** 2))
                value = float(np.mean(x[good] * y[good])) / scale
            out[i, j], number[i, j] = value, count
    return out, number


def pooled(parts: list[tuple[Array, Array]]) -> Array:
    """Mean of the matrices by numbers of days; pairs that nobody measured are 0, the diagonal is that of the parts."""
    total = sum(n for _, n in parts)
    value = sum(c * n for c, n in parts)
    return np.where(total > 0, value / np.maximum(total, 1.0), 0.0)


def positive(matrix: Array) -> Array:
    """Nearest correlation matrix of full rank: eigenvalues of at least 0.02, diagonal one."""
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    fixed = (vectors * np.maximum(values, 0.02)) @ vectors.T
    scale = 1.0 / np.sqrt(np.diag(fixed))
    return fixed * scale[:, None] * scale[None]


def correlations(places: list[tuple[dict[str, Array], Array]]) -> Array:
    """Correlation of the fields at the nodes of the irradiance ``[node, field, field]``; ``places`` are scores and
    irradiance of the month of each day.

    Least squares over places and classes of irradiance: between nodes a correlation is linear, as the generator has it.
    """
    size, nodes = len(FIELDS), np.array(SEASON_NODES)
    left, right = np.zeros((size, size, len(nodes), len(nodes))), np.zeros((size, size, len(nodes)))
    for scores, sun in places:
        for low, high in pairwise(CLASSES):
            inside = (sun >= low) & (sun < high)
            if not inside.any():
                continue
            value, number = cross(scores, inside)
            hat = np.array([np.interp(sun[inside].mean(), nodes, unit) for unit in np.eye(len(nodes))])
            left += number[:, :, None, None] * np.outer(hat, hat)
            right += (number * value)[:, :, None] * hat
    # pairs that nobody measured have no left side: 0
    scale = np.maximum(left.trace(axis1=2, axis2=3), 1.0)[..., None, None]
    solved = np.linalg.solve(left + 1e-3 * scale * np.eye(len(nodes)), right[..., None])[..., 0]
    out = np.clip(np.moveaxis(solved, 2, 0), -0.95, 0.95)
    for node in out:
        np.fill_diagonal(node, 1.0)
    return np.stack([positive(node) for node in out])


def memories(places: list[tuple[dict[str, Array], Array]]) -> tuple[Array, Array]:
    """Memory from day to day and slow share by field for which every variable has its measured autocorrelation over
    40 days, given the correlations between them."""
    acf = np.zeros((len(LAGS), len(FIELDS)))
    for node in range(len(BINS) - 1):
        # season by season: what one variable has of another changes its sign from winter to summer
        kept = [(scores, (sun >= BINS[node]) & (sun < BINS[node + 1])) for scores, sun in places]
        lag0 = pooled([cross(scores, keep) for scores, keep in kept])
        np.fill_diagonal(lag0, 1.0)
        share = np.linalg.cholesky(positive(lag0)) ** 2
        for i, lag in enumerate(LAGS):
            own = np.diag(pooled([cross(scores, keep, int(lag)) for scores, keep in kept]))
            part = np.zeros(len(FIELDS))
            for k in range(len(FIELDS)):
                # the part of its own that gives a variable its measured autocorrelation, beside what it has of the others
                part[k] = np.clip((own[k] - share[k, :k] @ part[:k]) / share[k, k], -0.2, 0.98)
            acf[i] += part / (len(BINS) - 1)
    slow = slow_autocorrelation(LAGS)
    memory, share = np.zeros(len(FIELDS)), np.zeros(len(FIELDS))
    weight = 1.0 / LAGS
    phi, f = np.meshgrid(np.linspace(0.02, 0.95, 94), np.linspace(0.0, 0.5, 51), indexing="ij")
    for k in range(len(FIELDS)):
        model = (1.0 - f)[..., None] * phi[..., None] ** LAGS + f[..., None] * slow
        error = (weight * (model - acf[:, k]) ** 2).sum(axis=-1)
        at = np.unravel_index(int(np.argmin(error)), error.shape)
        memory[k], share[k] = phi[at], f[at]
    return memory, share


def chord(latitude: Array, longitude: Array) -> Array:
    """Distances (km, straight through the earth) ``[place, place]``."""
    lat, lon = np.deg2rad(latitude), np.deg2rad(longitude)
    x = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    return EARTH_RADIUS_KM * np.sqrt(np.maximum(2.0 - 2.0 * x @ x.T, 0.0))


def length(distance: Array, observed: Array, weight: Array) -> tuple[float, float]:
    """Length (km) and smoothness of the field whose correlation is nearest to ``observed`` at ``distance``."""
    best = (np.inf, 500.0, 0.5)
    for smooth in SMOOTHNESS:
        of = spectrum(LENGTHS, np.full(len(LENGTHS), smooth), DAILY_WAVES, DAILY_BAND)
        error = (weight * (correlation(of, distance) - observed) ** 2).sum(axis=1)
        i = int(np.argmin(error))
        if error[i] < best[0]:
            best = (float(error[i]), float(LENGTHS[i]), smooth)
    return best[1], best[2]


def pair_correlations(series: list[Array], latitude: Array, longitude: Array) -> tuple[Array, Array, Array]:
    """Distance, correlation and number of common days of all pairs of places; ``series`` scores on the same days."""
    x = np.stack(series)
    good = np.isfinite(x)
    filled = np.where(good, x, 0.0)
    number = good.astype(float) @ good.T.astype(float)
    product = filled @ filled.T
    square = (filled**2) @ good.T.astype(float)
    value = product / np.sqrt(np.maximum(square * square.T, 1e-9))
    upper = np.triu_indices(len(series), 1)
    keep = number[upper] >= 300
    return chord(latitude, longitude)[upper][keep], value[upper][keep], number[upper][keep]
