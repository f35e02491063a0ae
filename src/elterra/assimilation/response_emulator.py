"""A cheap model of predicted observations that learns from the true members as the windows go by.

Predictions of a window differ from member to member because their inputs (parameters, errors of the weather) do:

    y_ij - mean_j y_ij  ~  sum_kl B_kl f_k(i) x_lj

with inputs ``x [l, member]`` as anomalies and features ``f [observation, k]`` that say how strongly an observation
of this hour and day answers (mean production, respiration, evaporation of its hours). ``B`` of each kind of observation is a
ridge regression on all windows so far, older ones forgotten. It is asked before it sees a window's members, so that its
scores are those of a forecast in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.assimilation.filter import Array


@dataclass
class ResponseEmulator:
    """kinds, features, inputs: numbers of them. ``memory``: windows after which a window weighs 1/e. ``ridge``: weight of
    the prior "no response" in units of one window of each kind. ``least``: windows of a kind (each counts less as it is
    forgotten) before anything is predicted of it.

    Features and predictions are scaled by their running mean squares, inputs should be of order one.
    """

    kinds: int
    features: int
    inputs: int
    memory: float = 60.0
    ridge: float = 0.02
    least: float = 15.0

    def __post_init__(self) -> None:
        size = self.features * self.inputs
        self.square = np.zeros((self.kinds, size, size))
        self.product = np.zeros((self.kinds, size))
        self.weight = np.zeros(self.kinds)
        self.scale = np.zeros((self.kinds, self.features))
        self.explained = np.zeros(self.kinds)
        self.variance = np.zeros(self.kinds)
        self._known: dict[int, Array] = {}  # responses solved for since their kind was last seen

    def coefficients(self, kind: NDArray[np.int64], features: Array) -> Array:
        """Change of each prediction for each input, ``[observation, input]``; zero for kinds not seen yet.

        ``kind [observation]``, ``features [observation, feature]``."""
        out = np.zeros((len(kind), self.inputs))
        for k in np.unique(kind):
            if self.weight[k] >= self.least:
                here = kind == k
                out[here] = self._scaled(k, features[here]) @ self._response(int(k))
        return out

    def predict(self, kind: NDArray[np.int64], features: Array, inputs: Array) -> Array:
        """Anomalies of predictions ``[observation, member]`` for anomalies ``inputs [input, member]``: `coefficients`."""
        return self.coefficients(kind, features) @ inputs

    def learn(self, kind: NDArray[np.int64], features: Array, inputs: Array, predicted: Array) -> None:
        """Take in a window: ``predicted [observation, member]`` of the true members. Residuals of all observations of a kind
        count the same. Scores are updated by what was predicted before."""
        x = inputs - inputs.mean(axis=1, keepdims=True)
        y = predicted - predicted.mean(axis=1, keepdims=True)
        before = self.predict(kind, features, x)
        keep = np.exp(-1.0 / self.memory)
        grams = x @ x.T
        for k in np.unique(kind):
            here = kind == k
            n = int(here.sum()) * x.shape[1]
            if self.weight[k] >= self.least:
                self.explained[k] = keep * self.explained[k] + ((y[here] - before[here]) ** 2).sum() / n
                self.variance[k] = keep * self.variance[k] + (y[here] ** 2).sum() / n
            if self.weight[k] == 0:  # the scale of the first window serves: only the ridge depends on it
                self.scale[k] = np.sqrt((features[here] ** 2).mean(axis=0))
            f = self._scaled(k, features[here])
            self.square[k] = keep * self.square[k] + np.kron(f.T @ f, grams) / n
            self.product[k] = keep * self.product[k] + (f.T @ y[here] @ x.T).ravel() / n
            self.weight[k] = keep * self.weight[k] + 1.0
            self._known.pop(int(k), None)

    def skill(self) -> Array:
        """Share of the variance between members that was predicted ahead of time, by kind; NaN where nothing was seen."""
        seen = self.variance > 0
        return np.where(seen, 1.0 - self.explained / np.where(seen, self.variance, 1.0), np.nan)

    def _scaled(self, kind: int, features: Array) -> Array:
        return np.asarray(features / np.where(self.scale[kind] > 0, self.scale[kind], 1.0))

    def _response(self, kind: int) -> Array:
        if kind not in self._known:
            size = self.square.shape[1]
            mean = np.trace(self.square[kind]) / (size * max(self.weight[kind], 1.0))
            square = self.square[kind] + self.ridge * mean * np.eye(size)
            solved = np.linalg.solve(square, self.product[kind])
            self._known[kind] = solved.reshape(self.features, self.inputs)
        return self._known[kind]

    def state(self) -> dict[str, Array]:
        """What a restart needs."""
        return {n: getattr(self, n) for n in _STATE}

    def restore(self, state: Mapping[str, Array]) -> None:
        """The inverse of `state`."""
        for n in _STATE:
            setattr(self, n, np.array(state[n]))
        self._known = {}


_STATE = ("square", "product", "weight", "scale", "explained", "variance")
