"""What is compared: prior, climatology, one global parameter set, calibration at the site, and that with a learned
discrepancy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.bench.towers.errors import (
    Climate,
    by_amplitude,
    climatology,
    folds,
    learned_sd,
    left_out,
    train_data,
)
from elterra.bench.towers.inversion import Calibrated
from elterra.bench.towers.records import SERIES, Tower
from elterra.bench.towers.runs import Predictions
from elterra.calibration import learn_mean

Array = NDArray[np.float64]

METHODS = ("prior", "climatology", "global", "site", "discrepancy")
#: days over which the weather that a discrepancy sees is averaged beside that of the day
MEMORY_DAYS = (3, 10, 30)
#: days of a part that is left out, and number of parts, when a discrepancy is learned; known values it needs
PART_DAYS, PARTS, LEAST = 91, 5, 200
#: days of a first part that shows more than one year
TWO_YEARS = 2 * 365


@dataclass(frozen=True)
class Predicted:
    """A method's prediction of a kind: ``members [day, member]`` and ``sd [day]`` of what they do not show (errors of the
    measurement among it)."""

    members: Array
    sd: Array


def predictions_of(
    tower: Tower,
    prior: Predictions,
    site: Calibrated,
    shared: Calibrated | None,
    amplitude: Mapping[str, tuple[float, float]],
    widen: Mapping[str, float] | None = None,
) -> tuple[dict[str, dict[str, Predicted]], dict[str, list[float]]]:
    """By kind and method. ``amplitude`` by variable: error of the global parameters, learned at other sites
    (`global_errors`). ``widen`` by method: factor on the error where the first part is shorter than two years and nothing
    tells what another year is like.

    Second result, of towers with two years: by method, how much larger residuals of years left out are than those of
    quarters, one number a kind; their median is ``widen``.
    """
    data = train_data(tower)
    predicted = data.predicted(site.judged[tower.key])
    alive = np.isfinite(predicted).all(axis=0)
    predicted = predicted[:, alive]
    mean, sd = left_out(predicted, data, folds(data.day, tower.train_days))
    by_quarters, _ = left_out(predicted, data, folds(data.day, 0))
    ratios: dict[str, list[float]] = {"site": [], "discrepancy": []}
    out: dict[str, dict[str, Predicted]] = {}
    for target in tower.targets:
        if target.kind not in data.kinds:
            continue
        here = data.kind == data.kinds.index(target.kind)
        residual, spread = (np.full(tower.days, np.nan) for _ in range(2))
        residual[data.day[here]] = data.value[here] - mean[here]
        spread[data.day[here]] = sd[here]
        climate = climatology(tower, target)
        assert climate is not None
        error = learned_sd(residual, np.nan_to_num(spread), target.sd) * _wider(widen, "site", tower)
        found = {
            "prior": Predicted(_alive(prior[target.kind]), _filled(target.sd)),
            "climatology": _of_climate(climate),
            "site": Predicted(_alive(site.judged[tower.key][target.kind]), error),
        }
        if shared is not None and target.variable in amplitude:
            members = _alive(shared.judged[tower.key][target.kind])
            a, b = amplitude[target.variable]
            found["global"] = Predicted(members, np.hypot(a, b * members.mean(axis=1)))
        out[target.kind] = found
        ratios["site"].append(_rms(residual) / _rms(data.value[here] - by_quarters[here]))
    ratios["discrepancy"] = _add_discrepancy(tower, site.judged[tower.key], out, widen)
    return out, ratios if tower.train_days >= TWO_YEARS else {}


def _wider(widen: Mapping[str, float] | None, method: str, tower: Tower) -> float:
    return 1.0 if widen is None or tower.train_days >= TWO_YEARS else widen.get(method, 1.0)


def _rms(residual: Array) -> float:
    return float(np.sqrt(np.nanmean(residual**2)))


def global_errors(shared: Calibrated) -> dict[str, tuple[float, float]]:
    """By variable: constant and relative part of the error of global parameters at the sites they were calibrated on, all
    kinds of a variable together."""
    residuals: dict[str, list[Array]] = {}
    means: dict[str, list[Array]] = {}
    for tower in shared.group.trained:
        for target in tower.targets:
            mean = np.asarray(shared.trained[tower.key][target.kind])[: tower.train_days].mean(axis=1)
            residual = target.value[: tower.train_days] - mean
            if np.isfinite(residual).any():
                residuals.setdefault(target.variable, []).append(residual)
                means.setdefault(target.variable, []).append(mean)
    return {n: by_amplitude(residuals[n], means[n]) for n in residuals}


def _of_climate(climate: Climate) -> Predicted:
    return Predicted(np.repeat(climate.mean[:, None], 2, axis=1), climate.sd)


def _alive(members: Array) -> Array:
    """Members that did not fail, as float64."""
    good = np.isfinite(members).any(axis=0)
    return np.asarray(members, dtype=np.float64)[:, good]


def _filled(sd: Array) -> Array:
    return np.where(np.isfinite(sd), sd, np.nanmedian(sd))


def _add_discrepancy(
    tower: Tower,
    predicted: Predictions,
    out: dict[str, dict[str, Predicted]],
    widen: Mapping[str, float] | None,
) -> list[float]:
    """Method ``discrepancy``: the misfit of the calibrated ensemble's mean, learned by trees from weather and the
    model's own fluxes. Later days get the mean of what is learned with parts of `PART_DAYS` left out in turn; the
    error is that of years left out, where there are two. Gives the ratio of both errors."""
    features = features_of(tower, predicted)
    day = np.arange(tower.days)
    part, year = (day // PART_DAYS) % PARTS, day // 365
    train = day < tower.train_days
    ratios = []
    for target in tower.targets:
        if target.kind not in out:
            continue
        site = out[target.kind]["site"]
        mean = site.members.mean(axis=1)
        misfit = np.where(train, target.value - mean, np.nan)
        own = np.concatenate([features, mean[:, None].astype(np.float32)], axis=1)
        shift = learn_mean(own, misfit, part, least=LEAST).mean
        residual = misfit - shift
        if tower.train_days >= TWO_YEARS:
            of_years = misfit - learn_mean(own, misfit, year, least=LEAST).mean
            ratios.append(_rms(of_years) / _rms(residual))
            residual = of_years
        spread = site.members.std(axis=1, ddof=1)
        sd = learned_sd(residual, spread, target.sd) * _wider(widen, "discrepancy", tower)
        out[target.kind]["discrepancy"] = Predicted(site.members + shift[:, None], sd)
    return ratios


def features_of(tower: Tower, predicted: Predictions) -> NDArray[np.float32]:
    """``[day, feature]``: weather of the day and its running means, the season, the model's mean fluxes."""
    columns: list[Array] = []
    for value in tower.weather.daily.values():
        columns.append(value)
        for days in MEMORY_DAYS:
            total = np.cumsum(np.concatenate([np.repeat(value[:1], days), value]))
            columns.append((total[days:] - total[:-days])[: value.size] / days)
    angle = 2.0 * np.pi * (np.arange(tower.days) % 365) / 365.0
    columns += [np.cos(angle), np.sin(angle)]
    columns += [_alive(predicted[f"{name}_all"]).mean(axis=1) for name in SERIES]
    return np.stack(columns, axis=1).astype(np.float32)
