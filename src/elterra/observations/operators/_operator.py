"""What every operator is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._observations import Observations
from elterra.observations.operators._series import ModelSeries

Array = NDArray[np.float64]

CARBON_MOLAR_MASS = 12.011  #: g mol-1, IUPAC
SECONDS_PER_DAY = 86400.0
SECONDS_PER_YEAR = 365.25 * SECONDS_PER_DAY

#: (unit of the model, unit of the observation) -> factor
_FACTORS = {
    ("gC m-2 s-1", "umol m-2 s-1"): 1e6 / CARBON_MOLAR_MASS,
    ("g m-2 s-1", "umol m-2 s-1"): 1e6 / CARBON_MOLAR_MASS,
    ("gC m-2 s-1", "gC m-2 d-1"): SECONDS_PER_DAY,
    ("g m-2 s-1", "gC m-2 d-1"): SECONDS_PER_DAY,
    ("gC m-2 s-1", "gC m-2 yr-1"): SECONDS_PER_YEAR,
    ("g m-2 s-1", "gC m-2 yr-1"): SECONDS_PER_YEAR,
    ("kg m-2 s-1", "mm d-1"): SECONDS_PER_DAY,
    ("kg m-2", "mm"): 1.0,
    ("g m-2", "gC m-2"): 1.0,
}


def unit_factor(model: str, observed: str) -> float:
    """Factor from the unit of the model to that of the observation."""
    if model == observed:
        return 1.0
    if (model, observed) not in _FACTORS:
        raise OperatorError(f"observations in {observed!r} cannot be compared with model output in {model!r}")
    return _FACTORS[model, observed]


class Operator(Protocol):
    """``predict`` gives the model's equivalents ``[observation, member]`` in the unit of the observations."""

    @property
    def kind(self) -> str:
        """Name in the catalogue."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Registry names of the output it needs."""

    @property
    def linear(self) -> bool:
        """Whether the prediction is affine in the output, member by member."""

    @property
    def errors(self) -> ErrorModel:
        """Error model, used where a record has no errors of its own."""

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """Equivalents ``[observation, member]``."""


def check_kind(operator: Operator, observations: Observations) -> None:
    """Raise `OperatorError` where the observations are of another kind."""
    if observations.kind != operator.kind:
        raise OperatorError(
            f"the operator {operator.kind!r} cannot predict observations of kind {observations.kind!r}"
        )
