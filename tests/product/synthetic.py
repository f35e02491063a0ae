"""A small artificial run: weather, a truth, measurements with gaps, an ensemble around the truth."""

from __future__ import annotations

import numpy as np
import xarray as xr

from elterra.product._time import day_of_year, hour_of_day, potential_radiation
from elterra.product.statistics import daily_flags, daily_means, observation_flags, statistics_dataset
from elterra.registry import variables

PLACE = {"latitude": 46.8, "longitude": 9.9, "utc_offset": 1.0}
UMOL = 1e6 / 12.011


def clock(start: str, days: int, minutes: int) -> np.ndarray:
    step = np.timedelta64(minutes, "m")
    return (np.datetime64(start, "ns") + np.arange(days * 1440 // minutes) * step).astype("datetime64[ns]")


def weather(time: np.ndarray, seed: int = 3) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    n = time.size
    per_day = round(np.timedelta64(1, "D") / (time[1] - time[0]))
    slow = np.repeat(
        np.convolve(rng.standard_normal(n // per_day + 20), np.ones(5) / 5, "same")[: n // per_day], per_day
    )
    year = np.cos(2 * np.pi * (day_of_year(time) - 200) / 365.25)
    clear = np.clip(0.55 + 0.25 * slow, 0.1, 0.8)
    light = potential_radiation(time, PLACE["latitude"], PLACE["longitude"]) * clear
    warm = 5 + 9 * year + 4 * slow + 3 * np.cos(2 * np.pi * (hour_of_day(time, 1.0) - 14) / 24)
    rain = np.where(rng.random(n) < 0.03, rng.exponential(1.0, n), 0.0)
    dryness = np.clip(0.6 * np.exp(0.06 * warm) * clear * 4, 0.05, 25)
    return xr.Dataset(
        {
            "TA": ("time", warm),
            "SW_IN": ("time", light),
            "VPD": ("time", dryness),
            "LW_IN": ("time", 250 + 3 * warm),
            "P": ("time", rain),
            "PA": ("time", np.full(n, 83.5)),
        },
        coords={"time": time},
        attrs=PLACE,
    )


def truth(drivers: xr.Dataset) -> xr.Dataset:
    light, warm, vpd = (drivers[k].values for k in ("SW_IN", "TA", "VPD"))
    gpp = 25 * light / (light + 350) / (1 + np.exp(-(warm - 4) / 2)) * np.exp(-vpd / 30)
    er = 2.0 * np.exp(0.07 * warm)
    le = np.maximum(0, 0.25 * light * (1 - np.exp(-vpd / 4)))
    per_day = 24
    wet = np.convolve(drivers["P"].values, np.exp(-np.arange(40 * per_day) / (15 * per_day)))[: light.size]
    swc = 0.15 + 0.2 * (1 - np.exp(-wet / 60))
    return xr.Dataset(
        {
            "NEE": ("time", er - gpp),
            "LE": ("time", le),
            "SWC": ("time", swc),
            "GPP": ("time", gpp),
            "ER": ("time", er),
        },
        coords={"time": drivers["time"].values},
    )


def measurements(real: xr.Dataset, drivers: xr.Dataset, seed: int = 5) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    n = real.sizes["time"]
    out = xr.Dataset(coords={"time": real["time"].values}, attrs=PLACE)
    for name, share, floor, slope in (
        ("NEE", 0.75, 0.6, 0.15),
        ("LE", 0.85, 8.0, 0.1),
        ("SWC", 0.98, 0.004, 0.0),
    ):
        sd = floor + slope * np.abs(real[name].values)
        seen = rng.random(n) < share
        out[name] = ("time", np.where(seen, real[name].values + sd * rng.standard_normal(n), np.nan))
        out[f"{name}_sd"] = ("time", np.where(seen, sd, np.nan))
    for name in ("GPP", "ER"):
        out[name] = ("time", real[name].values * (1 + 0.05 * rng.standard_normal(n)))
    return out


def ensemble(real: xr.Dataset, spread: float, bias: float, members: int = 16, seed: int = 11) -> xr.Dataset:
    """Members whose common error has the size of their spread, so that intervals are honest."""
    rng = np.random.default_rng(seed)
    n = real.sizes["time"]
    per_day = round(np.timedelta64(1, "D") / (real["time"].values[1] - real["time"].values[0]))
    out = xr.Dataset(coords={"time": real["time"].values})
    for name in real.data_vars:
        size = spread * float(real[name].std())
        daily = rng.standard_normal((n // per_day + 1, members + 1))
        error = np.repeat(daily, per_day, axis=0)[:n] * size
        centre = real[name].values + bias * float(real[name].std()) + error[:, 0]
        out[name] = (("time", "member"), (centre[:, None] + error[:, 1:]).astype(np.float32))
    return out


def run_groups(
    days: int = 400, minutes: int = 30, members: int = 8, layers: int = 6
) -> dict[str, xr.Dataset]:
    """All groups of a run, in stored units."""
    rng = np.random.default_rng(1)
    time = clock("2015-01-01", days, minutes)
    per_day = 1440 // minutes
    drivers = weather(time)
    real = truth(drivers)
    seen = measurements(real, drivers)
    seen["NEE"][: 5 * per_day] = np.nan
    day = time[::per_day]
    ens = ensemble(real, 0.15, 0.0, members)
    stored: dict[str, np.ndarray] = {}
    for name, entry in variables().items():
        if not entry.output or entry.dims != ("column",):
            continue
        if name in ("NEE", "GPP", "ER"):
            stored[name] = ens[name].values / UMOL
        elif name == "SWC_15":
            stored[name] = ens["SWC"].values
        elif name == "LE":
            stored[name] = ens["LE"].values
        else:
            low, high = entry.bounds or (0.0, 1.0)
            scale = {"W m-2": 120.0, "gC m-2 s-1": 4e-5, "gN m-2 s-1": 1e-8, "kg m-2 s-1": 2e-5}.get(
                entry.units, 0.0
            )
            centre = (
                scale * (1 + np.sin(np.arange(time.size) / 2000)) if scale else 0.3 * min(high, 900.0) + low
            )
            noise = 0.1 * (scale or 0.05 * min(high, 900.0)) * rng.standard_normal((1, members))
            stored[name] = (np.broadcast_to(centre, time.shape)[:, None] + noise).astype(np.float32)
    wide = statistics_dataset(stored, dict.fromkeys(stored, ("time",)))
    wide = wide[
        [v for v in wide.data_vars if "halfhourly" in variables()[_base(str(v))].output]
    ].assign_coords(time=time)
    daily_members = {k: daily_means(v, per_day) for k, v in stored.items()}
    dims = dict.fromkeys(daily_members, ("time",))
    depth = np.array([0.01, 0.05, 0.15, 0.4, 0.9, 2.0])[:layers]
    season = np.cos(2 * np.pi * (np.arange(days)[:, None] - 200 - 40 * depth[None, :]) / 365)
    for name, base, swing in (
        ("TSOI", 278.0, 8.0),
        ("H2OSOI", 0.3, 0.05),
        ("SOILLIQ", 30.0, 5.0),
        ("SOILICE", 3.0, 3.0),
    ):
        middle = base + swing * season * np.exp(-depth)[None, :]
        daily_members[name] = middle[:, :, None] + 0.05 * swing * rng.standard_normal((1, layers, members))
        dims[name] = ("time", "soil_layer")
    day_stats = statistics_dataset(daily_members, dims).assign_coords(time=day, soil_layer=depth)
    for name, observed in (("NEE", "NEE"), ("LE", "LE"), ("SWC_15", "SWC")):
        flags = observation_flags(
            time, np.isfinite(seen[observed].values), 5.0, np.arange(time.size) % 7 == 0
        )
        wide[f"{name}_flag"] = ("time", flags["flag"].values)
        day_stats[f"{name}_flag"] = ("time", daily_flags(flags["flag"].values, per_day))
    free = ensemble(real, 0.4, 0.3, members, seed=8)
    loop = statistics_dataset(
        {
            "NEE": daily_means(free["NEE"].values / UMOL, per_day),
            "LE": daily_means(free["LE"].values, per_day),
        },
        {"NEE": ("time",), "LE": ("time",)},
    ).assign_coords(time=day)
    about = PLACE | {
        "title": "Synthetic <forest>",
        "site": "XX-Syn",
        "elevation": 1639.0,
        "summary": "An artificial run for tests.",
    }
    wide.attrs, day_stats.attrs = dict(about), dict(about)
    return {
        "halfhourly": wide,
        "daily": day_stats,
        "members": ens,
        "openloop/daily": loop,
        "openloop/members": free,
        "observations": seen,
        "drivers": drivers,
        "innovations": _innovations(day, rng),
        "budget": _budget(day, rng),
    }


def _base(stored: str) -> str:
    names = variables()
    return stored if stored in names else stored.rsplit("_", 1)[0]


def _innovations(day: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
    n = day.size * 3
    prior, error = np.full(n, 1.0), np.full(n, 0.8)
    value = rng.standard_normal(n) * np.sqrt(prior**2 + error**2)
    used = rng.random(n) > 0.05
    return xr.Dataset(
        {
            "time_start": ("datum", np.repeat(day, 3)),
            "time_end": ("datum", np.repeat(day + np.timedelta64(1, "D"), 3)),
            "variable": ("datum", np.tile(["NEE", "LE", "SWC"], day.size)),
            "value": ("datum", value),
            "error_sd": ("datum", error),
            "prior_mean": ("datum", np.zeros(n)),
            "prior_sd": ("datum", prior),
            "posterior_mean": ("datum", 0.6 * value),
            "posterior_sd": ("datum", 0.6 * prior),
            "used": ("datum", used),
            "reason": ("datum", np.where(used, "", "outlier: more than 5 expected deviations")),
        }
    )


def _budget(day: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
    """Storage = fluxes + increment - smoothing - discrepancy, with the names and signs of the store."""
    n = day.size
    out = xr.Dataset(coords={"time": day})
    for kind, unit in (("water", "kg m-2"), ("carbon", "gC m-2"), ("nitrogen", "gN m-2")):
        gain, loss = rng.exponential(2.5, n), np.full(n, -2.4)
        increment, smoothing, discrepancy = 0.1 * rng.standard_normal((3, n))
        increment[0] = 0.0
        end = 300 + np.cumsum(gain + loss + increment - smoothing - discrepancy)
        for name, role, values in (
            (f"{kind}_GAIN", "flux", gain),
            (f"{kind}_LOSS", "flux", loss),
            (f"increment_{kind}", "increment", increment),
            (f"smoothing_{kind}", "smoothing", smoothing),
            (f"discrepancy_{kind}", "discrepancy", discrepancy),
            (f"{kind}_start", "start", np.concatenate([[300.0], end[:-1]]) + increment),
            (f"{kind}_end", "storage", end),
            (f"{kind}_residual", "residual", 1e-12 * rng.standard_normal(n)),
        ):
            about = {"units": unit, "long_name": f"{role} of {kind}", "budget": kind, "role": role}
            out[name] = ("time", values, about)
    return out
