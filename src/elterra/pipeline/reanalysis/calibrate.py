"""Calibration of an ensemble's constant and seasonal parameters on whole years of tower data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.calibration import next_temper, transform_step
from elterra.land import Fields
from elterra.pipeline.reanalysis.ensemble import ParameterEnsemble
from elterra.pipeline.reanalysis.setup import Station
from elterra.pipeline.reanalysis.windows import CORRELATED, KINDS, Block, TowerSeries, predict, window_blocks

Array = NDArray[np.float64]


@dataclass
class CalibrationResult:
    """Calibrated ensemble; misfit (chi2 per datum of the mean prediction) before each iteration."""

    ensemble: ParameterEnsemble
    misfits: list[dict[str, float]]
    powers: list[float]
    data: dict[str, int]


def calibrate(
    station: Station,
    ensemble: ParameterEnsemble,
    spun_up: Fields,
    tower: TowerSeries,
    years: Sequence[tuple[int, int]],
    iterations: int,
    threads: int,
    tell: Callable[[int, int, str], None],
    only: Sequence[str] | None = None,
) -> CalibrationResult:
    """Ensemble transform Kalman inversion over ``years`` (first and one-past-last window of each).

    Every iteration runs all members freely through all years and moves the constant and seasonal parameters. Blocks
    of data count with errors inflated by the root of `CORRELATED`. The likelihood is split by the data-misfit
    controller; what is left of it is used up in the last iteration. ``only``: parameters to estimate; the others keep
    their prior.
    """
    blocks = {year: [window_blocks(tower, *_steps(w)) for w in range(*year)] for year in years}
    flat = [b for year in years for window in blocks[year] for b in window]
    value = np.array([b.value for b in flat])
    error = np.array([b.sd * np.sqrt(CORRELATED[b.kind]) for b in flat])
    kind = np.array([KINDS.index(b.kind) for b in flat])
    result = CalibrationResult(ensemble, [], [], {k: int((kind == i).sum()) for i, k in enumerate(KINDS)})
    done = 0.0
    total = sum(stop - start for start, stop in years) * iterations
    for iteration in range(iterations):
        base = iteration * total // iterations
        predicted = _run_years(station, ensemble, spun_up, blocks, years, threads, base, total, tell)
        result.misfits.append(_misfit(predicted, value, error, kind))
        parameters, labels = ensemble.vector()
        remaining = iterations - iteration
        # Never more than an even share of what is left: the map is not linear, and a step costs a run anyway.
        power = min(next_temper(predicted, value, error, done), (1.0 - done) / remaining)
        power = max(power, 0.02) if remaining > 1 else 1.0 - done
        step = transform_step(parameters, predicted, value, error, power)
        chosen = np.array([only is None or label.split(".")[0] in only for label in labels])
        ensemble = ensemble.with_vector(np.where(chosen[:, None], step.parameters, parameters))
        result.powers.append(power)
        done += power
    result.ensemble = ensemble
    return result


def _steps(window: int) -> tuple[int, int]:
    return window * 48, (window + 1) * 48


def _run_years(
    station: Station,
    ensemble: ParameterEnsemble,
    spun_up: Fields,
    blocks: Mapping[tuple[int, int], list[list[Block]]],
    years: Sequence[tuple[int, int]],
    threads: int,
    base: int,
    total: int,
    tell: Callable[[int, int, str], None],
) -> Array:
    progress = dict.fromkeys(years, 0)

    def one(year: tuple[int, int]) -> list[Array]:
        model = station.model(ensemble, spun_up, first_window=year[0])
        rows = []
        for w in range(year[1] - year[0]):
            forecast = model.forecast(w, ensemble.physical(model.day_of_year(w)))
            rows.append(predict(blocks[year][w], forecast.equivalents))
            progress[year] = w + 1
            if w % 20 == 0:
                tell(base + sum(progress.values()), total, "calibration")
        return rows

    station.model(ensemble, spun_up).compile(ensemble.physical(1.0))
    with ThreadPoolExecutor(max_workers=threads) as pool:
        parts = list(pool.map(one, years))
    return np.concatenate([row for rows in parts for row in rows])


def _misfit(predicted: Array, value: Array, error: Array, kind: NDArray[np.int64]) -> dict[str, float]:
    residual = (predicted.mean(axis=1) - value) / error
    return {
        name: float((residual[kind == i] ** 2).mean() * CORRELATED[name])
        for i, name in enumerate(KINDS)
        if (kind == i).any()
    }
