"""Transformations of bounded and skewed variables to ones a Gaussian analysis may move freely, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import ndtri

from elterra.assimilation.filter import AnalysisError, Array


class Anamorphosis(Protocol):
    """Strictly monotonic map of a variable onto the real line."""

    def forward(self, x: Array) -> Array:
        """From the variable to the real line. Raises `AnalysisError` for values outside of the domain."""

    def backward(self, z: Array) -> Array:
        """From the real line into the domain, whatever ``z``."""


@dataclass(frozen=True)
class Log:
    """``ln(x - lower)``: variables above a bound (stocks, snow, precipitation). The bound itself is outside."""

    lower: float = 0.0

    def forward(self, x: Array) -> Array:
        _inside(x, self.lower, np.inf)
        return np.log(np.asarray(x) - self.lower)

    def backward(self, z: Array) -> Array:
        return self.lower + np.exp(z)

    def slope(self, x: Array) -> Array:
        """``dz/dx``: an error standard deviation in x times it is one in z."""
        return 1.0 / (np.asarray(x) - self.lower)


@dataclass(frozen=True)
class Logit:
    """``ln((x - lower) / (upper - x))``: variables between two bounds (soil water, fractions)."""

    lower: float = 0.0
    upper: float = 1.0

    def forward(self, x: Array) -> Array:
        _inside(x, self.lower, self.upper)
        return np.log((np.asarray(x) - self.lower) / (self.upper - np.asarray(x)))

    def backward(self, z: Array) -> Array:
        z = np.asarray(z)
        e = np.exp(-np.abs(z))
        return self.lower + (self.upper - self.lower) * np.where(z >= 0, 1.0 / (1.0 + e), e / (1.0 + e))

    def slope(self, x: Array) -> Array:
        """``dz/dx``."""
        x = np.asarray(x)
        return (self.upper - self.lower) / ((x - self.lower) * (self.upper - x))


@dataclass(frozen=True)
class GaussianAnamorphosis:
    """Empirical quantiles to normal quantiles (Bertino et al. 2003; Simon and Bertino 2009).

    values ``[k]``, strictly increasing, and their normal scores; linear between them. Beyond the ends the
    line goes on with the slope of the outer half of the quantiles, but ``backward`` never leaves [lower,
    upper]: there it approaches the bound exponentially."""

    values: Array
    scores: Array
    lower: float = -np.inf
    upper: float = np.inf

    @classmethod
    def of_sample(cls, sample: Array, lower: float = -np.inf, upper: float = np.inf) -> GaussianAnamorphosis:
        """From a sample ``[n]`` (prior ensemble or climatology); ties share the mean of their ranks."""
        finite = np.asarray(sample, dtype=np.float64).ravel()
        finite = finite[np.isfinite(finite)]
        values, count = np.unique(finite, return_counts=True)
        if len(values) < 3:
            raise AnalysisError(
                f"a Gaussian anamorphosis needs at least 3 different values; got {len(values)}"
            )
        if values[0] < lower or values[-1] > upper:
            raise AnalysisError(
                f"the sample reaches from {values[0]} to {values[-1]}, the bounds are {lower}, {upper}"
            )
        middle = np.cumsum(count) - 0.5 * count
        return cls(values, ndtri(middle / len(finite)), lower, upper)

    def forward(self, x: Array) -> Array:
        _inside(x, self.lower, self.upper, closed=True)
        x = np.asarray(x, dtype=np.float64)
        z = np.interp(x, self.values, self.scores)
        below, above = self._slopes()
        low, high = self.values[0], self.values[-1]
        z = np.where(x < low, self.scores[0] - self._stretch(low - x, low - self.lower) / below, z)
        return np.where(x > high, self.scores[-1] + self._stretch(x - high, self.upper - high) / above, z)

    def backward(self, z: Array) -> Array:
        z = np.asarray(z, dtype=np.float64)
        x = np.interp(z, self.scores, self.values)
        below, above = self._slopes()
        low, high = self.values[0], self.values[-1]
        x = np.where(
            z < self.scores[0], low - self._shrink((self.scores[0] - z) * below, low - self.lower), x
        )
        return np.where(
            z > self.scores[-1], high + self._shrink((z - self.scores[-1]) * above, self.upper - high), x
        )

    def _slopes(self) -> tuple[float, float]:
        """dx/dz of the lower and the upper half."""
        k = len(self.values) // 2
        below = (self.values[k] - self.values[0]) / (self.scores[k] - self.scores[0])
        above = (self.values[-1] - self.values[-1 - k]) / (self.scores[-1] - self.scores[-1 - k])
        return float(below), float(above)

    @staticmethod
    def _shrink(step: Array, room: float) -> Array:
        """A step that stays within ``room``, with slope one at zero."""
        if not np.isfinite(room):
            return step
        return room * -np.expm1(-np.maximum(step, 0.0) / room) if room > 0 else np.zeros_like(step)

    @staticmethod
    def _stretch(step: Array, room: float) -> Array:
        """The inverse of `_shrink`; at the bound itself the largest double below one stands for it."""
        if not np.isfinite(room):
            return step
        if room <= 0:
            return np.zeros_like(step)
        return -room * np.log1p(-np.clip(step / room, 0.0, 1.0 - 2**-53))


def normal_scores(x: Array) -> Array:
    """Ranks of ``x [..., member]`` among the members as normal scores: a rank-based ensemble for robust correlations."""
    order = np.argsort(np.argsort(x, axis=-1), axis=-1)
    return ndtri((order + 0.5) / x.shape[-1])


def _inside(x: Array, lower: float, upper: float, *, closed: bool = False) -> None:
    x = np.asarray(x)
    bad = (x < lower) | (x > upper) if closed else (x <= lower) | (x >= upper)
    if bad.any() or not np.isfinite(x).all():
        raise AnalysisError(
            f"values must lie {'within' if closed else 'strictly within'} {lower} and {upper}; "
            f"{int((bad | ~np.isfinite(x)).sum())} of {x.size} do not"
        )
