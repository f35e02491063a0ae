"""Cosmic-ray neutrons: the count over the hydrogen of soil, snow, canopy and biomass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._layers import SoilLayers
from elterra.observations.operators._neutron_count import (
    WATER_OF_CARBON,
    above_ground,
    desilets_count,
    uts_count,
)
from elterra.observations.operators._neutron_weights import MEAN_DISTANCE, layer_weight, penetration_depth
from elterra.observations.operators._observations import Observations
from elterra.observations.operators._operator import check_kind
from elterra.observations.operators._series import ModelSeries, apply_in_time, time_mean

Array = NDArray[np.float64]

CM = 100.0  #: cm in a metre
ITERATIONS = 10  #: of the depth weights with the water they weight


@dataclass(frozen=True)
class NeutronCount:
    """Corrected epithermal count per hour.

    layers : geometry of the soil; only as deep as neutrons come from matters
    bulk_density : ``[layer]`` dry, g cm-3
    lattice_water, organic_carbon : ``[layer]`` kg kg-1
    n0 : of the sensor, counts per hour (`n0_of`), a number or ``[member]``
    biomass : dry above-ground, kg m-2, a number or ``[member]``
    relation : "desilets" (counts corrected for humidity) or "uts" (not corrected for humidity; the observations bring
        `humidity`, g m-3)

    Nonlinear: the water of the hour is weighted over depth, the weights depend on it, and the count falls
    hyperbolically with it. The model's column stands for the whole footprint.
    """

    layers: SoilLayers
    bulk_density: tuple[float, ...]
    lattice_water: tuple[float, ...]
    organic_carbon: tuple[float, ...]
    n0: float | Array
    biomass: float | Array = 0.0
    relation: Literal["desilets", "uts"] = "desilets"
    kind: ClassVar[str] = "neutrons"
    variables: ClassVar[tuple[str, ...]] = ("H2OSOI", "SWE", "H2OCAN")
    linear: ClassVar[bool] = False
    errors: ClassVar[ErrorModel] = ErrorModel(
        "h-1",
        (0.0, 0.0),
        (0.0, 0.02),
        "random: counting, the root of the counts (Poisson); representativeness: choice, about 0.02 m3 m-3: scatter of N0 "
        "among campaigns at one site",
        counting=True,
    )

    def __post_init__(self) -> None:
        n = len(self.layers.interfaces) - 1
        for name in ("bulk_density", "lattice_water", "organic_carbon"):
            values = np.asarray(getattr(self, name), float)
            if values.shape != (n,) or not np.isfinite(values).all() or (values < 0.0).any():
                raise OperatorError(f"{name} must have one number >= 0 for each of the {n} layers")
        if not (min(self.bulk_density) > 0.0 and (np.asarray(self.n0) > 0.0).all()):
            raise OperatorError("bulk_density and n0 must be positive")

    def weights(self, water: Array) -> Array:
        """Share of each layer ``[..., layer, member]`` for the water of the layers of the same shape, m3 m-3."""
        z = np.asarray(self.layers.interfaces) * CM
        top, bottom = z[:-1, None], z[1:, None]
        density = np.asarray(self.bulk_density)[:, None]
        share = np.broadcast_to(
            self.layers.mean(0.0, min(0.3, self.layers.interfaces[-1]))[:, None], water.shape
        )
        for _ in range(ITERATIONS):
            mean_water = (share * water).sum(axis=-2, keepdims=True)
            mean_density = (share * density).sum(axis=-2, keepdims=True)
            share = layer_weight(top, bottom, penetration_depth(MEAN_DISTANCE, mean_density, mean_water))
            share = share / share.sum(axis=-2, keepdims=True)
        return share

    def soil_water(self, water: Array) -> Array:
        """All hydrogen of the soil as water, kg kg-1, weighted: ``[..., member]`` from water by volume
        ``[..., layer, member]``. Volumes are weighted, then divided by the mean density."""
        share = self.weights(water)
        density = np.asarray(self.bulk_density)[:, None]
        bound = (
            density
            * (np.asarray(self.lattice_water) + WATER_OF_CARBON * np.asarray(self.organic_carbon))[:, None]
        )
        return (share * (water + bound)).sum(axis=-2) / (share * density).sum(axis=-2)

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``; SWE and H2OCAN count where the series holds them (without: none)."""
        check_kind(self, observations)
        matrix = time_mean(series, observations)
        water = apply_in_time(matrix, series.get("H2OSOI"))[:, : len(self.bulk_density)]
        if water.shape[1] != len(self.bulk_density):
            raise OperatorError(f"H2OSOI has {water.shape[1]} layers, the operator {len(self.bulk_density)}")
        total = self.soil_water(water)
        if self.relation == "desilets":
            count = desilets_count(total, self.n0)
        else:
            if "humidity" not in observations.covariates:
                raise OperatorError("the universal transport solution needs the covariate 'humidity' (g m-3)")
            count = uts_count(total, observations.covariates["humidity"][:, None], self.n0)
        above = np.zeros_like(count)
        for name in ("SWE", "H2OCAN"):
            if name in series.values:
                above = above + apply_in_time(matrix, series.get(name))
        return above_ground(count, self.n0, above, self.biomass)
