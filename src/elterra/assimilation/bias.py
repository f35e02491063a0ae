"""Bias of observations, learned online for every station and sensor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation.filter import AnalysisError, Array, ObservationBatch


@dataclass
class BiasCorrection:
    """A scalar Kalman filter for the bias of each sensor (Dee and da Silva 1998, with a separate bias estimate).

    The innovation of a datum is bias plus noise of variance ``prior variance + error variance``. Between
    windows the bias is a first-order autoregression towards zero with stationary standard deviation ``sd``
    and memory ``memory`` (in windows). What all sensors of a kind have in common cannot be told from a bias
    of the model: keep one sensor as an anchor with ``anchored``, or ``sd`` small.

    sd ``[sensor]`` in the unit of its data. Every prediction is of ``mean[sensor]``, taken from the data
    before the analysis."""

    sd: Array
    memory: float = 100.0
    anchored: frozenset[int] = frozenset()
    mean: Array = field(init=False)
    variance: Array = field(init=False)

    def __post_init__(self) -> None:
        self.sd = np.asarray(self.sd, dtype=np.float64).copy()
        if (self.sd < 0).any() or self.memory <= 0:
            raise AnalysisError("bias: sd must not be negative and memory has to be positive")
        self.sd[list(self.anchored)] = 0.0
        self.mean = np.zeros(len(self.sd))
        self.variance = self.sd**2

    def forecast(self, windows: float = 1.0) -> None:
        """Move on: the estimate decays and grows uncertain."""
        keep = np.exp(-windows / self.memory)
        self.mean = keep * self.mean
        self.variance = keep**2 * self.variance + (1.0 - keep**2) * self.sd**2

    def corrected(self, observations: ObservationBatch, sensor: NDArray[np.int64]) -> ObservationBatch:
        """Data less the bias; what is not known of it widens the error."""
        return ObservationBatch(
            observations.value - self.mean[sensor],
            np.sqrt(observations.sd**2 + self.variance[sensor]),
            observations.group,
        )

    def update(self, predicted: Array, observations: ObservationBatch, sensor: NDArray[np.int64]) -> None:
        """Take in one window: data as measured, predicted ``[observation, member]`` before the analysis.

        The ensemble's error is common to the data of a sensor in one window: it does not average out, the data's errors do.
        """
        for k in np.unique(sensor):
            here = sensor == k
            weight = observations.sd[here] ** -2.0
            share = weight / weight.sum()
            mean = share @ predicted[here]
            innovation = float(share @ observations.value[here] - mean.mean())
            total = mean.var(ddof=1) + 1.0 / weight.sum()
            gain = self.variance[k] / (self.variance[k] + total)
            self.mean[k] += gain * (innovation - self.mean[k])
            self.variance[k] *= 1.0 - gain

    def state(self) -> dict[str, Array]:
        """What a restart needs."""
        return {"mean": self.mean, "variance": self.variance}

    def restore(self, state: dict[str, Array]) -> None:
        self.mean, self.variance = np.array(state["mean"]), np.array(state["variance"])
