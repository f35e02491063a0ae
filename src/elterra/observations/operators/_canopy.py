"""Leaf area, absorbed light and greenness, as satellites give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._observations import Observations
from elterra.observations.operators._operator import check_kind
from elterra.observations.operators._series import ModelSeries, apply_in_time, time_mean

Array = NDArray[np.float64]

VISIBLE = 0  #: index of the visible band of the radiation
#: extinction of leaves at random angles for the mean sun of a day, Monsi and Saeki (1953), spherical leaves
EXTINCTION = 0.5
#: fAPAR = slope NDVI + offset of vegetated ground, Myneni and Williams (1994, doi:10.1016/0034-4257(94)90016-7)
NDVI_SLOPE, NDVI_OFFSET = 1.1638, -0.1426


@dataclass(frozen=True)
class LeafArea:
    """Leaf area above the snow over ground area (ELAI), m2 m-2.

    clumping : 1 for products that correct for clumping; optical instruments at the ground measure the effective leaf
        area, clumping x true (Chen 1996, doi:10.1016/0168-1923(95)02291-0)
    """

    clumping: float = 1.0
    kind: ClassVar[str] = "leaf_area"
    variables: ClassVar[tuple[str, ...]] = ("ELAI",)
    linear: ClassVar[bool] = True
    errors: ClassVar[ErrorModel] = ErrorModel(
        "m2 m-2",
        (0.2, 0.10),
        (0.3, 0.15),
        "choice, together of the size of the RMSE of MODIS against the ground, Yan et al. 2016 (doi:10.3390/rs8060460)",
    )

    def __post_init__(self) -> None:
        if not 0.0 < self.clumping <= 1.0:
            raise OperatorError(f"clumping {self.clumping:g} is not within 0 to 1")

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        return self.clumping * apply_in_time(time_mean(series, observations), series.get("ELAI"))


def beer_fapar(leaf_area: Array, clumping: float = 1.0, extinction: float = EXTINCTION) -> Array:
    """Share of the light that leaves absorb: 1 - exp(-k clumping L), Nilson (1971, doi:10.1016/0002-1571(71)90092-6)."""
    return -np.expm1(-extinction * clumping * np.asarray(leaf_area))


@dataclass(frozen=True)
class AbsorbedLight:
    """fAPAR: share of the visible light that leaves absorb.

    From the radiation of the model (`source` "radiation"): absorbed by the canopy per direct and diffuse light, the
    leaf share of it by area, weighted with the patches' shares ``[patch]`` or ``[patch, member]`` of the ground.
    Or by Beer's law from ELAI (`source` "beer"), for output without radiation.

    direct : share of direct in the visible light when the product is made (a clear morning: 0.8, choice)
    """

    patch_weight: Array | None = None
    source: str = "radiation"
    direct: float = 0.8
    clumping: float = 1.0
    kind: ClassVar[str] = "fapar"
    linear: ClassVar[bool] = False
    errors: ClassVar[ErrorModel] = ErrorModel(
        "1",
        (0.05, 0.0),
        (0.05, 0.05),
        "choice, together of the size of the RMSE of MODIS against the ground, Yan et al. 2016 (doi:10.3390/rs8060460)",
    )

    def __post_init__(self) -> None:
        if self.source not in ("radiation", "beer"):
            raise OperatorError(f"source {self.source!r}: give 'radiation' or 'beer'")
        if self.source == "radiation" and self.patch_weight is None:
            raise OperatorError("absorbed light of patches needs patch_weight, their shares of the column")
        if not 0.0 <= self.direct <= 1.0:
            raise OperatorError(f"direct {self.direct:g} is not within 0 to 1")

    @property
    def variables(self) -> tuple[str, ...]:
        return ("fabd", "fabi", "elai", "esai") if self.source == "radiation" else ("ELAI",)

    def equivalent(self, series: ModelSeries) -> Array:
        """fAPAR of every output time ``[time, member]``."""
        if self.source == "beer":
            return beer_fapar(series.get("ELAI"), self.clumping)
        canopy = (
            self.direct * series.get("fabd")[:, VISIBLE]
            + (1.0 - self.direct) * series.get("fabi")[:, VISIBLE]
        )
        leaf, stem = series.get("elai"), series.get("esai")
        area = leaf + stem
        share = np.where(area > 0.0, leaf / np.where(area > 0.0, area, 1.0), 0.0)
        weight = np.asarray(self.patch_weight, float)
        weight = weight[:, None] if weight.ndim == 1 else weight
        if weight.shape[0] != canopy.shape[1]:
            raise OperatorError(f"patch_weight has {weight.shape[0]} patches, the output {canopy.shape[1]}")
        return (weight * share * canopy).sum(axis=1)

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        return apply_in_time(time_mean(series, observations), self.equivalent(series))


@dataclass(frozen=True)
class Greenness:
    """NDVI of snow-free ground from fAPAR by the line of Myneni and Williams (1994), turned round.

    Soil colour and view angle are not in it; snow makes NDVI fall without a change of leaves, so that observations
    over snow are not used."""

    light: AbsorbedLight
    kind: ClassVar[str] = "ndvi"
    linear: ClassVar[bool] = False
    errors: ClassVar[ErrorModel] = ErrorModel(
        "1",
        (0.005, 0.0),
        (0.07, 0.0),
        "random: accuracy of GIMMS NDVI3g, Pinzon and Tucker 2014 (doi:10.3390/rs6086929); representativeness: choice, "
        "scatter of the line among soils and canopies",
    )

    @property
    def variables(self) -> tuple[str, ...]:
        return self.light.variables

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        fapar = apply_in_time(time_mean(series, observations), self.light.equivalent(series))
        return (fapar - NDVI_OFFSET) / NDVI_SLOPE
