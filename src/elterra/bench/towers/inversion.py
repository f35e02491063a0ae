"""Calibration of many towers at once: each alone, and one parameter set for all but the judged ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.bench.towers.errors import TrainData, train_data
from elterra.bench.towers.records import Tower
from elterra.bench.towers.runs import Predictions, Request, TowerRuns
from elterra.bench.towers.unknowns import NAMES
from elterra.calibration import CalibrationError, Prior, next_temper, sample_prior, transform_step

Array = NDArray[np.float64]

SEED = 11
#: parts into which the stations are dealt for the global parameter set
FOLDS = 2


@dataclass(frozen=True)
class Group:
    """Towers that share one parameter vector: those it is calibrated on, and those it is judged at."""

    name: str
    trained: tuple[Tower, ...]
    judged: tuple[Tower, ...]

    @property
    def shared(self) -> bool:
        """The parameters are those of towers it is not judged at."""
        return self.name.startswith("global")


@dataclass
class Calibrated:
    """Of a group: ``z [unknown, member]`` of each iteration, powers of the likelihood; ``judged``: predictions of
    whole records; ``trained``: predictions of the first part at the towers it was calibrated on, after the last
    update (linear in it)."""

    group: Group
    z: list[Array]
    powers: list[float]
    misfit: list[float]
    judged: dict[str, Predictions]
    trained: dict[str, Predictions]


def groups_of(towers: Sequence[Tower], with_global: bool = True) -> list[Group]:
    """Each tower alone, and `FOLDS` groups: stations dealt out in the order of land cover and name; what is dealt to
    one fold is judged with the parameters of the other."""
    found = [Group(t.key, (t,), (t,)) for t in towers]
    if not with_global:
        return found
    stations = sorted({(t.facts.igbp, t.station) for t in towers})
    fold = {name: i % FOLDS for i, (_, name) in enumerate(stations)}
    for number in range(FOLDS):
        judged = tuple(t for t in towers if fold[t.station] == number)
        trained = tuple(t for t in towers if fold[t.station] != number)
        if judged and trained:
            found.append(Group(f"global{number}", trained, judged))
    return found


def calibrate_groups(
    runs: TowerRuns, groups: Sequence[Group], members: int, iterations: int
) -> tuple[dict[str, Predictions], list[Calibrated]]:
    """Prior predictions of all towers, and every group calibrated by ensemble transform inversion.

    All groups begin with the same prior draws, so that one batch of runs is the first iteration of all. The powers of the
    likelihood are those of the data-misfit controller, never more than an even share of what is left; the last
    update uses it up, and the ensemble after it is run through the whole record. A group of
    which too many members fail is left out, with a word on stderr.
    """
    z0 = sample_prior(_standard(), members, SEED)
    data = {t.key: train_data(t) for t in runs.towers}
    whole = runs.predict([Request(t, z0, t.days) for t in runs.towers])
    prior = {t.key: p for t, p in zip(runs.towers, whole, strict=True)}
    found = [Calibrated(g, [z0], [], [], {}, {}) for g in groups]
    seen = [[prior[t.key] for t in g.trained] for g in groups]
    for iteration in range(iterations):
        alive = []
        for one, predictions in zip(found, seen, strict=True):
            try:
                _update(one, predictions, data, iterations - iteration)
                alive.append(one)
            except CalibrationError as error:
                print(f"towers: {one.group.name} left out: {error}", file=sys.stderr, flush=True)
        found = alive
        if iteration + 1 < iterations:
            asked = [[Request(t, one.z[-1], t.train_days) for t in one.group.trained] for one in found]
            flat = runs.predict([r for part in asked for r in part])
            at = iter(flat)
            seen = [[next(at) for _ in part] for part in asked]
    asked = [[Request(t, one.z[-1], t.days) for t in one.group.judged] for one in found]
    at = iter(runs.predict([r for part in asked for r in part]))
    for one in found:
        one.judged = {t.key: next(at) for t in one.group.judged}
    return prior, found


def _update(
    one: Calibrated, predictions: Sequence[Predictions], data: Mapping[str, TrainData], remaining: int
) -> None:
    own = [data[t.key] for t in one.group.trained]
    predicted = np.concatenate([d.predicted(p) for d, p in zip(own, predictions, strict=True)])
    value, sd = np.concatenate([d.value for d in own]), np.concatenate([d.sd for d in own])
    done = sum(one.powers)
    alive = np.isfinite(predicted).all(axis=0)
    power = min(next_temper(predicted[:, alive], value, sd, done), (1.0 - done) / remaining)
    power = max(power, 0.02) if remaining > 1 else 1.0 - done
    step = transform_step(one.z[-1], predicted, value, sd, power)
    one.z.append(step.parameters)
    one.powers.append(power)
    one.misfit.append(step.misfit)
    if remaining == 1:
        one.trained = {
            t.key: {n: np.asarray(v, dtype=float)[:, alive] @ step.transform for n, v in p.items()}
            for t, p in zip(one.group.trained, predictions, strict=True)
        }


def _standard() -> list[Prior]:
    return [Prior(name, "normal", 0.0, 1.0) for name in NAMES]
