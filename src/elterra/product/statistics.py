"""From an ensemble to what the product stores: mean, standard deviation, quantiles, flags, daily values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.product._time import Time, as_time, step_of

#: stored quantiles and their suffixes
QUANTILES: Mapping[str, float] = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}
STATISTICS = ("", "sd", *QUANTILES)

#: bits of `V_flag`
FLAGS: Mapping[str, int] = {
    "observed": 1,
    "filled_one_side": 2,
    "filled_both_sides": 4,
    "no_observation_near": 8,
    "forcing_filled": 16,
}


def ensemble_statistics(members: NDArray[np.floating]) -> dict[str, NDArray[np.float32]]:
    """Statistics over the last axis: ``""`` (mean), ``sd`` and the quantiles, each without that axis,
    float32.

    `members` `[..., member]` with at least two members. Quantiles interpolate linearly between order
    statistics
    (as `numpy.quantile`); one partial sort serves all. The mean is taken in float64. NaN in any member makes
    all statistics of that entry NaN.
    """
    count = members.shape[-1]
    if count < 2:
        raise ValueError(f"statistics need at least two members, got {count}")
    mean = members.mean(axis=-1, dtype=np.float64)
    deviation = members - mean[..., None].astype(members.dtype)
    # corrected two-pass: what rounding of the mean leaves behind cancels
    square = np.einsum("...m,...m->...", deviation, deviation, dtype=np.float64)
    rest = deviation.sum(axis=-1, dtype=np.float64)
    sd = np.sqrt(np.maximum(square - rest * rest / count, 0.0) / (count - 1))
    ordered = np.sort(members.astype(np.float32, copy=False), axis=-1)
    out = {"": mean.astype(np.float32), "sd": sd.astype(np.float32)}
    for name, level in QUANTILES.items():
        place = level * (count - 1)
        low = int(place)
        high = min(low + 1, count - 1)
        weight = np.float32(place - low)
        out[name] = ordered[..., low] + (ordered[..., high] - ordered[..., low]) * weight
    bad = np.isnan(out[""])
    if bad.any():
        for name in out:
            out[name] = np.where(bad, np.float32(np.nan), out[name])
    return out


def stored_name(variable: str, statistic: str) -> str:
    """``NEE`` and ``sd`` give ``NEE_sd``; the mean carries the bare name."""
    return f"{variable}_{statistic}" if statistic else variable


def statistics_dataset(
    members: Mapping[str, NDArray[np.floating]], dims: Mapping[str, Sequence[str]]
) -> xr.Dataset:
    """Statistics of many variables. `members[name]` is `[*dims[name], member]`."""
    data: dict[str, tuple[Sequence[str], NDArray[np.float32]]] = {}
    for name, values in members.items():
        for statistic, array in ensemble_statistics(values).items():
            data[stored_name(name, statistic)] = (dims[name], array)
    return xr.Dataset(data)


def daily_means(values: NDArray[np.floating], steps_per_day: int) -> NDArray[np.float64]:
    """Means over whole days along axis 0 (time) in float64, so that daily sums equal the half-hourly sums.

    Daily statistics of an ensemble are statistics of the members' daily means, never means of statistics.
    Raises `ValueError` if the axis does not hold whole days.
    """
    if values.shape[0] % steps_per_day:
        raise ValueError(f"{values.shape[0]} steps are not whole days of {steps_per_day} steps")
    days = values.reshape(values.shape[0] // steps_per_day, steps_per_day, *values.shape[1:])
    return days.mean(axis=1, dtype=np.float64)


def time_bounds(start: Time, step: np.timedelta64) -> xr.Dataset:
    """`time` (interval starts) with `time_bnds` `[time, bnds]`."""
    start = as_time(start)
    bounds = np.stack([start, start + step], axis=1)
    return xr.Dataset(
        {"time_bnds": (("time", "bnds"), bounds)}, coords={"time": ("time", start, {"bounds": "time_bnds"})}
    )


def observation_flags(
    time: Time,
    observed: NDArray[np.bool_],
    reach_days: float,
    forcing_filled: NDArray[np.bool_] | None = None,
) -> xr.Dataset:
    """Flags of one variable: where an estimate has its information from.

    `observed` `[time]`: an observation was assimilated in this interval. An interval is *filled from both
    sides* if an assimilated observation lies within `reach_days` (memory of the smoother) on each side, *from
    one side* if on one only. Returns `flag` (uint8 bits, `FLAGS`) and `distance` (days to the nearest
    assimilated observation, float32, infinite if there is none).
    """
    time = as_time(time)
    hours = (time - time[0]) / np.timedelta64(1, "h")
    index = np.arange(time.size)
    last = np.maximum.accumulate(np.where(observed, index, -1))
    following = np.minimum.accumulate(np.where(observed, index, time.size)[::-1])[::-1]
    before = np.where(last >= 0, hours - hours[np.maximum(last, 0)], np.inf) / 24.0
    after = (
        np.where(following < time.size, hours[np.minimum(following, time.size - 1)] - hours, np.inf) / 24.0
    )
    left, right = before <= reach_days, after <= reach_days
    flag = np.where(
        observed,
        FLAGS["observed"],
        np.where(
            left & right,
            FLAGS["filled_both_sides"],
            np.where(left | right, FLAGS["filled_one_side"], FLAGS["no_observation_near"]),
        ),
    ).astype(np.uint8)
    if forcing_filled is not None:
        flag = flag | np.where(forcing_filled, FLAGS["forcing_filled"], 0).astype(np.uint8)
    return xr.Dataset(
        {"flag": ("time", flag), "distance": ("time", np.minimum(before, after).astype(np.float32))},
        coords={"time": time},
    )


def flag_attributes() -> dict[str, object]:
    """CF attributes of a flag variable."""
    return {
        "flag_masks": np.array(list(FLAGS.values()), np.uint8),
        "flag_meanings": " ".join(FLAGS),
        "units": "1",
    }


def daily_flags(flag: NDArray[np.integer], steps_per_day: int) -> NDArray[np.uint8]:
    """Bits of a day: the union of the bits of its intervals."""
    days = flag.reshape(-1, steps_per_day)
    return np.bitwise_or.reduce(days, axis=1).astype(np.uint8)


def steps_per_day(time: Time) -> int:
    """Intervals in a day. Raises `ValueError` if a day is not a whole number of them."""
    ratio = np.timedelta64(1, "D") / step_of(as_time(time))
    if ratio != round(ratio):
        raise ValueError(f"a day holds {ratio} intervals; it must be a whole number")
    return round(ratio)
