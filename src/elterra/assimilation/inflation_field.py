"""Adaptive inflation that differs from place to place (Anderson 2009)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from elterra.assimilation.filter import AnalysisError, Array


@dataclass
class InflationField:
    """A factor of the prior variance for every element of the state, each with a normal distribution of its own.

    The distance of an observation from the ensemble mean is normal with variance ``theta^2 = (1 + gamma
    (sqrt(lambda) - 1))^2 sigma_p^2 + sigma_o^2``, where gamma is the (localised) correlation of element and
    observation. Bayes' rule with the likelihood made linear about the present mean gives the mode of a
    quadratic equation (Anderson 2009, section 3, appendix A). ``sd`` stays as it is: the factor follows
    changes for ever.

    factor ``[state]``: of the variance; sd: of its distribution; bounds: it is kept within; damping: share of
    ``factor - 1`` that is left after each window, so that places without observations forget."""

    size: int
    sd: float = 0.6
    lower: float = 1.0
    upper: float = 25.0
    damping: float = 0.95
    factor: Array = field(init=False)

    def __post_init__(self) -> None:
        if not (self.size > 0 and self.sd > 0 and 0 < self.lower <= self.upper and 0 <= self.damping <= 1):
            raise AnalysisError("size, sd > 0, 0 < lower <= upper and damping in [0, 1] are needed")
        self.factor = np.ones(self.size)

    def damp(self) -> None:
        """Once a window, before `update`."""
        self.factor = 1.0 + self.damping * (self.factor - 1.0)

    def update(self, innovation: float, prior_variance: float, error_variance: float, gamma: Array) -> None:
        """Take in one observation: its innovation (datum minus mean), variances in the same unit squared, and
        ``gamma [state]`` in [0, 1].

        prior_variance is of the ensemble as it is inflated now, at the observation.
        """
        if not (np.isfinite(innovation) and prior_variance > 0 and error_variance > 0):
            return
        now = self.factor
        # Variance of the ensemble before it was inflated by what stands now, as the element sees it.
        raw = prior_variance / (1.0 + gamma * (np.sqrt(now) - 1.0)) ** 2
        scale = 1.0 + gamma * (np.sqrt(now) - 1.0)
        theta2 = scale**2 * raw + error_variance
        theta = np.sqrt(theta2)
        likelihood = np.exp(-0.5 * innovation**2 / theta2) / theta
        # d theta / d lambda, and from it the slope of the likelihood
        theta_slope = 0.5 * raw * gamma * (1.0 - gamma + gamma * np.sqrt(now)) / (theta * np.sqrt(now))
        slope = likelihood * (innovation**2 / theta2 - 1.0) / theta * theta_slope
        # (l + l'(x - now)) exp(-(x - now)^2 / 2 sd^2) has its mode where l' - (x - now)(l + l'(x - now)) / sd^2 = 0.
        ratio = np.where(np.abs(slope) > 0, likelihood / np.where(np.abs(slope) > 0, slope, 1.0), np.inf)
        safe = np.where(np.isfinite(ratio), ratio, 1.0)
        # u^2 + ratio u - sd^2 = 0; the root nearer to zero, without cancellation
        root = 2.0 * self.sd**2 / (safe + np.sign(safe) * np.sqrt(safe**2 + 4.0 * self.sd**2))
        change = np.where(np.isfinite(ratio), root, 0.0)
        self.factor = np.clip(now + change, self.lower, self.upper)

    def inflate(self, x: Array) -> Array:
        """``x [state, member]`` with anomalies times the root of the factor."""
        mean = x.mean(axis=-1, keepdims=True)
        return mean + np.sqrt(self.factor)[:, None] * (x - mean)

    def state(self) -> dict[str, Array]:
        """What a restart needs."""
        return {"factor": self.factor}

    def restore(self, state: dict[str, Array]) -> None:
        self.factor = np.array(state["factor"])
