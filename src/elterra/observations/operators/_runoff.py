"""Runoff of a catchment: area mean of the columns, routed to the gauge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv

from elterra.observations.operators._error_model import ErrorModel
from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._observations import Observations
from elterra.observations.operators._operator import SECONDS_PER_DAY, check_kind, unit_factor
from elterra.observations.operators._series import ModelSeries, apply_in_time, time_mean
from elterra.registry import variable

Array = NDArray[np.float64]

_TAIL = 0.99  #: share of the response that the output before an observation must cover


def unit_hydrograph(reservoirs: float, residence: float, step: float, length: int) -> Array:
    """Response of equal linear reservoirs in a row (Nash 1957) to a pulse of water of one step, ``[length]``.

    reservoirs : number (any positive number); residence : mean of each, days; step : days.
    The share that has left a step later is the mean of the gamma distribution over the step; the sum tends to 1.
    """
    edges = np.arange(length + 1) * step
    # integral of the gamma distribution from 0 to t: t P(k, t/q) - k q P(k + 1, t/q)
    held = edges * gammainc(reservoirs, edges / residence)
    held -= reservoirs * residence * gammainc(reservoirs + 1.0, edges / residence)
    out = np.diff(held) / step
    return np.diff(out, prepend=0.0)


@dataclass(frozen=True)
class CatchmentRunoff:
    """Discharge over the area of the catchment, mm d-1.

    area_weight : ``[class]`` shares of the catchment (sum 1) of the columns, whose output is stacked after time
        (`stack_classes`); None for one column
    reservoirs, residence : of the routing (days); residence 0 passes the runoff on at once

    Linear in the output. The output must begin before the observations by the memory of the routing.
    """

    area_weight: Array | None = None
    reservoirs: float = 2.0
    residence: float = 0.0
    kind: ClassVar[str] = "catchment_runoff"
    variables: ClassVar[tuple[str, ...]] = ("RUNOFF",)
    linear: ClassVar[bool] = True
    errors: ClassVar[ErrorModel] = ErrorModel(
        "mm d-1",
        (0.02, 0.10),
        (0.05, 0.10),
        "random: 10 %, rating curves of medium flow, McMillan et al. 2012 (doi:10.1002/hyp.9384); representativeness: "
        "choice, routing and weather of the catchment",
    )

    def __post_init__(self) -> None:
        if not (self.reservoirs > 0.0 and self.residence >= 0.0):
            raise OperatorError("reservoirs must be positive, residence not negative")

    @property
    def memory(self) -> float:
        """Days after which 99 % of a pulse have passed the gauge."""
        return float(self.residence * gammaincinv(self.reservoirs, _TAIL)) if self.residence > 0.0 else 0.0

    def routed(self, series: ModelSeries) -> Array:
        """Runoff at the gauge ``[time, member]``, kg m-2 s-1. What ran off before the output began is missing."""
        if self.area_weight is None:
            flux = series.get("RUNOFF")
        else:
            weight = np.asarray(self.area_weight, float)
            values = series.get("RUNOFF", classes=True)
            if (
                weight.shape != (values.shape[1],)
                or (weight < 0.0).any()
                or not np.isclose(weight.sum(), 1.0)
            ):
                raise OperatorError(f"area_weight must be {values.shape[1]} numbers >= 0 that sum to 1")
            flux = np.einsum("c,tcm->tm", weight, values)
        if self.residence == 0.0:
            return flux
        seconds = np.diff(series.edges) / np.timedelta64(1, "s")
        if not np.allclose(seconds, seconds[0]):
            raise OperatorError("routing needs output at equal steps")
        step = float(seconds[0]) / SECONDS_PER_DAY
        response = unit_hydrograph(self.reservoirs, self.residence, step, flux.shape[0])
        size = 2 * flux.shape[0]
        spectrum = np.fft.rfft(response, size)[:, None] * np.fft.rfft(flux, size, axis=0)
        return np.fft.irfft(spectrum, size, axis=0)[: flux.shape[0]]

    def predict(self, series: ModelSeries, observations: Observations) -> Array:
        """``[observation, member]``."""
        check_kind(self, observations)
        known = series.edges[0] + np.timedelta64(int(np.ceil(self.memory * SECONDS_PER_DAY)), "s")
        early = observations.start < known
        if early.any():
            raise OperatorError(
                f"{int(early.sum())} observations begin before {known}, when the routing knows 99 % of the water; "
                f"give output from {self.memory:.1f} days earlier, or drop them"
            )
        factor = unit_factor(variable("RUNOFF").units, observations.units)
        return factor * apply_in_time(time_mean(series, observations), self.routed(series))
