"""Twenty-four true and two thousand emulated members against a hundred true ones: the Davos twin of the reanalysis.

Several replicates (a truth, its data, an ensemble) run side by side as columns of one program. The same truths and data
serve all ensembles. The error is that of the published analysis (filter and smoother) against the truth, at all half-hours
whether measured or not. The emulator learns from the members it stands beside, window after window: its training is in
the cost.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elterra.bench.station_twin import SideBySide, give_back, load_station, twin_ensemble, twin_tower
from elterra.land import Fields
from elterra.pipeline.reanalysis.analysis import WindowAnalysis
from elterra.pipeline.reanalysis.cycle import CycleOptions
from elterra.pipeline.reanalysis.record import STEPS_PER_DAY
from elterra.pipeline.reanalysis.setup import Station
from elterra.pipeline.reanalysis.windows import KINDS, TowerSeries

Array = NDArray[np.float64]

FEW, MANY, EMULATED = 24, 100, 2000
#: constants of the members in prior sd: what a calibration leaves
CONSTANTS = 0.4
#: windows before the scores begin: the spun-up state has to take up the weather, the emulator its first data
LEAD_IN = 45
#: from the first of March 2016 to the middle of October; the quick version: to the end of May
FIRST_WINDOW, WINDOWS, QUICK_WINDOWS = 1155, 230, 90
REPLICATES, QUICK_REPLICATES = 8, 2
#: windows of the runs whose cost is that of a reanalysis alone
ALONE = 60
#: seeds of the truths; the method was developed with seeds from 9000 on
FIRST_SEED = 5000
SCORED = ("NEE", "LE", "SWC")


@dataclass(frozen=True)
class Twin:
    """Truths of all replicates: tower equivalents ``[step, replicate]`` by variable, parameters ``[window, replicate,
    parameter]`` in prior units, and their data."""

    equivalents: Mapping[str, Array]
    parameters: Array
    towers: Sequence[TowerSeries]


@dataclass(frozen=True)
class Scores:
    """Errors of the analysis mean by variable ``[replicate]``; processor seconds a replicate; share of the variance that the
    emulator predicted ahead, by kind of datum."""

    rmse: Mapping[str, Array]
    seconds: float
    skill: Array | None


def measure_multifidelity(folder: Path, quick: bool) -> dict[str, float]:
    """Figures ``multifidelity.*``; the spun-up station is kept in ``folder``."""
    station, spun_up = load_station(folder, quick)
    windows, replicates = (QUICK_WINDOWS, QUICK_REPLICATES) if quick else (WINDOWS, REPLICATES)
    seeds = [FIRST_SEED + r for r in range(replicates)]
    twin = make_twin(station, spun_up, seeds, windows)
    scores = {}
    for name, members, emulated in (("few", FEW, 0), ("multifidelity", FEW, EMULATED), ("many", MANY, 0)):
        begin = time.perf_counter()
        scores[name] = assimilate(station, spun_up, twin, seeds, members, emulated, windows)
        print(f"multifidelity: {name}, {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
        if name == "multifidelity":
            give_back()
    figures = figures_of(scores)
    if not quick:
        figures["multifidelity.cost_ratio_alone"] = cost_alone(station, spun_up, twin, seeds[0])
    return figures


def cost_alone(station: Station, spun_up: Fields, twin: Twin, seed: int) -> float:
    """Cost ratio of one reanalysis with a program of its own: a step of few columns costs more a column."""
    one = Twin(
        {n: x[: ALONE * STEPS_PER_DAY, :1] for n, x in twin.equivalents.items()},
        twin.parameters[:ALONE, :1],
        twin.towers[:1],
    )
    seconds = []
    for members, emulated in ((FEW, EMULATED), (MANY, 0)):
        seconds.append(assimilate(station, spun_up, one, [seed], members, emulated, ALONE).seconds)
        give_back()
    return seconds[0] / seconds[1]


def make_twin(station: Station, spun_up: Fields, seeds: Sequence[int], windows: int) -> Twin:
    """The first member of a free ensemble of each replicate is its truth."""
    other = [10_000 + s for s in seeds]
    ensembles = [twin_ensemble(station, FEW, s, CONSTANTS) for s in other]
    options = [replace(station.options(), seed=s) for s in other]
    runs = SideBySide(station, spun_up, ensembles, options, [None] * len(seeds), FIRST_WINDOW)
    rows: dict[str, list[Array]] = {n: [] for n in SCORED}
    parameters = []
    for passed in runs.run(windows):
        for final in zip(*passed.final, strict=True):
            for name in SCORED:
                rows[name].append(np.stack([f.forecast.equivalents[name][:, 0] for f in final], axis=1))
        if passed.window < windows:
            day = runs.model.day_of_year(passed.window)
            parameters.append([(c.ensemble.standard(day) + c.delta)[:, 0] for c in runs.cycles])
    equivalents = {n: np.concatenate(v) for n, v in rows.items()}
    real, first = station.tower(), FIRST_WINDOW * STEPS_PER_DAY
    towers = [
        twin_tower(real, {n: x[:, r] for n, x in equivalents.items()}, first, s) for r, s in enumerate(other)
    ]
    return Twin(equivalents, np.array(parameters), towers)


def assimilate(
    station: Station,
    spun_up: Fields,
    twin: Twin,
    seeds: Sequence[int],
    members: int,
    emulated: int,
    windows: int,
    scheme: WindowAnalysis | None = None,
) -> Scores:
    """Reanalyses of all replicates with ``members`` true and ``emulated`` emulated members, and their errors."""
    ensembles = [twin_ensemble(station, members, s, CONSTANTS) for s in seeds]
    analysis = replace(scheme or WindowAnalysis(), emulated=emulated)
    options: list[CycleOptions] = [replace(station.options(), seed=s, analysis=analysis) for s in seeds]
    runs = SideBySide(station, spun_up, ensembles, options, list(twin.towers), FIRST_WINDOW)
    means: dict[str, list[Array]] = {n: [] for n in SCORED}
    parameters = []
    for passed in runs.run(windows):
        for final in zip(*passed.final, strict=True):
            towers = [f.tower() for f in final]
            for name in SCORED:
                means[name].append(np.stack([t[name].mean(axis=1) for t in towers], axis=1))
        if passed.window < windows:
            parameters.append(passed.parameters)
    steps = slice(LEAD_IN * STEPS_PER_DAY, None)
    rmse = {
        n: np.sqrt(((np.concatenate(v) - twin.equivalents[n])[steps] ** 2).mean(axis=0))
        for n, v in means.items()
    }
    drifting = np.array([station.drift().sd.get(n, 0.0) > 0 for n in ensembles[0].names])
    away = (np.array(parameters) - twin.parameters)[LEAD_IN:, :, drifting]
    rmse["parameters"] = np.sqrt((away**2).mean(axis=(0, 2)))
    skill = None
    if emulated:
        skill = np.mean([c.emulated.emulator.skill() for c in runs.cycles if c.emulated is not None], axis=0)
    return Scores(rmse, sum(runs.seconds.values()) / len(seeds), skill)


def figures_of(scores: Mapping[str, Scores]) -> dict[str, float]:
    """Errors over those of the many true members, variable by variable and their mean; costs."""
    many = scores["many"]
    figures: dict[str, float] = {"multifidelity.replicates": len(many.rmse["NEE"])}
    for name, key in (("multifidelity", "error_ratio"), ("few", "few_error_ratio")):
        ratios = {n: float((x / many.rmse[n]).mean()) for n, x in scores[name].rmse.items()}
        each = np.stack([scores[name].rmse[n] / many.rmse[n] for n in SCORED]).mean(axis=0)
        figures |= {f"multifidelity.{n}.{key}": v for n, v in ratios.items()}
        figures[f"multifidelity.{key}"] = float(each.mean())
        figures[f"multifidelity.{key}_sd"] = float(each.std(ddof=1) / np.sqrt(len(each)))
    figures["multifidelity.cost_ratio"] = scores["multifidelity"].seconds / many.seconds
    figures["multifidelity.seconds"] = scores["multifidelity"].seconds
    figures["multifidelity.few_seconds"] = scores["few"].seconds
    figures["multifidelity.many_seconds"] = many.seconds
    for n, x in many.rmse.items():
        figures[f"multifidelity.{n}.rmse_of_many"] = float(x.mean())
    skill = scores["multifidelity"].skill
    if skill is not None:
        figures |= {
            f"multifidelity.emulator.{k}": float(v)
            for k, v in zip(KINDS, skill, strict=True)
            if np.isfinite(v)
        }
    return figures
