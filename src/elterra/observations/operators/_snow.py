"""Depth and water of the snow pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._observations import Observations
from elterra.observations.operators._operator import check_kind, unit_factor
from elterra.observations.operators._series import ModelSeries, apply_in_time, time_mean
from elterra.registry import variable

Array = NDArray[np.float64]


def _mean(name: str, series: ModelSeries, observations: Observations) -> Array:
    factor = unit_factor(variable(name).units, observations.units)
    return factor * apply_in_time(time_mean(series, observations), series.get(name))


@dataclass(frozen=True)
class SnowDepth:
    """Depth of snow over the ground, m: the model's mean over the column (SNOWDP), bare ground included."""

    kind: ClassVar[str] = "snow_depth"
    variables: ClassVar[tuple[str, ...]] = ("SNOWDP",)
    linear: ClassVar[bool] = True
    errors: ClassVar[ErrorModel] = ErrorModel(
        "m",
        (0.01, 0.0),
        (0.02, 0.10),
        "random: accuracy of an ultrasonic gauge, Morin et al. 2012 (doi:10.5194/essd-4-13-2012); "
        "representativeness: choice",
    )

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        return _mean("SNOWDP", series, observations)


@dataclass(frozen=True)
class SnowWater:
    """Water equivalent of the snow on the ground, mm (kg m-2)."""

    kind: ClassVar[str] = "snow_water"
    variables: ClassVar[tuple[str, ...]] = ("SWE",)
    linear: ClassVar[bool] = True
    errors: ClassVar[ErrorModel] = ErrorModel(
        "mm", (5.0, 0.05), (5.0, 0.10), "choice; a survey brings the sd among its points, which replaces it"
    )

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        return _mean("SWE", series, observations)
