"""Soil water and soil temperature at a depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from elterra.observations._observe import SWC_SENSOR_SD
from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._layers import SoilLayers, by_depth
from elterra.observations.operators._observations import Observations
from elterra.observations.operators._operator import check_kind
from elterra.observations.operators._series import ModelSeries, apply_in_time, time_mean

Array = NDArray[np.float64]

WATER_DENSITY = 1000.0  #: kg m-3, CLM5 constant denh2o


def _in_layers(series: ModelSeries, observations: Observations, layers: SoilLayers, values: Array) -> Array:
    """Weighted layers, then means over time: ``[observation, member]`` of ``values [time, layer, member]``."""
    weights, which = by_depth(layers, observations.depth)
    matrix = time_mean(series, observations)
    out = np.zeros((len(observations), values.shape[-1]))
    for k, row in enumerate(weights):
        mine = which == k
        out[mine] = apply_in_time(matrix[mine], np.einsum("l,tlm->tm", row, values[:, : row.size]))
    return out


@dataclass(frozen=True)
class SoilWater:
    """Liquid water by volume at a depth, or over the soil a sensor feels, m3 m-3.

    Dielectric sensors see the liquid (ice has nearly the permittivity of soil), so the output is SOILLIQ. `offset`
    and `gain` (numbers or ``[member]``) turn the model's water into that of the sensor: offset + gain x water.
    """

    layers: SoilLayers
    offset: float | Array = 0.0
    gain: float | Array = 1.0
    kind: ClassVar[str] = "soil_water"
    variables: ClassVar[tuple[str, ...]] = ("SOILLIQ",)
    linear: ClassVar[bool] = True
    errors: ClassVar[ErrorModel] = ErrorModel(
        "m3 m-3",
        (SWC_SENSOR_SD, 0.0),
        (0.036, 0.0),
        "random: choice, dielectric sensor; representativeness: sd of points within 2.5 m, Famiglietti et al. 2008 "
        "(doi:10.1029/2006WR005804)",
    )

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        liquid = series.get("SOILLIQ")
        volume = liquid / (self.layers.thickness[: liquid.shape[1], None] * WATER_DENSITY)
        return self.offset + self.gain * _in_layers(series, observations, self.layers, volume)


@dataclass(frozen=True)
class SoilTemperature:
    """Temperature at a depth, K: linear between the nodes of the layers."""

    layers: SoilLayers
    kind: ClassVar[str] = "soil_temperature"
    variables: ClassVar[tuple[str, ...]] = ("TSOI",)
    linear: ClassVar[bool] = True
    errors: ClassVar[ErrorModel] = ErrorModel(
        "K",
        (0.2, 0.0),
        (0.5, 0.0),
        "choice: thermistor; one profile against the mean of a column, depth within 1 cm",
    )

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        return _in_layers(series, observations, self.layers, series.get("TSOI"))
