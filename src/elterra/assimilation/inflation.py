"""Inflation: keeping the ensemble as wide as its errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation.filter import AnalysisError, Array


def relax_to_prior_spread(prior: Array, posterior: Array, alpha: float) -> Array:
    """Relaxation to prior spread (Whitaker and Hamill 2012).

    ``prior``, ``posterior`` ``[..., member]``; anomalies of the posterior are scaled by
    ``1 + alpha (sd_prior - sd_posterior) / sd_posterior``. ``alpha`` 0 leaves the posterior, 1 restores the spread.
    """
    if not 0.0 <= alpha <= 1.0:
        raise AnalysisError(f"alpha of relaxation to prior spread must be in [0, 1]; got {alpha}")
    if alpha == 0.0:
        return posterior
    mean = posterior.mean(axis=-1, keepdims=True)
    anomalies = posterior - mean
    return mean + anomalies * (1.0 + alpha * spread_lost(prior, anomalies)[..., None])


def spread_lost(prior: Array, posterior: Array) -> Array:
    """``(sd_prior - sd_posterior) / sd_posterior`` over members ``[...]``; 0 where the posterior has no spread."""
    before, after = prior.std(axis=-1, ddof=1), posterior.std(axis=-1, ddof=1)
    return np.where(after > 0, (before - after) / np.where(after > 0, after, 1.0), 0.0)


@dataclass
class AdaptiveInflation:
    """Multiplicative inflation of the prior variance from innovations, one factor a group of observations.

    Wang and Bishop (2003): ``E[d'R^-1 d] = lambda tr(Y R^-1 Y') + n``. The instantaneous estimate is noisy, so it
    is smoothed in time with memory ``tau`` (in number of observations) and bounded. ``factor[group]`` multiplies
    the variance; the anomalies are scaled by its square root.
    """

    groups: int
    tau: float = 60.0
    lower: float = 1.0
    upper: float = 4.0

    def __post_init__(self) -> None:
        self.excess = np.zeros(self.groups)  # running mean of d^2/R - 1
        self.spread = np.zeros(self.groups)  # running mean of prior variance / R
        self.weight = np.zeros(self.groups)

    def update(self, innovation: Array, prior_variance: Array, sd: Array, group: NDArray[np.integer]) -> None:
        """Take in the innovations of one window; all ``[observation]``, ``prior_variance`` before inflation."""
        for g in range(self.groups):
            here = group == g
            n = int(here.sum())
            if n == 0:
                continue
            keep = np.exp(-n / self.tau)
            normalised = np.minimum((innovation[here] / sd[here]) ** 2, 25.0)  # one outlier must not rule
            self.excess[g] = keep * self.excess[g] + (1 - keep) * (normalised.mean() - 1.0)
            self.spread[g] = (
                keep * self.spread[g] + (1 - keep) * (prior_variance[here] / sd[here] ** 2).mean()
            )
            self.weight[g] = keep * self.weight[g] + (1 - keep)

    @property
    def factor(self) -> Array:
        """Variance factor ``[group]``; starts at one and is trusted as its memory fills."""
        raw = np.where(self.spread > 0, self.excess / np.where(self.spread > 0, self.spread, 1.0), 1.0)
        return 1.0 + self.weight * (np.clip(raw, self.lower, self.upper) - 1.0)

    def state(self) -> dict[str, Array]:
        """What a restart needs."""
        return {"excess": self.excess, "spread": self.spread, "weight": self.weight}

    def restore(self, state: dict[str, Array]) -> None:
        self.excess, self.spread, self.weight = (np.array(state[k]) for k in ("excess", "spread", "weight"))
