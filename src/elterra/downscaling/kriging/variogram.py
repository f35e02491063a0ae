"""Covariance that falls with distance, and its fit to the empirical variogram (Cressie 1985 weights)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from elterra.errors import InputError

Array = NDArray[np.float64]

MODELS = ("exponential", "spherical", "matern32")
#: pairs of points that the empirical variogram uses at most
_PAIRS = 300_000
_NEIGHBOURS = 400
_LAGS = 18
#: pairs that a lag needs to count
_FEWEST = 20


@dataclass(frozen=True)
class Variogram:
    """`sill` of the part that falls with distance and its `reach` (unit of the distances), plus a `nugget`.

    `reach`: distance at which an exponential model has lost 1 - 1/e, a spherical one everything.
    """

    model: str
    nugget: float
    sill: float
    reach: float

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise InputError(f"variogram model {self.model!r}; there are {', '.join(MODELS)}")
        if self.nugget < 0 or self.sill < 0 or not self.reach > 0:
            raise InputError(
                f"variogram: nugget {self.nugget}, sill {self.sill}, reach {self.reach}; expected >= 0, >= 0, > 0"
            )

    def correlated(self, distance: Array) -> Array:
        """Covariance without the nugget."""
        h = distance / self.reach
        if self.model == "exponential":
            return self.sill * np.exp(-h)
        if self.model == "spherical":
            return self.sill * np.where(h < 1, 1 - 1.5 * h + 0.5 * h**3, 0.0)
        return self.sill * (1 + np.sqrt(3) * h) * np.exp(-np.sqrt(3) * h)

    def covariance(self, distance: Array) -> Array:
        """With the nugget at distance 0."""
        return self.correlated(distance) + np.where(distance <= 0, self.nugget, 0.0)

    def gamma(self, distance: Array) -> Array:
        """Half the mean squared difference at a distance > 0."""
        return self.nugget + self.sill - self.correlated(distance)


def empirical(points: Array, values: Array, longest: float, seed: int = 0) -> tuple[Array, Array, Array]:
    """Lags, half mean squared differences, numbers of pairs, from `points` ``[n, dim]`` and `values` ``[n]``.

    All pairs where there are few points.
    """
    n = len(values)
    if n * (n - 1) // 2 <= _PAIRS:
        i, j = np.triu_indices(n, 1)
    else:
        # all neighbours of some points, so that short lags are there in every direction, and any pairs
        rng = np.random.default_rng(seed)
        near = min(_NEIGHBOURS, n - 1)
        some = rng.permutation(n)[: max(1, _PAIRS // 2 // near)]
        found = cKDTree(points).query(points[some], k=near + 1)[1][:, 1:]
        i = np.concatenate([np.repeat(some, near), rng.integers(0, n, _PAIRS // 2)])
        j = np.concatenate([found.ravel(), rng.integers(0, n, _PAIRS // 2)])
    distance = np.linalg.norm(points[i] - points[j], axis=1)
    keep = (distance > 0) & (distance <= longest)
    distance, half = distance[keep], 0.5 * (values[i] - values[j])[keep] ** 2
    if distance.size < 2 * _LAGS:
        raise InputError(
            f"variogram: {distance.size} pairs within {longest:g}; expected at least {2 * _LAGS} "
            "(more points, or longer lags)"
        )
    # finer towards 0, where the shape is decided
    edges = longest * (np.arange(1, _LAGS) / _LAGS) ** 1.5
    bin_ = np.searchsorted(edges, distance)
    count = np.bincount(bin_, minlength=_LAGS).astype(float)
    safe = np.maximum(count, 1)
    lag, gamma = (np.bincount(bin_, v, minlength=_LAGS) / safe for v in (distance, half))
    enough = count >= min(_FEWEST, count.max())
    return lag[enough], gamma[enough], count[enough]


def fit_variogram(points: Array, values: Array, longest: float, seed: int = 0) -> Variogram:
    """The model of `MODELS` that fits the empirical variogram best."""
    lag, gamma, count = empirical(points, values, longest, seed)
    level = float(max(gamma.max(), 1e-300))
    best: tuple[float, Variogram] | None = None
    for model in MODELS:

        def residual(p: Array, model: str = model) -> Array:
            v = Variogram(model, p[0] * level, p[1] * level, p[2] * longest)
            fitted = v.gamma(lag)
            return np.sqrt(count) * (gamma - fitted) / np.maximum(fitted, 1e-3 * level)

        start = np.array([0.2 * float(gamma[0]) / level + 1e-3, 0.8, 0.3])
        found = least_squares(residual, start, bounds=([1e-6, 1e-6, 0.01], [2.0, 5.0, 3.0]))
        nugget, sill, reach = found.x
        if best is None or found.cost < best[0]:
            best = (float(found.cost), Variogram(model, nugget * level, sill * level, reach * longest))
    assert best is not None
    return best[1]
