"""An emulator of whitened predictions: output components, one Gaussian process each, validated on runs it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.calibration._jax import jnp
from elterra.calibration.gaussian_process import (
    GaussianProcess,
    Kernel,
    fit,
    leave_one_out,
    predict_many,
)
from elterra.calibration.hull import Hull, training_hull
from elterra.calibration.problem import Runs
from elterra.calibration.reduction import OutputReduction, reduce_outputs
from elterra.calibration.validation import Validation, validate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Emulator:
    """``z [p]`` to components of the whitened predictions, with variance. ``validation``: exact leave-one-out."""

    reduction: OutputReduction
    gp: GaussianProcess
    kernel: Kernel
    hull: Hull
    validation: Validation

    def predict(self, z: Array) -> tuple[Array, Array]:
        """Mean and variance of the components, ``[k, r]`` each, at ``z [k, p]``."""
        mean, variance = predict_many(self.gp, jnp.asarray(z), self.kernel)
        return np.asarray(mean), np.asarray(variance)

    def predict_white(self, z: Array) -> tuple[Array, Array]:
        """Mean and variance of the whitened predictions, ``[k, n]`` each."""
        mean, variance = self.predict(z)
        return self.reduction.expand(mean), variance @ (self.reduction.basis**2).T

    def held_out(self, runs: Runs) -> Validation:
        """Scores on runs that were not trained on."""
        alive = runs.survivors()
        mean, variance = self.predict(alive.z)
        return validate(self.reduction.reduce(alive.white), mean, variance)


def train(
    runs: Runs,
    *,
    kernel: Kernel = "matern52",
    restarts: int = 2,
    rounds: int = 60,
    seed: int = 0,
    reduction: OutputReduction | None = None,
    start: Array | None = None,
) -> Emulator:
    """Train on the runs that succeeded. ``reduction`` and ``start`` (hyperparameters) of an earlier emulator are kept."""
    alive = runs.survivors()
    reduction = reduction or reduce_outputs(alive.white)
    targets = reduction.reduce(alive.white)
    gp = fit(alive.z, targets, kernel=kernel, restarts=restarts, rounds=rounds, seed=seed, start=start)
    mean, variance = leave_one_out(gp, targets)
    return Emulator(reduction, gp, kernel, training_hull(alive.z), validate(targets, mean, variance))
