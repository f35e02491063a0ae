"""Observations with errors: what of a record may enter the assimilation."""

import copy

import numpy as np
import xarray as xr

from elterra.observations._random_error import PUBLISHED, ErrorModel, fit_error_model
from elterra.observations._report import Report

FLAGS = (
    "missing",
    "measured_used",
    "rejected_range",
    "rejected_spike",
    "rejected_no_error",
    "rejected_quality",
    "rejected_stuck_sensor",
    "rejected_frozen_soil",
    "gap_filled_by_source",
)
RANGE = {"NEE": (-60.0, 40.0), "LE": (-150.0, 800.0), "SWC": (0.005, 0.95)}
#: relative and absolute part of the representativeness error. NEE: footprint heterogeneity. LE: footprint,
#: and half of a usual closure gap of 20 % that may belong to LE; SWC: what offset and gain of the
#: operator leave of the difference between one sensor and the mean of a model column
REPRESENTATIVENESS = {"NEE": (0.10, 0.3), "LE": (0.15, 5.0), "SWC": (0.0, 0.01)}
SWC_SENSOR_SD = 0.01  #: m3 m-3, random error of a half-hour of a dielectric sensor
GC_PER_UMOL_DAY = 12.011e-6 * 86400.0


def make_observations(record: xr.Dataset, site: object = None, *, spike_z: float = 5.5) -> xr.Dataset:
    """Measured half-hours with errors.

    For X in NEE (umol m-2 s-1), LE (W m-2), SWC (m3 m-3; attribute depth_m): `X` [time] (NaN unless used),
    `X_sd`, `X_sd_random`, `X_sd_repr`, `X_flag` (int8, FLAGS). Daily references [day] (UTC days), gC m-2 d-1:
    `GPP_NT_daily`, `GPP_DT_daily`, `ER_NT_daily`, `ER_DT_daily` where the record has them.
    `attrs['report']` is the record's report with the rejections added. A value without a finite positive
    error is not used. A variable that the record lacks is there with the flag `missing`.
    """
    report: Report = copy.deepcopy(record.attrs["report"])  # a second call must not count twice
    out = xr.Dataset(coords={"time": record.time})
    if "time_bnds" in record:
        out["time_bnds"] = record["time_bnds"]
    for name in ("NEE", "LE"):
        if name in record:
            _flux(record, name, out, report, spike_z)
        else:
            _absent(record, name, out, report)
    swc = next((n for n in ("SWC_1", "SWC") if n in record), None)
    if swc is not None:
        _soil_water(record, swc, out, report)
    else:
        _absent(record, "SWC", out, report)
    _daily_references(record, out)
    out.attrs = {
        "site": record.attrs.get("site", ""),
        "step_seconds": record.attrs["step_seconds"],
        "report": report,
    }
    return out


def _measured(record: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Values and flag (0 missing, 1 measured, 8 filled by the source, 5 poor quality). In FLUXNET QC 0 is
    measured; where the reader says that a column holds measured values only, QC is the turbulence test (0,
    1 good; 2 bad)."""
    values = np.array(record[name].values, float)
    flag = np.where(np.isfinite(values), 1, 0).astype(np.int8)
    if f"{name}_QC" in record:
        quality = record[f"{name}_QC"].values
        if name in str(record.attrs.get("measured_only", "")).split():
            flag[(flag == 1) & (quality >= 2)] = 5
        else:
            flag[(flag == 1) & ~(quality == 0)] = 8
    return values, flag


def _flux(record: xr.Dataset, name: str, out: xr.Dataset, report: Report, spike_z: float) -> None:
    values, flag = _measured(record, name)
    low, high = RANGE[name]
    flag[(flag == 1) & ((values < low) | (values > high))] = 2
    used = np.where(flag == 1, values, np.nan)
    daytime = record["SW_IN"].values > 12.0 if "SW_IN" in record else np.ones(values.shape, bool)
    flag[spikes(used, daytime, round(86400.0 / record.attrs["step_seconds"]), spike_z)] = 3
    used = np.where(flag == 1, values, np.nan)
    model = fit_error_model(record, name, used)
    random = model.sd(smooth_flux(used, round(86400.0 / record.attrs["step_seconds"])))
    relative, absolute = REPRESENTATIVENESS[name]
    repr_sd = absolute + relative * np.abs(values)
    if name == "NEE" and "NEE_USTAR16" in record and "NEE_USTAR84" in record:
        spread = 0.5 * np.abs(record["NEE_USTAR84"].values - record["NEE_USTAR16"].values)
        repr_sd = np.hypot(repr_sd, np.nan_to_num(spread))
    _store(out, report, name, values, flag, random, repr_sd, model)


def smooth_flux(values: np.ndarray, per_day: int) -> np.ndarray:
    """Expected flux at each step: mean of the same time of day +-1 step over +-7 days, else the value
    itself. An error sd that follows the noisy value itself would favour values that are small by chance."""
    days = -(-values.size // per_day)
    grid = np.full(days * per_day, np.nan)
    grid[: values.size] = values
    good = np.isfinite(grid)
    kernel_time = np.ones(3)
    total = np.convolve(np.where(good, grid, 0.0), kernel_time, "same").reshape(days, per_day)
    count = np.convolve(good.astype(float), kernel_time, "same").reshape(days, per_day)
    zero = np.zeros((1, per_day))
    ct, cc = np.concatenate([zero, np.cumsum(total, 0)]), np.concatenate([zero, np.cumsum(count, 0)])
    day = np.arange(days)
    low, high = np.maximum(day - 7, 0), np.minimum(day + 8, days)
    n = cc[high] - cc[low]
    mean = ((ct[high] - ct[low]) / np.maximum(n, 1.0)).reshape(-1)[: values.size]
    return np.where(n.reshape(-1)[: values.size] >= 5, mean, values)


def spikes(values: np.ndarray, daytime: np.ndarray, per_day: int, z: float) -> np.ndarray:
    """Despiking of Papale et al. (2006): double difference against its median +- z MAD / 0.6745 in blocks
    of 13 days, day and night apart. Neighbours are the nearest measured values within two steps. Returns
    bool [time]."""
    index = np.flatnonzero(np.isfinite(values))
    out = np.zeros(values.shape, bool)
    if index.size < 3:
        return out
    middle = index[1:-1]
    near = (index[1:-1] - index[:-2] <= 2) & (index[2:] - index[1:-1] <= 2)
    double = 2.0 * values[middle] - values[index[:-2]] - values[index[2:]]
    block = middle // (13 * per_day)
    for part in (True, False):
        for number in np.unique(block):
            hit = near & (block == number) & (daytime[middle] == part)
            if hit.sum() < 30:
                continue
            centre = np.median(double[hit])
            mad = np.median(np.abs(double[hit] - centre))
            if mad > 0:
                out[middle[hit][np.abs(double[hit] - centre) > z * mad / 0.6745]] = True
    return out


def _soil_water(record: xr.Dataset, name: str, out: xr.Dataset, report: Report) -> None:
    values, flag = _measured(record, name)
    low, high = RANGE["SWC"]
    flag[(flag == 1) & ((values < low) | (values > high))] = 2
    per_day = round(86400.0 / record.attrs["step_seconds"])
    # a sensor that repeats one number for five days is stuck (resolution 0.0001)
    same = np.concatenate([[False], np.diff(values) == 0.0])
    change = np.flatnonzero(~same)
    for a, b in zip(change, np.append(change[1:], values.size), strict=True):
        if b - a > 5 * per_day:
            flag[a:b] = np.where(flag[a:b] == 1, 6, flag[a:b])
    soil = next((n for n in ("TS_1", "TS") if n in record), None)
    if soil is not None:
        # dielectric sensors see liquid water only
        flag[(flag == 1) & (record[soil].values < 273.15)] = 7
    random = np.full(values.shape, SWC_SENSOR_SD)
    _store(
        out, report, "SWC", values, flag, random, np.full(values.shape, REPRESENTATIVENESS["SWC"][1]), None
    )
    depths = record.attrs.get("swc_depths_m", (float("nan"),))
    out["SWC"].attrs["depth_m"] = float(depths[0])


def _absent(record: xr.Dataset, name: str, out: xr.Dataset, report: Report) -> None:
    """A variable that the record does not have: missing throughout."""
    nothing = np.full(record.sizes["time"], np.nan)
    _store(out, report, name, nothing, np.zeros(nothing.shape, np.int8), nothing, nothing, None)


def _store(
    out: xr.Dataset,
    report: Report,
    name: str,
    values: np.ndarray,
    flag: np.ndarray,
    random: np.ndarray,
    repr_sd: np.ndarray,
    model: ErrorModel | None,
) -> None:
    units = {"NEE": "umol m-2 s-1", "LE": "W m-2", "SWC": "m3 m-3"}[name]
    sd = np.hypot(random, repr_sd)
    flag[(flag == 1) & ~(np.isfinite(sd) & (sd > 0))] = 4
    used = flag == 1
    for number, meaning in enumerate(FLAGS):
        if number > 1:
            report.reject(name, meaning, int((flag == number).sum()))
    attrs: dict[str, object] = {"units": units, "ancillary_variables": f"{name}_sd {name}_flag"}
    if model is not None:
        attrs["error_model"] = model.source
        attrs["error_coefficients"] = [*model.positive, *model.negative]
        attrs["error_pairs"] = model.pairs
    out[name] = ("time", np.where(used, values, np.nan), attrs)
    for suffix, data in (("sd", sd), ("sd_random", random), ("sd_repr", repr_sd)):
        out[f"{name}_{suffix}"] = ("time", np.where(used, data, np.nan), {"units": units})
    meanings = {"flag_values": np.arange(len(FLAGS), dtype=np.int8), "flag_meanings": " ".join(FLAGS)}
    out[f"{name}_flag"] = ("time", flag, meanings)


def _daily_references(record: xr.Dataset, out: xr.Dataset) -> None:
    names = {
        "GPP_NT": "GPP_NT_daily",
        "GPP_DT": "GPP_DT_daily",
        "RECO_NT": "ER_NT_daily",
        "RECO_DT": "ER_DT_daily",
    }
    present = {a: b for a, b in names.items() if a in record}
    if not present:
        return
    day = record.time.values.astype("datetime64[D]")
    days, inverse = np.unique(day, return_inverse=True)
    per_day = round(86400.0 / record.attrs["step_seconds"])
    out.coords["day"] = ("day", days.astype("datetime64[ns]"))
    for old, new in present.items():
        values = record[old].values
        good = np.isfinite(values)
        count = np.bincount(inverse, good, days.size)
        total = np.bincount(inverse, np.where(good, values, 0.0), days.size)
        # only whole UTC days: half a day would be a biased mean
        mean = np.where(count == per_day, total / np.maximum(count, 1), np.nan)
        out[new] = (
            "day",
            mean * GC_PER_UMOL_DAY,
            {"units": "g m-2 d-1", "long_name": f"{old}, carbon, UTC days"},
        )


__all__ = ["FLAGS", "PUBLISHED", "make_observations", "smooth_flux", "spikes"]
