"""What the page shows, computed from the groups of a run and packed for the browser."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.product import units
from elterra.product._time import Float, as_time, day_number, hour_of_day, step_of
from elterra.product.scores import MIN_DAILY, DailyMean
from elterra.registry import variables

#: order of the series on the page; variables that a run does not hold are left out
SERIES = (
    "NEE", "GPP", "ER", "NPP", "HR", "LE", "H", "G", "RNET", "TRAN", "ESOIL", "ECAN", "SWC_15", "RUNOFF",
    "SWE",
    "SNOWDP", "LAI", "ALBEDO", "TOTVEGC", "TOTLITC", "CWDC", "TOTSOMC", "TOTECOSYSC", "TOTVEGN", "TOTLITN",
    "TOTSOMN", "TOTECOSYSN", "SMINN", "SMIN_NO3_LEACHED", "F_N2O_NIT", "F_N2O_DENIT", "F_DENIT", "F_NIT",
)  # fmt: skip
#: product name of the assimilated variables of the group `observations`
OBSERVED = {"NEE": "NEE", "LE": "LE", "SWC_15": "SWC"}
#: units in which the group `observations` holds them
OBSERVED_UNITS = {
    "NEE": "umolCO2 m-2 s-1",
    "LE": "W m-2",
    "SWC": "m3 m-3",
    "GPP": "umolCO2 m-2 s-1",
    "ER": "umolCO2 m-2 s-1",
}
_SEASONS = ("DJF", "MAM", "JJA", "SON")
_BANDS = ("q05", "q25", "q75", "q95")


def pack(values: NDArray[np.floating]) -> dict[str, Any]:
    """Numbers as 16-bit integers with scale and offset (base64); -32768 is missing. Error: range / 65 000."""
    flat = np.asarray(values, dtype=float).ravel()
    good = np.isfinite(flat)
    low, high = (float(flat[good].min()), float(flat[good].max())) if good.any() else (0.0, 1.0)
    scale = (high - low) / 65_000.0 or 1.0
    whole = np.full(flat.shape, -32_768, np.int16)
    whole[good] = np.round((flat[good] - low) / scale - 32_500).astype(np.int16)
    return {
        "s": scale,
        "o": low + 32_500 * scale,
        "d": base64.b64encode(whole.astype("<i2").tobytes()).decode(),
    }


def daily_series(
    daily: xr.Dataset, openloop: xr.Dataset | None, observations: xr.Dataset | None
) -> dict[str, Any]:
    """Daily series with bands, open loop and daily means of well-measured days."""
    start = int(day_number(daily["time"].values)[0])
    out: dict[str, Any] = {"start": start, "n": int(daily.sizes["time"]), "series": []}
    for name in SERIES:
        if name not in daily or daily[name].dims != ("time",):
            continue
        entry = variables()[name]
        unit = units.display_units(entry.units, "daily")
        item: dict[str, Any] = {"name": name, "label": entry.long_name, "units": pretty(unit)}
        item["mean"] = pack(units.convert(daily[name].values.astype(float), entry.units, unit))
        for band in _BANDS:
            if f"{name}_{band}" in daily:
                item[band] = pack(
                    units.convert(daily[f"{name}_{band}"].values.astype(float), entry.units, unit)
                )
        if openloop is not None and name in openloop:
            same = _same_days(daily, openloop[name])
            item["openloop"] = pack(units.convert(same, entry.units, unit))
        seen = _observed_days(name, daily, observations, unit)
        if seen is not None:
            item["observed"] = pack(seen)
        out["series"].append(item)
    return out


def halfhourly_series(halfhourly: xr.Dataset, observations: xr.Dataset | None) -> dict[str, Any]:
    """Half-hourly mean, 90 % band and measurements of the assimilated variables, for zooming and
    fingerprints."""
    time = as_time(halfhourly["time"].values)
    out: dict[str, Any] = {
        "start": int(time[0].astype("datetime64[s]").astype(np.int64)),
        "step": int(step_of(time) / np.timedelta64(1, "s")),
        "n": int(time.size),
        "series": [],
    }
    for name, observed in OBSERVED.items():
        if name not in halfhourly:
            continue
        entry = variables()[name]
        unit = units.display_units(entry.units, "halfhourly")
        item: dict[str, Any] = {"name": name, "label": entry.long_name, "units": pretty(unit)}
        for key, stored in (("mean", name), ("q05", f"{name}_q05"), ("q95", f"{name}_q95")):
            if stored in halfhourly:
                item[key] = pack(units.convert(halfhourly[stored].values.astype(float), entry.units, unit))
        measured = _observed_on(time, observations, observed)
        if measured is not None:
            item["observed"] = pack(units.convert(measured, OBSERVED_UNITS[observed], unit))
        out["series"].append(item)
    return out


def cycles(
    halfhourly: xr.Dataset, observations: xr.Dataset | None, utc_offset: float
) -> list[dict[str, Any]]:
    """Mean month and mean hour by season: measured half-hours, the same half-hours estimated, and all of
    them."""
    time = as_time(halfhourly["time"].values)
    shifted = time + np.timedelta64(round(utc_offset * 3600), "s")
    month = shifted.astype("datetime64[M]").astype(int) % 12
    hour = np.floor(hour_of_day(time, utc_offset)).astype(int)
    season = (month + 1) % 12 // 3
    out: list[dict[str, Any]] = []
    for name in ("NEE", "GPP", "ER", "LE", "H", "SWC_15"):
        if name not in halfhourly:
            continue
        entry = variables()[name]
        unit = units.display_units(entry.units, "halfhourly")
        value = units.convert(halfhourly[name].values.astype(float), entry.units, unit)
        measured = _observed_on(time, observations, OBSERVED[name]) if name in OBSERVED else None
        item: dict[str, Any] = {
            "name": name,
            "label": entry.long_name,
            "units": pretty(unit),
            "months": {},
            "hours": [],
        }
        kinds: dict[str, Float] = {"all": value}
        if measured is not None:
            seen = units.convert(measured, OBSERVED_UNITS[OBSERVED[name]], unit)
            kinds |= {"observed": seen, "same": np.where(np.isfinite(seen), value, np.nan)}
        item["months"] = {k: _grouped(v, month, 12) for k, v in kinds.items()}
        for s, title in enumerate(_SEASONS):
            here = season == s
            item["hours"].append(
                {"season": title} | {k: _grouped(v[here], hour[here], 24) for k, v in kinds.items()}
            )
        out.append(item)
    return out


#: roles of the terms of a budget (attribute ``role``), in the order of the page
_ROLES = ("storage", "flux", "increment", "smoothing", "discrepancy", "residual")


def budget_terms(budget: xr.Dataset) -> dict[str, list[tuple[str, str, str]]]:
    """(role, variable, label) of each budget. A variable that does not say its `budget` and `role` is left out."""
    out: dict[str, list[tuple[str, str, str]]] = {}
    for raw in budget.data_vars:
        name = str(raw)
        attrs = budget[name].attrs
        which, role = attrs.get("budget"), attrs.get("role")
        if which is None or role not in _ROLES or budget[name].dims != ("time",):
            continue
        label = str(attrs.get("long_name", name)).removesuffix(" at the end of the day")
        out.setdefault(str(which), []).append((str(role), name, label))
    return {which: sorted(terms, key=lambda t: _ROLES.index(t[0])) for which, terms in out.items()}


def budgets(budget: xr.Dataset | None) -> list[dict[str, Any]]:
    """Per budget: yearly terms with the signs of the store, and the cumulative course of each (weekly points)."""
    if budget is None:
        return []
    days = day_number(budget["time"].values)
    years = days.astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970
    out: list[dict[str, Any]] = []
    for which, terms in budget_terms(budget).items():
        begin = next(
            (
                float(budget[n].values[0])
                for n in budget.data_vars
                if budget[n].attrs.get("budget") == which and budget[n].attrs.get("role") == "start"
            ),
            None,
        )
        rows: list[dict[str, Any]] = []
        for role, name, label in terms:
            values = budget[name].values.astype(float)
            if role == "storage":
                flow = np.diff(values, prepend=values[0] if begin is None else begin)
            else:
                flow = values
            flow = np.nan_to_num(flow)
            yearly = [float(flow[years == y].sum()) for y in np.unique(years)]
            course = np.cumsum(flow)[::7]
            rows.append(
                {
                    "role": role,
                    "label": f"change of {label}" if role == "storage" else label,
                    "yearly": [float(f"{v:.6g}") for v in yearly],
                    "course": pack(course),
                    "largest": float(np.abs(flow).max(initial=0.0)),
                }
            )
        unit = next((str(budget[n].attrs["units"]) for _, n, _ in terms if "units" in budget[n].attrs), "")
        out.append(
            {
                "name": which,
                "units": pretty(unit),
                "years": [int(y) for y in np.unique(years)],
                "start": int(days[0]),
                "terms": rows,
            }
        )
    return out


def soil_profiles(daily: xr.Dataset) -> dict[str, Any] | None:
    """Weekly temperature and water of the upper soil layers."""
    names = [n for n in ("TSOI", "H2OSOI", "SOILICE") if n in daily and daily[n].ndim == 2]
    if not names or "soil_layer" not in daily.coords:
        return None
    depth = daily["soil_layer"].values.astype(float)
    layers = depth <= 3.0
    weeks = daily.sizes["time"] // 7
    out: dict[str, Any] = {
        "depth": [round(float(d), 3) for d in depth[layers]],
        "start": int(day_number(daily["time"].values)[0]),
        "weeks": int(weeks),
        "fields": [],
    }
    for name in names:
        entry = variables()[name]
        unit = units.display_units(entry.units, "daily")
        values = units.convert(
            daily[name].transpose("time", "soil_layer").values.astype(float), entry.units, unit
        )
        weekly = values[: weeks * 7, layers].reshape(weeks, 7, -1).mean(axis=1)
        out["fields"].append(
            {"name": name, "label": entry.long_name, "units": pretty(unit), "values": pack(weekly)}
        )
    return out


def innovations(data: xr.Dataset | None) -> list[dict[str, Any]]:
    """Per variable: counts, bias and spread of O−B and O−A, their histograms, and a yearly course."""
    if data is None or not data.sizes:
        return []
    variable = data["variable"].values.astype(str)
    used = data["used"].values.astype(bool)
    reason = data["reason"].values.astype(str)
    start = as_time(data["time_start"].values)
    month = start.astype("datetime64[M]").astype(int)
    edges = np.linspace(-5, 5, 41)
    out: list[dict[str, Any]] = []
    for name in sorted(set(variable)):
        here = variable == name
        get = {
            k: data[k].values.astype(float)
            for k in ("value", "error_sd", "prior_mean", "prior_sd", "posterior_mean")
        }
        before, after = get["value"] - get["prior_mean"], get["value"] - get["posterior_mean"]
        expected = np.sqrt(get["prior_sd"] ** 2 + get["error_sd"] ** 2)
        ok = here & used & np.isfinite(before) & (expected > 0)
        z, w = before[ok] / expected[ok], after[ok] / expected[ok]
        first = int(month[here].min())
        bins = month[ok] - first
        count = np.bincount(bins)
        root = np.sqrt(np.bincount(bins, z**2) / np.maximum(count, 1))
        lost = {
            str(k): int(n) for k, n in zip(*np.unique(reason[here & ~used], return_counts=True), strict=True)
        }
        out.append(
            {
                "name": name,
                "n": int(here.sum()),
                "used": int((here & used).sum()),
                "rejected": lost,
                "bias_before": _number(before[ok].mean() if ok.any() else np.nan),
                "bias_after": _number(after[ok].mean() if ok.any() else np.nan),
                "rms_before": _number(np.sqrt(np.mean(before[ok] ** 2)) if ok.any() else np.nan),
                "rms_after": _number(np.sqrt(np.mean(after[ok] ** 2)) if ok.any() else np.nan),
                "ratio": _number(np.sqrt(np.mean(z**2)) if ok.any() else np.nan),
                "edges": [round(float(e), 3) for e in edges],
                "before": np.histogram(z, edges)[0].tolist(),
                "after": np.histogram(w, edges)[0].tolist(),
                "first_month": first,
                "monthly": [_number(v) if c else None for v, c in zip(root, count, strict=True)],
            }
        )
    return out


def score_rows(evaluation: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of the evaluation's table."""
    return [dict(row) for row in evaluation["table"]] if evaluation else []


def facts(
    daily: xr.Dataset, observations: xr.Dataset | None, evaluation: Mapping[str, Any] | None
) -> list[list[str]]:
    """A few numbers for the head of the page: (figure, its unit, what it is)."""
    out: list[list[str]] = []
    days = daily.sizes["time"]
    out.append([f"{days / 365.25:.1f}", "years", f"{days:,} days without a gap".replace(",", "\u202f")])
    for name, label in (("NEE", "mean net carbon exchange"), ("GPP", "mean gross primary production")):
        if name in daily:
            total = float(daily[name].mean()) * units.SECONDS_PER_DAY * 365.25
            figure = f"{total:,.0f}".replace(",", "\u202f").replace("-", "−")
            out.append([figure, "gC m⁻² yr⁻¹", label])
    if "LE" in daily:
        # 2.501 MJ kg-1: heat of vaporisation at 0 degC, for a headline figure only
        water = float(daily["LE"].mean()) / 2.501e6 * units.SECONDS_PER_DAY * 365.25
        out.append([f"{water:.0f}", "mm yr⁻¹", "mean evapotranspiration"])
    if observations is not None:
        for name in ("NEE", "LE"):
            if name in observations:
                share = float(np.isfinite(observations[name].values).mean())
                out.append([f"{share:.0%}", "", f"of half-hours have a usable {name} measurement"])
    return out


def pretty(unit: str) -> str:
    """Units with superscripts for people."""
    text = (
        unit.replace("umol", "µmol ").replace("CO2", "CO₂").replace("degC", "°C").replace("µmol  ", "µmol ")
    )
    up = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    text = re.sub(r"(?<=[A-Za-z])(-?\d)(?=\s|$)", lambda m: m.group(1).translate(up), text)
    return "" if text == "1" else text.replace("  ", " ")


def _number(value: float) -> float | None:
    value = float(value)
    return round(value, 5) if np.isfinite(value) else None


def _grouped(values: Float, label: NDArray[np.integer], size: int) -> list[float | None]:
    good = np.isfinite(values)
    count = np.bincount(label[good], minlength=size)
    total = np.bincount(label[good], values[good], minlength=size)
    return [_number(t / c) if c > 10 else None for t, c in zip(total, count, strict=True)]


def _same_days(daily: xr.Dataset, array: xr.DataArray) -> Float:
    days, own = day_number(daily["time"].values), day_number(array["time"].values)
    out = np.full(days.size, np.nan)
    index = np.clip(np.searchsorted(own, days), 0, own.size - 1)
    match = own[index] == days
    out[match] = array.values[index[match]]
    return out


def _observed_on(time: NDArray[np.datetime64], observations: xr.Dataset | None, name: str) -> Float | None:
    if observations is None or name not in observations:
        return None
    own = as_time(observations["time"].values)
    out = np.full(time.size, np.nan)
    index = np.clip(np.searchsorted(own, time), 0, own.size - 1)
    match = own[index] == time
    out[match] = observations[name].values.astype(float)[index[match]]
    return out


def _observed_days(name: str, daily: xr.Dataset, observations: xr.Dataset | None, unit: str) -> Float | None:
    """Daily values to draw as points.

    SWC: mean of days with enough measurements. LE and NEE: days measured for at least 60 % of the time
    only, since a
    mean of daytime half-hours is no daily mean. GPP, ER: the partitioned estimate.
    """
    if observations is None:
        return None
    source = OBSERVED.get(name, name)
    if source not in observations or source not in OBSERVED_UNITS:
        return None
    array = observations[source]
    if "day" in array.dims:
        days, mean = day_number(array["day"].values), array.values.astype(float)
    else:
        time = as_time(array["time"].values)
        values = array.values.astype(float)
        per_day = round(np.timedelta64(1, "D") / step_of(time))
        least = max(1, round(0.6 * per_day)) if name in ("NEE", "LE") else min(MIN_DAILY, per_day)
        average = DailyMean(day_number(time), np.isfinite(values), least)
        days, mean = average.days, average.mean(values)
    own = day_number(daily["time"].values)
    out = np.full(own.size, np.nan)
    index = days - own[0]
    inside = (index >= 0) & (index < own.size)
    out[index[inside]] = units.convert(mean[inside], OBSERVED_UNITS[source], unit)
    return out
