"""What a filter takes and gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class AnalysisError(ValueError):
    """The input of an analysis is unusable; the text says which and why."""


@dataclass(frozen=True)
class ObservationBatch:
    """Observations of one window.

    value, sd: ``[observation]``, same unit; ``sd`` is the total error standard deviation (> 0).
    group: ``[observation]`` index of the kind of observation (flux, soil water ...), for localisation by
    variable and for innovation statistics.
    """

    value: Array
    sd: Array
    group: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not (self.value.shape == self.sd.shape == self.group.shape and self.value.ndim == 1):
            raise AnalysisError(
                f"value, sd and group must be vectors of one length; got {self.value.shape}, "
                f"{self.sd.shape}, {self.group.shape}"
            )
        if not (np.isfinite(self.value).all() and np.isfinite(self.sd).all() and (self.sd > 0).all()):
            raise AnalysisError("an observation without a finite value and a positive error does not enter")

    def __len__(self) -> int:
        return len(self.value)

    def select(self, keep: NDArray[np.bool_]) -> ObservationBatch:
        return ObservationBatch(self.value[keep], self.sd[keep], self.group[keep])


@dataclass(frozen=True)
class Analysis:
    """Transforms ``[control_group, member, member]`` (one group where nothing is localised) and diagnostics."""

    transform: Array
    diagnostics: dict[str, float] = field(default_factory=dict)

    def apply(self, x: Array, control_group: int = 0) -> Array:
        """Analyse ``x [..., member]`` with the transform of its control group."""
        return x @ self.transform[control_group]


class Filter(ABC):
    """A filter turns predicted observations and observations into transforms.

    ``taper [control_group, observation]`` in [0, 1] is the localisation: the weight with which an observation
    acts on a group of the control vector. Without it there is one group and every weight is one.
    """

    @abstractmethod
    def analyse(
        self, predicted: Array, observations: ObservationBatch, taper: Array | None = None
    ) -> Analysis:
        """``predicted [observation, member]``, same unit as the observations.

        Raises `AnalysisError` for shapes that do not fit or for members that are not finite.
        """

    def at(self, window: int) -> Self:
        """The filter for this window: filters that draw random numbers draw those of the window."""
        return self


def check_predicted(predicted: Array, observations: ObservationBatch) -> None:
    """Raise `AnalysisError` unless ``predicted`` is finite and fits the observations."""
    if predicted.ndim != 2 or predicted.shape[0] != len(observations) or predicted.shape[1] < 2:
        raise AnalysisError(
            f"predicted observations must be [{len(observations)}, members >= 2]; got {predicted.shape}"
        )
    if not np.isfinite(predicted).all():
        bad = np.unique(np.nonzero(~np.isfinite(predicted))[1])
        raise AnalysisError(f"members {bad.tolist()} predict non-finite observations")
