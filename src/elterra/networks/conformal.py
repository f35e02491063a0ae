"""Split conformal calibration: intervals that hold what they promise, whatever the network.

On data that the network has not seen, the score of each is how far the truth lies from the prediction, in the network's
own unit. A new datum's score ranks among them anywhere with equal chance, so the k-th smallest of n, with
k = ceil((n + 1)(1 - a)), is not exceeded with probability at least 1 - a (Vovk et al. 2005; Lei et al. 2018; by groups:
Vovk 2012). The promise is for exchangeable data: neighbouring cells are not, so calibrate on blocks or samples of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elterra.errors import InputError

Array = NDArray[np.float64]


def finite_sample_quantile(scores: ArrayLike, level: float) -> float:
    """The smallest of n scores that a new one stays below with probability ``level`` at least; infinite where n is too
    small for that (n + 1 < 1 / (1 - level))."""
    if not 0.0 < level < 1.0:
        raise InputError(f"conformal: a level lies within (0, 1); got {level}")
    values = np.sort(np.asarray(scores, np.float64).ravel())
    if np.isnan(values).any():
        raise InputError(
            f"conformal: {int(np.isnan(values).sum())} of {values.size} scores are NaN; leave them out"
        )
    rank = int(np.ceil((values.size + 1) * level - 1e-9))
    return float(values[rank - 1]) if rank <= values.size else float("inf")


@dataclass(frozen=True)
class Conformal:
    """Factors on a predicted half-width, one for each group and level.

    ``groups``: their numbers, ascending. ``factors [group, level]``. ``counts [group]``: scores behind each.
    ``pooled [group]``: True where a group had too few and took the factor of all together.
    """

    levels: tuple[float, ...]
    groups: tuple[int, ...]
    factors: Array
    counts: NDArray[np.int64]
    pooled: NDArray[np.bool_]

    def factor(self, group: ArrayLike, level: float) -> Array:
        """Factors for cells of these groups. A group that calibration has not met takes the largest factor known."""
        if level not in self.levels:
            raise InputError(f"conformal: level {level} was not calibrated; there are {self.levels}")
        column = self.factors[:, self.levels.index(level)]
        place = np.searchsorted(self.groups, np.asarray(group))
        near = np.minimum(place, len(self.groups) - 1)
        met = np.asarray(self.groups)[near] == np.asarray(group)
        return np.asarray(np.where(met, column[near], column.max()))

    def interval(self, mean: ArrayLike, sd: ArrayLike, group: ArrayLike, level: float) -> tuple[Array, Array]:
        """Lower and upper bound ``mean -+ factor * sd``."""
        half = self.factor(group, level) * np.asarray(sd)
        return np.asarray(mean) - half, np.asarray(mean) + half

    def arrays(self) -> dict[str, NDArray]:
        """What `from_arrays` needs, to be stored beside the weights."""
        return {
            "levels": np.asarray(self.levels),
            "groups": np.asarray(self.groups, np.int64),
            "factors": self.factors,
            "counts": self.counts,
            "pooled": self.pooled,
        }

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray]) -> Conformal:
        """Undoes `arrays`."""
        return Conformal(
            tuple(float(x) for x in arrays["levels"]),
            tuple(int(x) for x in arrays["groups"]),
            arrays["factors"],
            arrays["counts"],
            arrays["pooled"].astype(bool),
        )


def calibrate(
    mean: ArrayLike,
    sd: ArrayLike,
    truth: ArrayLike,
    group: ArrayLike | None = None,
    *,
    levels: tuple[float, ...] = (0.5, 0.9),
    least: int = 50,
) -> Conformal:
    """Factors from data that the network has not seen. All arrays of one shape; ``sd`` > 0; ``group`` whole numbers (a
    plant type), all one group where absent. Groups with fewer than ``least`` data take the factor of all together."""
    middle, width, y = (np.asarray(x, np.float64).ravel() for x in (mean, sd, truth))
    if not middle.size == width.size == y.size:
        raise InputError(
            f"conformal: mean, sd and truth differ in size: {middle.size}, {width.size}, {y.size}"
        )
    if not (width > 0.0).all():
        raise InputError(
            f"conformal: sd must be above 0; {int((~(width > 0.0)).sum())} of {width.size} are not"
        )
    score = np.abs(y - middle) / width
    member = np.zeros(y.size, np.int64) if group is None else np.asarray(group).ravel()
    if member.size != y.size:
        raise InputError(f"conformal: group has {member.size} values for {y.size} data")
    if y.size < least:
        raise InputError(f"conformal: {y.size} data are too few; {least} are needed")
    groups, counts = np.unique(member, return_counts=True)
    whole = [finite_sample_quantile(score, level) for level in levels]
    pooled = counts < least
    factors = np.array(
        [
            whole if few else [finite_sample_quantile(score[member == g], level) for level in levels]
            for g, few in zip(groups, pooled, strict=True)
        ]
    )
    return Conformal(tuple(levels), tuple(int(g) for g in groups), factors, counts, pooled)
