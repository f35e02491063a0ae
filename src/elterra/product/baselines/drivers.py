"""Weather as features for the trees: what the land model gets, and what it remembers of it."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.product._time import Float, as_time, potential_radiation, step_of
from elterra.product.baselines._base import local_clock

#: drivers used where present: FLUXNET names; degC, W m-2, hPa, W m-2, mm per interval, kPa, m s-1
DRIVERS = ("TA", "SW_IN", "VPD", "LW_IN", "P", "PA", "WS")
MEMORY_DAYS = (1, 3, 7, 30)
DECAY_DAYS = (2.0, 7.0, 20.0, 60.0)


def driver_features(
    drivers: xr.Dataset, latitude: float, longitude: float, utc_offset: float
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Features `[time, feature]` and their names; NaN where a driver is missing (trees accept it).

    Only weather of the interval and of the time before it, the clock and the sun: no measurement of the
    scored
    variables and nothing of the future. Besides running means there are exponentially forgotten rain and melt
    and a degree-day snow pack, so that a tree can know what a soil remembers.
    """
    time = as_time(drivers["time"].values)
    per_day = round(np.timedelta64(1, "D") / step_of(time))
    table: dict[str, Float] = {n: drivers[n].values.astype(float) for n in DRIVERS if n in drivers}
    weather = dict(table)
    for name in ("TA", "SW_IN", "VPD", "P"):
        if name not in weather:
            continue
        for days in MEMORY_DAYS:
            table[f"{name}_{days}d"] = _running_mean(weather[name], days * per_day)
    for name in ("TA", "SW_IN"):
        if name in weather:
            table[f"{name}_3h"] = _running_mean(weather[name], max(1, per_day // 8))
    if "P" in weather and "TA" in weather:
        liquid, pack = _degree_day_snow(weather["P"], weather["TA"], per_day)
        table["snow_pack"] = pack
        for decay in DECAY_DAYS:
            table[f"water_{decay:g}d"] = _forget(liquid, decay * per_day)
    doy, hour = local_clock(time, utc_offset)
    year, day = 2 * np.pi * doy / 365.25, 2 * np.pi * hour / 24
    table |= {
        "doy_sin": np.sin(year),
        "doy_cos": np.cos(year),
        "hour_sin": np.sin(day),
        "hour_cos": np.cos(day),
    }
    table["SW_POT"] = potential_radiation(time, latitude, longitude)
    table["elapsed"] = (time - time[0]) / np.timedelta64(1, "D")
    return np.stack(list(table.values()), axis=1).astype(np.float32), tuple(table)


def _running_mean(values: Float, width: int) -> Float:
    """Mean of the last `width` intervals (this one included), of those that exist."""
    good = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(good, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(good)])
    stop = np.arange(1, values.size + 1)
    start = np.maximum(stop - width, 0)
    n = count[stop] - count[start]
    return np.where(n > 0, (total[stop] - total[start]) / np.maximum(n, 1), np.nan)


def _forget(values: Float, scale: float) -> Float:
    from scipy.signal import lfilter

    keep = np.exp(-1.0 / scale)
    return lfilter([1.0 - keep], [1.0, -keep], np.nan_to_num(values))


def _degree_day_snow(rain: Float, temperature: Float, per_day: int) -> tuple[Float, Float]:
    """Liquid input (rain and melt) and snow pack (mm) of a 3 mm K-1 d-1 degree-day pack."""
    rain = np.nan_to_num(rain)
    warm = np.nan_to_num(temperature)
    melt_rate = 3.0 / per_day * np.maximum(warm, 0.0)
    gain = np.where(warm < 1.0, rain, 0.0) - melt_rate
    # a store that cannot go below zero: total minus its running minimum (Skorokhod reflection)
    total = np.cumsum(gain)
    pack = total - np.minimum(np.minimum.accumulate(total), 0.0)
    change = np.diff(pack, prepend=0.0)
    return rain - change, pack
