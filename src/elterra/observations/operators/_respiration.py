"""Respiration of the soil as chambers measure it: roots and decomposers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._observations import Observations
from elterra.observations.operators._operator import check_kind, unit_factor
from elterra.observations.operators._series import ModelSeries, apply_in_time, time_mean
from elterra.registry import variable

Array = NDArray[np.float64]

_PATCH = ("mr_patch", "lmr_c", "gr_patch", "leafn", "livestemn", "frootn", "livecrootn")


@dataclass(frozen=True)
class SoilRespiration:
    """CO2 that leaves the soil: decomposition (HR) and the respiration of roots.

    part : "total", or "heterotrophic" (trenched plots, isotopes)
    patch_weight : shares of the patches, ``[patch]`` or ``[patch, member]``; needed for the roots

    The model does not divide respiration by organ. Maintenance of other tissue than leaves goes with nitrogen (CLM5
    technical note 2.17.1): the roots get the share of root nitrogen in the live wood and roots, as if stems were as
    warm as the soil. Growth respiration goes with growth; the roots get their share of the nitrogen of all tissue.
    """

    patch_weight: Array | None = None
    part: Literal["total", "heterotrophic"] = "total"
    kind: ClassVar[str] = "soil_respiration"
    linear: ClassVar[bool] = False
    errors: ClassVar[ErrorModel] = ErrorModel(
        "umol m-2 s-1",
        (0.1, 0.05),
        (0.2, 0.20),
        "choice: chamber and fit of its slope; few collars against the column (the spread of the collars of a record "
        "replaces it), and division by organ",
    )

    def __post_init__(self) -> None:
        if self.part not in ("total", "heterotrophic"):
            raise OperatorError(f"part {self.part!r}: give 'total' or 'heterotrophic'")
        if self.part == "total" and self.patch_weight is None:
            raise OperatorError(
                "the respiration of roots needs patch_weight, the patches' shares of the column"
            )

    @property
    def variables(self) -> tuple[str, ...]:
        return ("HR", *_PATCH) if self.part == "total" else ("HR",)

    def roots(self, series: ModelSeries) -> Array:
        """Respiration of roots ``[time, member]``, g m-2 s-1."""
        maintenance, leaf, growth, leafn, stemn, fine, coarse = (series.get(name) for name in _PATCH)
        root = fine + coarse
        wood, tissue = root + stemn, root + stemn + leafn
        of_wood = np.where(wood > 0.0, root / np.where(wood > 0.0, wood, 1.0), 0.0)
        of_tissue = np.where(tissue > 0.0, root / np.where(tissue > 0.0, tissue, 1.0), 0.0)
        weight = np.asarray(self.patch_weight, float)
        weight = weight[:, None] if weight.ndim == 1 else weight
        return (weight * ((maintenance - leaf) * of_wood + growth * of_tissue)).sum(axis=1)

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        flux = series.get("HR")
        if self.part == "total":
            flux = flux + self.roots(series)
        factor = unit_factor(variable("HR").units, observations.units)
        return factor * apply_in_time(time_mean(series, observations), flux)
