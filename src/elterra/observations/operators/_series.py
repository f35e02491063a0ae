"""Model output over time, by registry name, and its means over the intervals of observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._observations import Observations
from elterra.registry import variable

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ModelSeries:
    """What a model gave, the members last.

    edges : ``[time + 1]`` UTC bounds of the output intervals (datetime64), increasing, without gaps
    values : by registry name ``[time, ..., member]``, the dims of the registry between, its ``column`` being the
        member. Surface classes of a landscape (columns of a mosaic) may stand right after time.
    """

    edges: NDArray[np.datetime64]
    values: Mapping[str, Array]

    def __post_init__(self) -> None:
        edges = np.asarray(self.edges, "datetime64[ns]")
        if edges.ndim != 1 or edges.size < 2 or (np.diff(edges) <= np.timedelta64(0)).any():
            raise OperatorError("edges of the model output must be two or more increasing times")
        object.__setattr__(self, "edges", edges)
        members = {name: np.shape(v)[-1] for name, v in self.values.items()}
        if len(set(members.values())) > 1:
            raise OperatorError(f"variables have different numbers of members: {members}")
        for name, array in self.values.items():
            dims = len(variable(name).dims)
            if np.shape(array)[0] != edges.size - 1 or np.ndim(array) not in (dims + 1, dims + 2):
                raise OperatorError(
                    f"{name} has shape {np.shape(array)}; expected [time={edges.size - 1}, "
                    f"{', '.join(variable(name).dims[:-1])}{', ' if dims > 1 else ''}member]"
                )

    @property
    def members(self) -> int:
        """Number of members."""
        return int(np.shape(next(iter(self.values.values())))[-1])

    def get(self, name: str, classes: bool = False) -> Array:
        """Output `name` ``[time, ..., member]``; with surface classes after time where `classes`."""
        if name not in self.values:
            have = ", ".join(sorted(self.values))
            raise OperatorError(f"the operator needs the output {name!r}; there are {have}")
        array = np.asarray(self.values[name], float)
        want = len(variable(name).dims) + 1 + int(classes)
        if array.ndim != want:
            raise OperatorError(
                f"{name} has {array.ndim} dimensions, expected {want} "
                f"({'with' if classes else 'without'} surface classes)"
            )
        return array

    def weights(self, start: NDArray[np.datetime64], end: NDArray[np.datetime64]) -> sp.csr_matrix:
        """Share of each output interval in ``[start, end)``: sparse ``[interval, time]``, rows sum to 1.

        Raises `OperatorError` where an interval is not covered by the output."""
        start, end = np.asarray(start, "datetime64[ns]"), np.asarray(end, "datetime64[ns]")
        out = (start < self.edges[0]) | (end > self.edges[-1])
        if out.any():
            k = int(np.argmax(out))
            raise OperatorError(
                f"{int(out.sum())} of {start.size} observations lie outside the model output "
                f"({self.edges[0]} to {self.edges[-1]}), the first {start[k]} to {end[k]}; select those within"
            )
        first = np.searchsorted(self.edges, start, side="right") - 1
        last = np.searchsorted(self.edges, end, side="left")
        count = last - first
        row = np.repeat(np.arange(start.size), count)
        column = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
        low = np.maximum(self.edges[column], start[row])
        high = np.minimum(self.edges[column + 1], end[row])
        share = (high - low) / (end - start)[row]
        return sp.csr_matrix((share, (row, column)), shape=(start.size, self.edges.size - 1))

    def within(self, observations: Observations) -> NDArray[np.bool_]:
        """Which observations the output covers."""
        start, end = observations.start, observations.end
        if observations.sampling is None:
            return (start >= self.edges[0]) & (end <= self.edges[-1])
        s = observations.sampling
        outside = (s.start < self.edges[0]) | (s.end > self.edges[-1])
        return np.asarray(abs(s.matrix) @ outside.astype(float) == 0.0)


def time_mean(series: ModelSeries, observations: Observations) -> sp.csr_matrix:
    """The linear map ``[observation, time]`` from output intervals to the times that were measured."""
    sampling = observations.sampling
    if sampling is None:
        return series.weights(observations.start, observations.end)
    needed = np.asarray(abs(sampling.matrix).sum(axis=0)).ravel() > 0.0
    weights = series.weights(sampling.start[needed], sampling.end[needed])
    return sp.csr_matrix(sampling.matrix[:, needed] @ weights)


def apply_in_time(matrix: sp.csr_matrix, values: Array) -> Array:
    """``matrix [observation, time]`` times ``values [time, ..., member]``: ``[observation, ..., member]``."""
    flat = values.reshape(values.shape[0], -1)
    return np.asarray(matrix @ flat).reshape(matrix.shape[0], *values.shape[1:])


def stack_classes(parts: Sequence[ModelSeries]) -> ModelSeries:
    """Columns of a mosaic as one series: ``[time, class, ..., member]``."""
    if not parts:
        raise OperatorError("no surface class is given")
    for other in parts[1:]:
        if not np.array_equal(other.edges, parts[0].edges) or set(other.values) != set(parts[0].values):
            raise OperatorError("the surface classes have different times or variables")
    values = {name: np.stack([p.values[name] for p in parts], axis=1) for name in parts[0].values}
    return ModelSeries(parts[0].edges, values)
