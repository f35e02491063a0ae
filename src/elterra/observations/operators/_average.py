"""Means of observations over days or months, made of the measured intervals only."""

from __future__ import annotations

import copy

import numpy as np
import scipy.sparse as sp

from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._observations import FLAGS, MISSING, USED, Observations, Sampling

_CODES = {"day": "D", "month": "M"}


def average(observations: Observations, period: str, minimum_share: float) -> Observations:
    """Means over UTC days or months (`period` "day" or "month") of the used observations of one station.

    The mean is over what was measured, and its `sampling` says when: the operator averages the model over the same
    intervals, so that gaps make no bias. A period with less than `minimum_share` of its time measured gets the flag
    ``rejected_incomplete``. Random errors are independent and fall with the root of the number; the
    representativeness error is common to the period and keeps its mean size.
    """
    if period not in _CODES:
        raise OperatorError(f"period {period!r}: give one of {', '.join(_CODES)}")
    if observations.sampling is not None:
        raise OperatorError("these observations are means already; average the original ones")
    if np.unique(observations.station).size > 1:
        raise OperatorError("average one station at a time (`select`)")
    part = observations.only_used()
    label = part.start.astype(f"datetime64[{_CODES[period]}]")
    periods = np.unique(observations.start.astype(f"datetime64[{_CODES[period]}]"))
    row = np.searchsorted(periods, label)
    count = np.bincount(row, minlength=periods.size).astype(float)
    some = np.maximum(count, 1.0)
    matrix = sp.csr_matrix((1.0 / some[row], (row, np.arange(len(part)))), shape=(periods.size, len(part)))
    start, end = periods.astype("datetime64[ns]"), (periods + 1).astype("datetime64[ns]")
    seconds = np.bincount(row, (part.end - part.start) / np.timedelta64(1, "s"), minlength=periods.size)
    share = seconds / ((end - start) / np.timedelta64(1, "s"))
    flag = np.where(share >= minimum_share, USED, FLAGS.index("rejected_incomplete")).astype(np.int8)
    flag[count == 0] = MISSING
    empty = np.where(count > 0, 0.0, np.nan)
    covariates = {name: matrix @ values + empty for name, values in part.covariates.items()}
    depth = matrix @ part.depth + empty[:, None]
    report = copy.deepcopy(observations.report)
    report.reject(
        observations.kind,
        f"{period} with too few values",
        int((flag == FLAGS.index("rejected_incomplete")).sum()),
    )
    return Observations(
        kind=observations.kind,
        units=observations.units,
        value=matrix @ part.value + empty,
        random_sd=np.sqrt(matrix.multiply(matrix) @ part.random_sd**2) + empty,
        representativeness_sd=matrix @ part.representativeness_sd + empty,
        start=start,
        end=end,
        depth=depth,
        flag=flag,
        station=np.full(periods.size, observations.station[0] if len(observations) else ""),
        source=observations.source,
        report=report,
        covariates=covariates,
        sampling=Sampling(matrix, part.start, part.end),
    )
