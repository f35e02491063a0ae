"""An emulator of boosted trees: quantiles of each output component, several fits that have not seen all runs.

For responses with steps and thresholds, where a smooth process is the wrong picture. Trees have no gradient: sample with
stretch moves or pCN. The quantiles are those of XGBoost's pinball loss (Koenker and Bassett 1978).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.calibration.hull import Hull, training_hull
from elterra.calibration.problem import Runs
from elterra.calibration.reduction import OutputReduction, reduce_outputs
from elterra.calibration.transform_inversion import CalibrationError
from elterra.calibration.validation import Validation, validate

Array = NDArray[np.float64]

#: quantiles that are learned; half the width of a normal distribution between the outer two, in sd
QUANTILES, HALF_WIDTH = (0.16, 0.5, 0.84), 0.994
ROUNDS, LEARNING_RATE = 300, 0.06
TREES: dict[str, Any] = {"max_depth": 4, "min_child_weight": 4, "subsample": 0.7, "reg_lambda": 1.0}


@dataclass(frozen=True)
class TreeEmulator:
    """The same face as `emulator.Emulator`: `predict` of components with variance. ``validation``: on left-out folds."""

    reduction: OutputReduction
    boosters: tuple[tuple[Any, ...], ...]
    centre: Array
    scale: Array
    widen: Array
    hull: Hull
    validation: Validation

    def predict(self, z: Array) -> tuple[Array, Array]:
        """Mean and variance of the components, ``[k, r]`` each, at ``z [k, p]``."""
        found = [[_quantiles(one, z) for one in fold] for fold in self.boosters]
        mean, variance = _moments(np.array(found))
        return self.centre + self.scale * mean, self.scale**2 * variance * self.widen


def train_trees(runs: Runs, *, folds: int = 5, seed: int = 0, at_most: int | None = None) -> TreeEmulator:
    """One fit a fold, each on the runs outside of it; the mean of all of them predicts."""
    alive = runs.survivors()
    if len(alive.z) < 10 * folds:
        raise CalibrationError(f"trees in {folds} folds need {10 * folds} runs; got {len(alive.z)}")
    reduction = reduce_outputs(alive.white, at_most=at_most)
    targets = reduction.reduce(alive.white)
    centre, scale = targets.mean(axis=0), np.maximum(targets.std(axis=0), 1e-12)
    y = (targets - centre) / scale
    fold = np.random.default_rng(seed).permutation(len(y)) % folds
    boosters: list[tuple[Any, ...]] = []
    mean, variance = np.empty_like(y), np.empty_like(y)
    for k in range(folds):
        train, held = fold != k, fold == k
        fitted = tuple(_boost(alive.z[train], y[train, j], seed + 97 * k + j) for j in range(y.shape[1]))
        boosters.append(fitted)
        found = np.array([[_quantiles(one, alive.z[held]) for one in fitted]])
        mean[held], variance[held] = _moments(found)
    widen = np.maximum(((y - mean) ** 2 / variance).mean(axis=0), 1.0)
    scores = validate(targets, centre + scale * mean, scale**2 * variance * widen)
    return TreeEmulator(reduction, tuple(boosters), centre, scale, widen, training_hull(alive.z), scores)


def _moments(quantiles: Array) -> tuple[Array, Array]:
    """``quantiles [fold, r, k, 3]`` to mean and variance ``[k, r]``: width within a fit, and spread between fits."""
    middle = quantiles[..., 1]
    half = (quantiles[..., 2] - quantiles[..., 0]) / (2 * HALF_WIDTH)
    within = np.maximum(half, 1e-3) ** 2
    return middle.mean(axis=0).T, (within.mean(axis=0) + middle.var(axis=0)).T


def _boost(x: Array, y: Array, seed: int) -> Any:
    import xgboost as xgb

    settings = {
        "objective": "reg:quantileerror",
        "quantile_alpha": np.array(QUANTILES),
        "tree_method": "hist",
        "learning_rate": LEARNING_RATE,
        "nthread": 1,  # the same bits whatever the machine
        "seed": seed,
        **TREES,
    }
    return xgb.train(settings, xgb.QuantileDMatrix(x, y, nthread=1), ROUNDS)


def _quantiles(booster: Any, z: Array) -> Array:
    found = np.asarray(booster.inplace_predict(z), dtype=np.float64).reshape(len(z), len(QUANTILES))
    return np.sort(found, axis=1)  # quantiles that cross are put in order
