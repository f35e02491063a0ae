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
) -> dict[str, dict[str, Predicted]]:
    """By kind and method. ``amplitude`` by variable: error of the global parameters, learned at other sites
    (`global_errors`)."""
    data = train_data(tower)
    predicted = data.predicted(site.judged[tower.key])
    alive = np.isfinite(predicted).all(axis=0)
    fold = folds(data.day, tower.train_days)
    mean, sd = left_out(predicted[:, alive], data, fold)
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
        found = {
            "prior": Predicted(_alive(prior[target.kind]), _filled(target.sd)),
            "climatology": _of_climate(climate),
            "site": Predicted(
                _alive(site.judged[tower.key][target.kind]),
                learned_sd(residual, np.nan_to_num(spread), target.sd),
            ),
        }
        if shared is not None and target.variable in amplitude:
            members = _alive(shared.judged[tower.key][target.kind])
            a, b = amplitude[target.variable]
            found["global"] = Predicted(members, np.hypot(a, b * members.mean(axis=1)))
        out[target.kind] = found
    _add_discrepancy(tower, site.judged[tower.key], out)
    return out


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


def _add_discrepancy(tower: Tower, predicted: Predictions, out: dict[str, dict[str, Predicted]]) -> None:
    """Method ``discrepancy``: the misfit of the calibrated ensemble's mean, learned by trees from weather and the
    model's own fluxes. Parts of `PART_DAYS` are left out in turn; later days get the mean of all."""
    features = features_of(tower, predicted)
    part = (np.arange(tower.days) // PART_DAYS) % PARTS
    train = np.arange(tower.days) < tower.train_days
    for target in tower.targets:
        if target.kind not in out:
            continue
        site = out[target.kind]["site"]
        mean = site.members.mean(axis=1)
        misfit = np.where(train, target.value - mean, np.nan)
        own = np.concatenate([features, mean[:, None].astype(np.float32)], axis=1)
        shift = learn_mean(own, misfit, part, least=LEAST).mean
        spread = site.members.std(axis=1, ddof=1)
        sd = learned_sd(misfit - shift, spread, target.sd)
        out[target.kind]["discrepancy"] = Predicted(site.members + shift[:, None], sd)


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
