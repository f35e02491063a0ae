"""Stocks: above-ground biomass, and soil carbon to a depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._layers import SoilLayers
from elterra.observations.operators._observations import Observations
from elterra.observations.operators._operator import check_kind
from elterra.observations.operators._series import ModelSeries, apply_in_time, time_mean

Array = NDArray[np.float64]

CARBON_OF_BIOMASS = 0.47  #: kg of carbon per kg of dry biomass, IPCC 2006 guidelines, volume 4, table 4.3
G_PER_T_HA = 100.0  #: g m-2 in a tonne per hectare
#: pools of `decomp_cpools`: three of litter, woody debris, three of soil organic matter (CLM5 technical note 2.21)
LITTER, DEBRIS, SOIL = (0, 1, 2), (3,), (4, 5, 6)

ABOVE_GROUND = tuple(
    f"{pool}{part}" for pool in ("leafc", "livestemc", "deadstemc") for part in ("", "_storage", "_xfer")
)


@dataclass(frozen=True)
class AboveGroundBiomass:
    """Carbon of leaves and stems with their stores, gC m-2 of ground.

    patch_weight : share of the column of each patch, ``[patch]`` or ``[patch, member]``
    """

    patch_weight: Array
    kind: ClassVar[str] = "aboveground_biomass"
    variables: ClassVar[tuple[str, ...]] = ABOVE_GROUND
    linear: ClassVar[bool] = True
    errors: ClassVar[ErrorModel] = ErrorModel(
        "gC m-2",
        (50.0, 0.10),
        (100.0, 0.15),
        "choice: allometry and sampling of plots; a plot against the column",
    )

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        weight = np.asarray(self.patch_weight, float)
        weight = weight[:, None] if weight.ndim == 1 else weight
        pools = sum(series.get(name) for name in ABOVE_GROUND)
        if weight.shape[0] != np.shape(pools)[1]:
            raise OperatorError(
                f"patch_weight has {weight.shape[0]} patches, the output {np.shape(pools)[1]}"
            )
        return apply_in_time(time_mean(series, observations), (weight * pools).sum(axis=1))


@dataclass(frozen=True)
class SoilCarbon:
    """Organic carbon between two depths, gC m-2: carbon per volume of each layer times what of it lies between.

    pools : which of the seven pools are in the sample; sieved soil has no debris and little litter
    """

    layers: SoilLayers
    pools: tuple[int, ...] = SOIL
    kind: ClassVar[str] = "soil_carbon"
    variables: ClassVar[tuple[str, ...]] = ("decomp_cpools",)
    linear: ClassVar[bool] = True
    errors: ClassVar[ErrorModel] = ErrorModel(
        "gC m-2",
        (0.0, 0.05),
        (0.0, 0.10),
        "choice: content, bulk density and sampling of a plot; a plot against the column",
    )

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        if not np.isfinite(observations.depth).all():
            raise OperatorError("soil carbon needs the depths of the sample")
        carbon = series.get("decomp_cpools")[:, list(self.pools)].sum(axis=1)  # [time, layer, member]
        n = min(carbon.shape[1], self.layers.thickness.size)
        matrix = time_mean(series, observations)
        out = np.zeros((len(observations), carbon.shape[-1]))
        distinct, which = np.unique(observations.depth, axis=0, return_inverse=True)
        for k, (top, bottom) in enumerate(distinct):
            mine = np.ravel(which) == k
            metres = self.layers.overlap(float(top), float(bottom))
            out[mine] = apply_in_time(matrix[mine], np.einsum("l,tlm->tm", metres[:n], carbon[:, :n]))
        return out


def stock_from_content(
    percent: Array, bulk_density: Array, top: Array | float, bottom: Array | float
) -> Array:
    """Carbon (g m-2) of a layer (depths in m) from its content (% of dry mass) and bulk density (g cm-3)."""
    grams_per_m3 = 1e6
    return (
        np.asarray(percent)
        / 100.0
        * np.asarray(bulk_density)
        * grams_per_m3
        * (np.asarray(bottom) - np.asarray(top))
    )
