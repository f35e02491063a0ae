"""The observations that the reanalysis makes of a tower record, as the common type."""

from __future__ import annotations

import copy

import numpy as np
import xarray as xr

from elterra.observations.operators._errors import OperatorError
from elterra.observations.operators._observations import FLAGS, Observations, make_observations_of
from elterra.observations.operators._tables import shifted

#: variable of `make_observations` -> (kind, limits that its quality control has applied already)
_KINDS = {"NEE": "tower_nee", "LE": "tower_le", "SWC": "soil_water"}


def from_record(observed: xr.Dataset, variable: str) -> Observations:
    """NEE, LE or SWC of a dataset of `elterra.observations.make_observations` ``[time]`` with its errors and flags."""
    if variable not in _KINDS or variable not in observed:
        have = ", ".join(n for n in _KINDS if n in observed)
        raise OperatorError(f"the dataset has no observations of {variable!r}; it has {have}")
    data = observed[variable]
    start = observed["time"].values.astype("datetime64[ns]")
    step = np.timedelta64(round(float(observed.attrs["step_seconds"]) * 1e9), "ns")
    depth = float(data.attrs["depth_m"]) if variable == "SWC" else np.nan
    return make_observations_of(
        _KINDS[variable],
        str(data.attrs["units"]),
        np.asarray(data.values, float),
        np.asarray(observed[f"{variable}_sd_random"].values, float),
        np.asarray(observed[f"{variable}_sd_repr"].values, float),
        start,
        shifted(start, step),
        limits=(-np.inf, np.inf),
        file=str(observed.attrs["report"].source),
        source="tower record",
        station=str(observed.attrs.get("site", "")),
        depth=(depth, depth),
        # values that were refused are NaN there: their reason is the flag, not "missing"
        flag=_flags(observed[f"{variable}_flag"].values),
        report=copy.deepcopy(observed.attrs["report"]),
        reader="from_record",
    )


def _flags(flag: np.ndarray) -> np.ndarray:
    """The flags of the record; the numbers are those of `FLAGS`."""
    flag = np.asarray(flag, np.int8)
    if flag.size and flag.max() >= len(FLAGS):
        raise OperatorError(f"flag {int(flag.max())} is unknown")
    return flag
