"""Fit the coefficients of the generator on towers. `elterra forcing fit` writes the file that the package carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from elterra.errors import InputError
from elterra.forcing.humidity import saturation_pressure
from elterra.forcing.weather import _fit_latent as latent
from elterra.forcing.weather import _fit_steps as within
from elterra.forcing.weather._calendar import days_of_month, noons, quadratic
from elterra.forcing.weather._fit_steps import amplitudes
from elterra.forcing.weather.climate import daily_sun, monthly_sun
from elterra.forcing.weather.coefficients import FIELDS, Coefficients, Regression, logit, regress, terms
from elterra.forcing.weather.towers import Station, read_daily, read_halfhourly, read_hourly_rain, region

Array = NDArray[np.float64]
#: numbers that are choices, not fits; docs/science/weather_generator.md says why
CHOICES = {"wet_limit": 0.3, "wind_gain": 0.35, "cloud_km": 60.0, "cloud_smoothness": 0.5}
#: least rain of a wet hour, mm
WET_HOUR = 0.1
#: months with less irradiance above the atmosphere (W m-2) say nothing about clouds
LIT = 25.0
GENERAL = ("one", "t", "t2", "a", "ta", "s", "st", "z")
DAILY_FITS = {
    "temperature_sd": (GENERAL, "log", 0.8, 12.0),
    "temperature_skew": (("one", "t", "a", "ta", "s"), "none", -0.35, 0.25),
    "clear_limit": (("one", "s", "noon", "air", "z"), "none", 0.45, 0.85),
    "clearness": (("one", "t", "a", "lnp", "s", "st", "z"), "logit", 0.12, 0.9),
    "clear_sd": (("one", "u", "u2", "s"), "log", 0.5, 3.0),
    "range": (("one", "lnsw", "u", "t", "a", "z"), "log", 0.3, 18.0),
    "range_spread": (("one", "lnsw", "u", "t"), "log", 0.1, 1.2),
    "humid": (("one", "t", "t2", "a", "lnp", "u", "s"), "logit", 0.25, 0.97),
    "humid_sd": (("one", "u", "t", "s"), "log", 0.3, 2.0),
}
#: fitted on the few places with daily rain, wind and pressure
RAIN_FITS = {
    "wet_amount": (("one", "lnp", "t", "u", "tm"), "log", 0.8, 25.0),
    "rain_power": (("one", "t", "w", "tm"), "none", 0.8, 2.2),
}
PRESSURE_FITS = {"pressure_sd": (("one", "s", "t"), "log", 200.0, 2000.0)}


@dataclass
class Described:
    """A station with what the fit makes of it: `terms` of its climate ``[12]``, statistics of months ``[12]``, scores."""

    station: Station
    terms: dict[str, Array]
    months: dict[str, Array]
    scores: dict[str, Array]
    sun: Array


def fit(data: Path, *, withhold: Sequence[str] = (), before: int | None = None) -> Coefficients:
    """Coefficients from the reference data.

    withhold : blocks of places (`region`: north, south, alps, centre) that the fit does not see
    before : years from this one on are not seen either
    """
    stations = [s for s in read_daily(data) if region(s) not in withhold]
    if before is not None:
        stations = [_cut(s, before) for s in stations]
    steps = [s for s in read_halfhourly(data) if _region_of(s, stations)]
    damped = within.damping(steps)
    limit = _clear_limit(stations)
    described = [d for d in (describe(s, limit, damped) for s in stations) if d is not None]
    if len(described) < 10:
        raise InputError(f"weather fit: {len(described)} stations are left; at least ten are needed")
    regressions = {"clear_limit": limit}
    for table in (DAILY_FITS, RAIN_FITS, PRESSURE_FITS):
        for name, (names, link, low, high) in table.items():
            if name != "clear_limit":
                regressions[name] = _regression(described, name, names, link, low, high)
    numbers = dict(CHOICES) | _numbers(described, data, steps, limit, damped, withhold)
    scored = [(d.scores, d.sun) for d in described]
    memory, slow = latent.memories(scored)
    length, smooth = _lengths(described, data)
    return Coefficients(
        memory, slow, length, smooth, latent.correlations(scored), regressions, numbers,
        {
            "stations": sorted(d.station.name for d in described),
            "withheld": sorted(withhold),
            "years_before": before or 0,
            "sources": "FLUXNET2015 (CC-BY-4.0, doi 10.1038/s41597-020-0534-3), CH-Dav ETH/ICOS (CC-BY-4.0), Solling and "
            "Pallas long-term records, CARDAMOM-FLUXVAL (CC-BY-4.0), EWEMBI daily precipitation (CC-BY): coefficients only",
        },
    )  # fmt: skip


def _cut(s: Station, before: int) -> Station:
    keep = s.days < np.datetime64(f"{before}-01-01", "D").astype(np.int64)
    return Station(s.name, s.latitude, s.longitude, s.elevation, s.days[keep], {n: v[keep] for n, v in s.values.items()},
                   s.monthly_rain)  # fmt: skip


def _region_of(steps: object, stations: list[Station]) -> bool:
    return getattr(steps, "name", "") in {s.name for s in stations}


def sun_of(s: Station) -> Array:
    """Irradiance above the atmosphere (W m-2) of each day."""
    return daily_sun(noons(s.days), np.array([s.latitude]))[0][:, 0]


def _clear_limit(stations: list[Station]) -> Regression:
    """The share of the irradiance above the atmosphere that clear days let through: 97 % quantile of a month."""
    values: dict[str, list[Array]] = {}
    target = []
    for s in stations:
        climate = s.climate()
        if climate is None or not s.has("sw"):
            continue
        share = s.values["sw"] / np.maximum(sun_of(s), 1.0)
        sun = monthly_sun(climate.latitude)[0][:, 0]
        found = np.full(12, np.nan)
        for m in range(12):
            of = share[(s.month == m) & np.isfinite(share)]
            if of.size >= 60 and sun[m] > LIT:
                found[m] = np.quantile(of, 0.97)
        target.append(found)
        for n, v in terms(climate).items():
            values.setdefault(n, []).append(v[:, 0])
    names, link, low, high = DAILY_FITS["clear_limit"]
    return regress(
        names,
        {n: np.concatenate(v) for n, v in values.items()},
        np.concatenate(target),
        link=link,
        low=low,
        high=high,
    )


def seasonal(s: Station) -> Array:
    """Expected temperature (degC) ``[day]``: the curve through the monthly means that the generator uses."""
    mean = s.monthly("t")
    out = np.full(len(s.days), np.nan)
    months = s.days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    for number in range(int(months[0]), int(months[-1]) + 1):
        here, count = number % 12, len(days_of_month(number, True))
        curve = quadratic(mean[(here - 1) % 12], mean[here], mean[(here + 1) % 12], count)
        at = days_of_month(number, True) - s.days[0]
        inside = (at >= 0) & (at < len(out))
        out[at[inside]] = curve[inside]
    return out


def describe(s: Station, limit: Regression, damped: float) -> Described | None:
    """Statistics and scores of a station; None where its climate is not known."""
    climate = s.climate()
    if climate is None:
        return None
    known = {n: v[:, 0] for n, v in terms(climate).items()}
    month, sun = s.month, sun_of(s)
    months: dict[str, Array] = {}
    scores: dict[str, Array] = {}
    residual = s.values["t"] - seasonal(s)
    months["temperature_sd"] = _by_month(residual, month, lambda x: np.log(x.std()))
    months["temperature_skew"] = _by_month(
        residual, month, lambda x: float(np.mean((x - x.mean()) ** 3)) / x.std() ** 3 / 3.0
    )
    scores["temperature"] = latent.normal_scores(residual, month)
    monthly = monthly_sun(climate.latitude)[0][:, 0]
    u = np.full(12, np.nan)
    if s.has("sw"):
        top = limit(known)[month] * sun
        clear = np.where(
            monthly[month] > LIT, np.clip(s.values["sw"] / np.maximum(top, 1.0), 0.02, 0.98), np.nan
        )
        u = _by_month(clear * top, month, np.mean) / _by_month(
            np.where(np.isfinite(clear), top, np.nan), month, np.mean
        )
        months["clearness"] = logit(np.clip(u, 0.03, 0.97))
        months["clear_sd"] = np.log(_by_month(logit(clear), month, np.std))
        scores["clear"] = latent.normal_scores(clear, month)
    u = np.where(np.isfinite(u), u, 0.5)
    known |= {"u": u, "u2": u**2, "lnsw": np.log(np.maximum(u * limit(known) * monthly, 1.0) / 100.0)}
    if s.has("range"):
        amplitude, saturated = amplitudes(s, damped)
        mean = _by_month(amplitude, month, np.mean)
        cv = _by_month(amplitude, month, np.std) / np.maximum(mean, 0.05)
        months["range"] = np.where(mean > 0.2, np.log(np.maximum(mean, 1e-3)), np.nan)
        months["range_spread"] = np.log(np.array([_spread_of(x) for x in cv]))
        months["range_share"] = mean / _by_month(s.values["range"], month, np.mean)
        scores["range"] = latent.normal_scores(amplitude, month)
        if s.has("vpd"):
            relative = np.clip(1.0 - 100.0 * s.values["vpd"] / saturated, 0.03, 0.99)
            vapour = _by_month(relative * saturated, month, np.mean)
            mean_t = saturation_pressure(s.monthly("t") + 273.15)
            months["humid"] = logit(np.clip(vapour / mean_t, 0.05, 0.99))
            months["humid_sd"] = np.log(_by_month(logit(relative), month, np.std))
            scores["humid"] = latent.normal_scores(relative, month)
    _describe_rest(s, known, months, scores)
    return Described(s, known, months, scores, monthly[month])


def _describe_rest(
    s: Station, known: dict[str, Array], months: dict[str, Array], scores: dict[str, Array]
) -> None:
    month = s.month
    if s.has("rain"):
        scores["rain"], scores["wet"] = latent.rain_scores(s.values["rain"], month, CHOICES["wet_limit"])
        rain = s.values["rain"]
        share = _by_month(
            np.where(np.isfinite(rain), (rain >= CHOICES["wet_limit"]) * 1.0, np.nan), month, np.mean
        )
        months["wet_amount"] = np.log(_by_month(rain, month, np.mean) / np.maximum(share, 0.01))
        above = np.where(rain >= CHOICES["wet_limit"], rain - CHOICES["wet_limit"], np.nan)
        mean = _by_month(above, month, np.mean, 20)
        relative = above / mean[month]
        # a month alone has too few wet days for the tail: with its neighbours
        squares = np.array(
            [_variance(relative[np.isin(month, [(m - 1) % 12, m, (m + 1) % 12])]) for m in range(12)]
        )
        months["rain_power"] = np.array([_power_of(x) for x in squares])
        known["w"] = np.where(np.isfinite(share), share, 0.0)
    if s.has("wind"):
        log_wind = np.log(np.maximum(s.values["wind"], 0.1))
        months["wind_sd"] = _by_month(log_wind, month, np.std)
        months["wind_mean"] = s.monthly("wind")
        scores["wind"] = latent.normal_scores(log_wind, month)
    if s.has("pressure"):
        months["pressure_sd"] = np.log(100.0 * _by_month(s.values["pressure"], month, np.std))
        scores["pressure"] = latent.normal_scores(s.values["pressure"], month)


def _by_month(x: Array, month: NDArray[np.int64], what, least: int = 60) -> Array:  # type: ignore[no-untyped-def]
    out = np.full(12, np.nan)
    for m in range(12):
        of = x[(month == m) & np.isfinite(x)]
        if of.size >= least:
            out[m] = what(of)
    return out


def _variance(x: Array) -> float:
    good = x[np.isfinite(x)]
    return float(good.var()) if good.size >= 60 else float("nan")


def _power_of(squared_cv: float) -> float:
    """Power of the exponential number whose squared coefficient of variation is given (Weibull of shape one over it)."""
    if not np.isfinite(squared_cv):
        return float("nan")
    k = np.linspace(0.3, 3.0, 271)
    return float(np.interp(squared_cv, special.gamma(1.0 + 2.0 * k) / special.gamma(1.0 + k) ** 2 - 1.0, k))


def _spread_of(cv: float) -> float:
    """Spread of the squared normal number whose coefficient of variation is ``cv``."""
    if not np.isfinite(cv):
        return float("nan")
    v = np.linspace(0.02, 1.5, 300)
    return float(np.interp(cv, np.sqrt(4.0 * v**2 + 2.0 * v**4) / (1.0 + v**2), v))


def _regression(
    described: list[Described], name: str, names: tuple[str, ...], link: str, low: float, high: float
) -> Regression:
    have = [d for d in described if name in d.months]
    values = {n: np.concatenate([d.terms[n] for d in have]) for n in names}
    return regress(
        names, values, np.concatenate([d.months[name] for d in have]), link=link, low=low, high=high
    )


def _numbers(
    described: list[Described],
    data: Path,
    steps: list,
    limit: Regression,
    damped: float,
    withhold: Sequence[str],
) -> dict[str, float]:
    def mean(name: str) -> float:
        return float(np.nanmean(np.concatenate([d.months[name] for d in described if name in d.months])))

    known = {d.station.name: d.terms for d in described}
    lit = [s for s in steps if s.name in known]
    spread, hours = within.clouds(lit, limit, known)
    rains = [r for r in read_hourly_rain(data) if HOURLY_BLOCK[r[0]] not in withhold]
    share = within.wet_share(rains, WET_HOUR, CHOICES["wet_limit"])
    measured = [d.station for d in described if d.station.has("lw", "sw", "vpd")]
    gain, weight, power = within.longwave(measured, limit, known)
    return {
        "damping": damped, "cloud_spread": spread, "cloud_hours": hours,
        "wet_share_0": share[0], "wet_share_log": share[1], "wet_share_t": share[2],
        "shower_power": within.shower_power(rains, share, hours, CHOICES["wet_limit"]),
        "longwave_gain": gain, "longwave_weight": weight, "longwave_power": power,
        "wind_mean": mean("wind_mean"), "wind_sd": mean("wind_sd"), "amplitude_of_range": mean("range_share"),
    }  # fmt: skip


#: blocks of the places with hourly rain
HOURLY_BLOCK = {
    "CH-Dav": "alps",
    "Solling": "centre",
    "Alptal": "alps",
    "Col de Porte": "alps",
    "Fuerstensee": "centre",
}


def _lengths(described: list[Described], data: Path) -> tuple[Array, Array]:
    length, smooth = np.full(len(FIELDS), 600.0), np.full(len(FIELDS), 0.5)
    first = min(int(d.station.days[0]) for d in described)
    last = max(int(d.station.days[-1]) for d in described)
    for k, name in enumerate(FIELDS):
        if name == "rain":
            distance, value, number = rain_pairs(data / "gridded" / "ewembi_daily_germany_0p5_1995_2016.nc")
        else:
            have = [d for d in described if name in d.scores]
            series = []
            for d in have:
                line = np.full(last - first + 1, np.nan)
                line[d.station.days - first] = d.scores[name]
                series.append(line)
            place = np.array([[d.station.latitude, d.station.longitude] for d in have])
            distance, value, number = latent.pair_correlations(series, place[:, 0], place[:, 1])
        if len(value) >= 2:
            length[k], smooth[k] = latent.length(distance, value, np.sqrt(number))
    return length, smooth


def rain_pairs(path: Path, step: int = 3) -> tuple[Array, Array, Array]:
    """Correlations of the latent number of rain between cells of a daily grid (EWEMBI 0.5 deg over Germany)."""
    with xr.open_dataset(path) as ds:
        name = next(n for n in ds.data_vars if str(n).startswith("pr"))
        grid = (
            ds[name]
            .isel({ds[name].dims[1]: slice(None, None, step), ds[name].dims[2]: slice(None, None, step)})
            .load()
        )
    lat_name, lon_name = (str(n) for n in grid.dims[1:])
    days = grid["time"].values.astype("datetime64[D]")
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    values = grid.values.reshape(len(days), -1).astype(float)
    lat, lon = np.meshgrid(grid[lat_name].values, grid[lon_name].values, indexing="ij")
    keep = np.isfinite(values).all(axis=0)
    series, share = [], []
    for column in np.flatnonzero(keep):
        score, wet = latent.rain_scores(values[:, column], month, CHOICES["wet_limit"])
        series.append(score)
        share.append(float(np.nanmean(wet)))
    x = np.stack(series)
    product = x @ x.T / x.shape[1]
    upper = np.triu_indices(len(x), 1)
    p = float(np.mean(share))
    value = np.array([latent.latent_correlation(float(v), p) for v in product[upper]])
    return (
        latent.chord(lat.ravel()[keep], lon.ravel()[keep])[upper],
        value,
        np.full(len(value), float(len(days))),
    )
