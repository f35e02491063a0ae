"""Calibration of an ensemble's constant and seasonal parameters on whole years of tower data.

Two ways from the same data and the same free runs: a Kalman inversion (`calibrate`), and calibrate-emulate-sample
(`sample_parameters`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elterra.calibration import next_temper, transform_step
from elterra.land import Fields
from elterra.pipeline.reanalysis.ensemble import ParameterEnsemble
from elterra.pipeline.reanalysis.own_start import start_of
from elterra.pipeline.reanalysis.setup import Station
from elterra.pipeline.reanalysis.windows import CORRELATED, KINDS, TowerSeries, predict, window_blocks

Array = NDArray[np.float64]


class Years:
    """Blocks of tower data of whole years (first and one-past-last window of each), and what an ensemble predicts of
    them.

    ``value``, ``error``, ``kind [datum]``: errors are inflated by the root of `CORRELATED`, as blocks near each other
    share the error of the model; kinds number `KINDS`.
    """

    def __init__(
        self,
        station: Station,
        spun_up: Fields,
        tower: TowerSeries,
        years: Sequence[tuple[int, int]],
        threads: int,
        spinup_years: int = 0,
    ) -> None:
        """``spinup_years``: rounds of `start_of` before the runs of an ensemble."""
        self.station, self.spun_up, self.years, self.threads = station, spun_up, tuple(years), threads
        self.spinup_years = spinup_years
        self.blocks = {year: [window_blocks(tower, *_steps(w)) for w in range(*year)] for year in years}
        flat = [b for year in years for window in self.blocks[year] for b in window]
        self.value = np.array([b.value for b in flat])
        self.error = np.array([b.sd * np.sqrt(CORRELATED[b.kind]) for b in flat])
        self.kind = np.array([KINDS.index(b.kind) for b in flat])

    @property
    def windows(self) -> int:
        """Windows of one run through all years."""
        return sum(stop - start for start, stop in self.years)

    def predict(
        self, ensemble: ParameterEnsemble, tell: Callable[[int], None], weather_errors: bool = True
    ) -> Array:
        """Predictions ``[datum, member]`` of free runs; ``tell`` hears how many windows are done.

        With ``weather_errors`` each member has its own errors of the weather; without, predictions are a function of the
        parameters.
        Members start from `start_of` their own parameters. Raises `ForecastError` where a member leaves its bounds.
        """
        station, progress = self.station, dict.fromkeys(self.years, 0)
        start = start_of(station, ensemble, self.spun_up, self.spinup_years)

        def one(year: tuple[int, int]) -> list[Array]:
            model = station.model(ensemble, start, first_window=year[0], weather_errors=weather_errors)
            rows = []
            for w in range(year[1] - year[0]):
                forecast = model.forecast(w, ensemble.physical(model.day_of_year(w)))
                rows.append(predict(self.blocks[year][w], forecast.equivalents))
                progress[year] = w + 1
                if w % 20 == 0:
                    tell(sum(progress.values()))
            return rows

        station.model(ensemble, start).compile(ensemble.physical(1.0))
        with ThreadPoolExecutor(max_workers=self.threads) as pool:
            parts = list(pool.map(one, self.years))
        return np.concatenate([row for rows in parts for row in rows])


@dataclass
class CalibrationResult:
    """Calibrated ensemble; misfit (chi2 per datum of the mean prediction) before each iteration."""

    ensemble: ParameterEnsemble
    misfits: list[dict[str, float]]
    powers: list[float]
    data: dict[str, int]


def calibrate(
    data: Years,
    ensemble: ParameterEnsemble,
    iterations: int,
    tell: Callable[[int, int, str], None],
    only: Sequence[str] | None = None,
) -> CalibrationResult:
    """Ensemble transform Kalman inversion.

    Every iteration runs all members freely through all years and moves the constant and seasonal parameters. The
    likelihood is split by the data-misfit controller; what is left of it is used up in the last iteration. ``only``:
    parameters to estimate; the others keep their prior.
    """
    value, error = data.value, data.error
    counts = {k: int((data.kind == i).sum()) for i, k in enumerate(KINDS)}
    result = CalibrationResult(ensemble, [], [], counts)
    done = 0.0
    total = data.windows * iterations
    for iteration in range(iterations):
        base = iteration * data.windows

        def told(windows: int, base: int = base) -> None:
            tell(base + windows, total, "calibration")

        predicted = data.predict(ensemble, told)
        result.misfits.append(misfit(predicted.mean(axis=1), data))
        parameters, labels = ensemble.vector()
        remaining = iterations - iteration
        # Never more than an even share of what is left: the map is not linear, and a step costs a run anyway.
        power = min(next_temper(predicted, value, error, done), (1.0 - done) / remaining)
        power = max(power, 0.02) if remaining > 1 else 1.0 - done
        step = transform_step(parameters, predicted, value, error, power)
        chosen = estimated(labels, only)[:, None]
        ensemble = ensemble.with_vector(np.where(chosen, step.parameters, parameters))
        result.powers.append(power)
        done += power
    result.ensemble = ensemble
    return result


def estimated(labels: Sequence[str], only: Sequence[str] | None) -> NDArray[np.bool_]:
    """Which unknowns of `ParameterEnsemble.vector` are estimated: those of the parameters in ``only``, else all."""
    return np.array([only is None or label.split(".")[0] in only for label in labels])


def misfit(prediction: Array, data: Years) -> dict[str, float]:
    """Squared misfit per datum of a mean prediction ``[datum]`` by kind, in units of the errors of single blocks."""
    residual = (prediction - data.value) / data.error
    return {
        name: float((residual[data.kind == i] ** 2).mean() * CORRELATED[name])
        for i, name in enumerate(KINDS)
        if (data.kind == i).any()
    }


def _steps(window: int) -> tuple[int, int]:
    return window * 48, (window + 1) * 48
