"""Do intervals hold the truth as often as they say: counts, and a binomial test of all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

Array = NDArray[np.float64]

LEVELS = (0.5, 0.9)


def within(samples: Array, truth: Array, level: float) -> NDArray[np.bool_]:
    """Which of ``truth [p]`` lie in the central interval of ``samples [k, p]`` with probability ``level``."""
    low, high = np.quantile(samples, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return np.asarray((truth >= low) & (truth <= high))


@dataclass(frozen=True)
class JointTest:
    """``p_values`` of all counts; ``p_joint`` after Holm's correction: the smallest times their number."""

    p_values: Array
    p_joint: float

    def passed(self, size: float = 0.05) -> bool:
        """True where no count is improbable at the joint level ``size``."""
        return self.p_joint >= size


def joint_binomial_test(hits: Sequence[tuple[int, int, float]]) -> JointTest:
    """Of ``(hits, trials, probability)``, two-sided each. Joint by Bonferroni-Holm: valid whatever their dependence."""
    p = np.array([binomtest(int(k), int(n), q).pvalue for k, n, q in hits])
    return JointTest(p, float(min(1.0, p.min() * len(p))))


def predictive_coverage(
    predicted: Array, noise_sd: Array, observed: Array, seed: int = 0, levels: Sequence[float] = LEVELS
) -> dict[float, float]:
    """Share of ``observed [n]`` within central intervals of posterior predictions ``[k, n]`` with their noise added."""
    rng = np.random.default_rng(seed)
    drawn = predicted + noise_sd * rng.standard_normal(predicted.shape)
    return {level: float(within(drawn, observed, level).mean()) for level in levels}
