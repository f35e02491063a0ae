"""Intervals from errors that a method made on stations apart: how large they usually are here, and their quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.scene import LEVELS

Array = NDArray[np.float64]

_LEAST = 0.05
_ROUNDS = 40


@dataclass(frozen=True)
class Spread:
    """`booster` tells the size of errors from regressors (None: `level` everywhere); `table` are quantiles of error/size."""

    booster: Any
    level: float
    table: Array

    @classmethod
    def learn(
        cls, regressors: Array, errors: Array, size: Array, fold: NDArray[np.int64], seed: int = 0
    ) -> Spread:
        """From `errors` ``[n]`` of points that the fit had not seen, and what the method itself thinks of their `size`
        ``[n]`` (sd, or ones). The quantiles are of errors whose size was told from the other folds."""
        ratio = np.abs(errors) / size
        level = float(ratio.mean()) or 1.0
        apart = level * size
        if regressors.shape[1]:
            for f in np.unique(fold):
                out = fold == f
                told = cls(_boost(regressors[~out], ratio[~out] / level, seed), level, np.zeros(len(LEVELS)))
                apart[out] = told.size(regressors[out], size[out])
        booster = _boost(regressors, ratio / level, seed) if regressors.shape[1] else None
        return cls(booster, level, np.quantile(errors / apart, LEVELS))

    def size(self, regressors: Array, own: Array) -> Array:
        if self.booster is None:
            return self.level * own
        factor = np.asarray(self.booster.inplace_predict(regressors), dtype=np.float64)
        return self.level * np.maximum(factor, _LEAST) * own

    def quantiles(self, mean: Array, regressors: Array, own: Array) -> Array:
        """``[level, n]``; `mean` plus the quantiles of truth - mean."""
        return mean + self.table[:, None] * self.size(regressors, own)


def _boost(x: Array, y: Array, seed: int) -> Any:
    import xgboost as xgb

    settings = {
        "max_depth": 3,
        "learning_rate": 0.1,
        "min_child_weight": 20,
        "reg_lambda": 5.0,
        "nthread": 1,
        "seed": seed,
    }
    return xgb.train(settings, xgb.DMatrix(x, y, nthread=1), _ROUNDS)
