"""Fluxes of a tower: NEE, GPP, ER, LE and H over a footprint and an averaging time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from elterra.observations._observe import REPRESENTATIVENESS
from elterra.observations._random_error import PUBLISHED
from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._observations import Observations
from elterra.observations.operators._operator import check_kind, unit_factor
from elterra.observations.operators._series import ModelSeries, apply_in_time, time_mean
from elterra.registry import variable

Array = NDArray[np.float64]


def _errors(name: str, units: str, representativeness: tuple[float, float], note: str) -> ErrorModel:
    """Random part: the side of the published model on which the flux of a growing day lies."""
    model = PUBLISHED[name]
    side = model.negative if name == "NEE" else model.positive
    return ErrorModel(
        units, side, representativeness, f"{model.source} (doi:10.1016/j.agrformet.2006.01.007); {note}"
    )


def _pair(name: str) -> tuple[float, float]:
    relative, absolute = REPRESENTATIVENESS[name]
    return absolute, relative


#: variable of the registry -> error model of a half-hour
TOWER_ERRORS = {
    "NEE": _errors("NEE", "umol m-2 s-1", _pair("NEE"), "representativeness: choice"),
    "GPP": _errors(
        "NEE", "umol m-2 s-1", (0.3, 0.15), "as NEE, of which GPP is a part; representativeness: choice"
    ),
    "ER": _errors(
        "NEE", "umol m-2 s-1", (0.3, 0.15), "as NEE, of which ER is a part; representativeness: choice"
    ),
    "LE": _errors("LE", "W m-2", _pair("LE"), "representativeness: choice, half a closure gap of 20 %"),
    "H": _errors("H", "W m-2", (5.0, 0.15), "representativeness: choice, as LE"),
}


@dataclass(frozen=True)
class TowerFlux:
    """Mean flux over the measured time: H(x) = sum over time and surface classes of share x flux.

    variable : "NEE", "GPP", "ER", "LE" or "H"
    closure : factor on the model's flux, the measured share of the turbulent energy (1: the model's whole flux), a
        number or ``[member]``

    Without footprint weights the flux is that of the column. With weights ``[interval, class]`` the model output has
    a class axis after time (`stack_classes`); interval means the measured interval: the observation itself, or the
    intervals of its `sampling`. Rows of weights must sum to 1.
    """

    variable: str
    closure: float | Array = 1.0
    linear: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.variable not in TOWER_ERRORS:
            raise OperatorError(f"a tower measures {', '.join(TOWER_ERRORS)}; not {self.variable!r}")

    @property
    def kind(self) -> str:
        return f"tower_{self.variable.lower()}"

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable,)

    @property
    def errors(self) -> ErrorModel:
        return TOWER_ERRORS[self.variable]

    def predict(self, series: ModelSeries, observations: Observations, weights: Array | None = None) -> Array:
        """``[observation, member]`` in the unit of the observations."""
        check_kind(self, observations)
        factor = self.closure * unit_factor(variable(self.variable).units, observations.units)
        if weights is None:
            return factor * apply_in_time(time_mean(series, observations), series.get(self.variable))
        values = series.get(self.variable, classes=True)
        sampling = observations.sampling
        start, end = (
            (observations.start, observations.end) if sampling is None else (sampling.start, sampling.end)
        )
        weights = np.asarray(weights, float)
        if weights.shape != (start.size, values.shape[1]):
            raise OperatorError(
                f"footprint weights have shape {weights.shape}, expected "
                f"[measured interval={start.size}, class={values.shape[1]}]"
            )
        if not (
            np.isfinite(weights).all() and (weights >= 0.0).all() and np.allclose(weights.sum(axis=1), 1.0)
        ):
            raise OperatorError("footprint weights must be >= 0 and sum to 1 over the classes")
        matrix = series.weights(start, end)
        seen = np.zeros((start.size, values.shape[-1]))
        for k in range(values.shape[1]):
            seen += weights[:, k, None] * np.asarray(matrix @ values[:, k])
        return factor * (seen if sampling is None else np.asarray(sampling.matrix @ seen))
