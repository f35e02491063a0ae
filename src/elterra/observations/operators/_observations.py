"""The one type of observations that all readers give and all operators take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from elterra.observations._errors import RecordError, UnitError
from elterra.observations._observe import FLAGS as _TOWER_FLAGS
from elterra.observations._report import Report
from elterra.observations.operators._errors import OperatorError

Array = NDArray[np.float64]
Times = NDArray[np.datetime64]

#: meaning of a flag by its number; only `measured_used` enters an analysis
FLAGS = (
    *_TOWER_FLAGS,
    "rejected_manipulated",
    "rejected_duplicate",
    "rejected_snow",
    "rejected_incomplete",
    "interpolated_by_source",
)
USED = FLAGS.index("measured_used")
MISSING = FLAGS.index("missing")
#: share of values outside the limits above which the unit is doubted, and values needed for the doubt
_DOUBT_SHARE, _DOUBT_COUNT = 0.5, 5


@dataclass(frozen=True)
class Sampling:
    """Which measured intervals a mean is made of.

    matrix : ``[observation, interval]`` sparse, rows sum to 1
    start, end : ``[interval]`` UTC
    """

    matrix: sp.csr_matrix
    start: Times
    end: Times


@dataclass(frozen=True)
class Observations:
    """Observations of one kind; all arrays ``[observation]`` unless said.

    kind : name in the catalogue of operators
    units : of value and errors
    value, random_sd, representativeness_sd : NaN where missing
    start, end : bounds in UTC (datetime64[ns]), end > start
    depth : ``[observation, 2]`` top and bottom of the measured soil, m; NaN where it has none
    flag : number in `FLAGS`
    station : name of the station or plot
    report : what was read and what was refused
    covariates : what the operator needs beside the model (humidity of the air, ..)
    sampling : the measured intervals where a value is a mean over part of its time
    """

    kind: str
    units: str
    value: Array
    random_sd: Array
    representativeness_sd: Array
    start: Times
    end: Times
    depth: Array
    flag: NDArray[np.int8]
    station: NDArray[np.str_]
    source: str
    report: Report
    covariates: Mapping[str, Array] = field(default_factory=dict)
    sampling: Sampling | None = None

    def __post_init__(self) -> None:
        n = self.value.shape[0]
        for name in ("value", "random_sd", "representativeness_sd", "start", "end", "flag", "station"):
            if getattr(self, name).shape != (n,):
                raise OperatorError(
                    f"{self.kind}: {name} has shape {getattr(self, name).shape}, expected {(n,)}"
                )
        if self.depth.shape != (n, 2):
            raise OperatorError(f"{self.kind}: depth has shape {self.depth.shape}, expected {(n, 2)}")
        if (self.end <= self.start).any():
            raise OperatorError(
                f"{self.kind}: {int((self.end <= self.start).sum())} intervals end before they start"
            )
        bad = self.used & ~(np.isfinite(self.value) & np.isfinite(self.sd) & (self.sd > 0.0))
        if bad.any():
            raise OperatorError(
                f"{self.kind}: {int(bad.sum())} used values have no finite value and positive error"
            )

    def __len__(self) -> int:
        return int(self.value.shape[0])

    @property
    def used(self) -> NDArray[np.bool_]:
        """Which enter an analysis."""
        return self.flag == USED

    @property
    def sd(self) -> Array:
        """Sd of the whole error: random and representativeness are independent."""
        return np.hypot(self.random_sd, self.representativeness_sd)

    def select(self, mask: NDArray[np.bool_]) -> Observations:
        """The observations where `mask`; the report stays that of the reading."""
        sampling = self.sampling
        if sampling is not None:
            sampling = Sampling(sampling.matrix[mask], sampling.start, sampling.end)
        names = ("value", "random_sd", "representativeness_sd", "start", "end", "depth", "flag", "station")
        parts = {name: getattr(self, name)[mask] for name in names}
        covariates = {name: v[mask] for name, v in self.covariates.items()}
        return replace(self, **parts, covariates=covariates, sampling=sampling)

    def only_used(self) -> Observations:
        """The observations that enter an analysis."""
        return self.select(self.used)

    def counts(self) -> dict[str, int]:
        """Number of observations by flag."""
        return {FLAGS[k]: int(c) for k, c in enumerate(np.bincount(self.flag, minlength=len(FLAGS))) if c}


def make_observations_of(
    kind: str,
    units: str,
    value: Array,
    random_sd: Array,
    representativeness_sd: Array,
    start: Times,
    end: Times,
    *,
    limits: tuple[float, float],
    file: str,
    source: str,
    station: str | NDArray[np.str_] = "",
    depth: tuple[float, float] | Array | None = None,
    flag: NDArray[np.int8] | None = None,
    covariates: Mapping[str, Array] | None = None,
    report: Report | None = None,
    reader: str = "",
) -> Observations:
    """Observations with their quality control, the way every reader goes.

    A value gets, in this order: the flag the reader gave (`flag`, `USED` where nothing is wrong), ``missing``
    where it is not finite, ``rejected_range`` outside `limits`, ``rejected_no_error`` without a finite positive
    sd. Everything that is not used is counted in the report by its reason.

    Raises `UnitError` where more than half of the values lie outside the limits: then the unit is another one.
    """
    value = np.asarray(value, float)
    n = value.shape[0]
    if n == 0:
        raise RecordError(file, "holds no value", "check the file and the selection", variable=kind)
    flags = np.full(n, USED, np.int8) if flag is None else np.array(flag, np.int8)
    flags[~np.isfinite(value) & (flags == USED)] = MISSING
    finite = np.isfinite(value)
    outside = finite & ((value < limits[0]) | (value > limits[1]))
    if finite.sum() >= _DOUBT_COUNT and outside.sum() > _DOUBT_SHARE * finite.sum():
        raise UnitError(
            file,
            f"{int(outside.sum())} of {int(finite.sum())} values lie outside {limits[0]:g}..{limits[1]:g} {units} "
            f"(median {float(np.median(value[finite])):.4g})",
            f"give the values in {units}",
            variable=kind,
        )
    flags[outside & (flags == USED)] = FLAGS.index("rejected_range")
    sd = np.hypot(random_sd, representativeness_sd)
    flags[(flags == USED) & ~(np.isfinite(sd) & (sd > 0.0))] = FLAGS.index("rejected_no_error")
    report = report or Report()
    report.source, report.reader = file, reader or report.reader
    report.read[kind] = report.read.get(kind, 0) + int(np.isfinite(value).sum())
    for number, meaning in enumerate(FLAGS):
        if number != USED:
            report.reject(kind, meaning, int((flags == number).sum()))
    bounds = (
        np.full((n, 2), np.nan) if depth is None else np.broadcast_to(np.asarray(depth, float), (n, 2)).copy()
    )
    return Observations(
        kind=kind,
        units=units,
        value=value,
        random_sd=np.broadcast_to(np.asarray(random_sd, float), (n,)).copy(),
        representativeness_sd=np.broadcast_to(np.asarray(representativeness_sd, float), (n,)).copy(),
        start=np.asarray(start, "datetime64[ns]"),
        end=np.asarray(end, "datetime64[ns]"),
        depth=bounds,
        flag=flags,
        station=np.broadcast_to(np.asarray(station, np.str_), (n,)).copy(),
        source=source,
        report=report,
        covariates=dict(covariates or {}),
    )
