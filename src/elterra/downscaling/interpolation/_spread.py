"""Intervals from errors that a method made on stations apart: how large they usually are here, and their quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.scene import LEVELS

Array = NDArray[np.float64]

_LEAST = 0.05


@dataclass(frozen=True)
class Spread:
    """`booster` tells the size of errors from regressors (None: `level` everywhere); `table` are quantiles of error/size."""

    booster: Any
    level: float
    table: Array

    @classmethod
    def learn(cls, regressors: Array, errors: Array, size: Array, seed: int = 0) -> Spread:
        """From `errors` ``[n]`` out of fold, and what the method itself thinks of their `size` ``[n]`` (sd, or ones)."""
        ratio = np.abs(errors) / size
        level = float(ratio.mean()) or 1.0
        booster = None
        if regressors.shape[1]:
            import xgboost as xgb

            booster = xgb.train(
                {
                    "max_depth": 3,
                    "learning_rate": 0.1,
                    "min_child_weight": 20,
                    "reg_lambda": 5.0,
                    "nthread": 1,
                    "seed": seed,
                },
                xgb.DMatrix(regressors, ratio / level, nthread=1),
                40,
            )
        found = cls(booster, level, np.zeros(len(LEVELS)))
        return cls(booster, level, np.quantile(errors / found.size(regressors, size), LEVELS))

    def size(self, regressors: Array, own: Array) -> Array:
        if self.booster is None:
            return self.level * own
        factor = np.asarray(self.booster.inplace_predict(regressors), dtype=np.float64)
        return self.level * np.maximum(factor, _LEAST) * own

    def quantiles(self, mean: Array, regressors: Array, own: Array) -> Array:
        """``[level, n]``; `mean` plus the quantiles of truth - mean."""
        return mean + self.table[:, None] * self.size(regressors, own)
