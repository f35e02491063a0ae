"""Calibrate, emulate, sample with a station's land model: the forward map, and an ensemble drawn from the posterior."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elterra.calibration import CalibrateEmulateSample, Data, InverseProblem, Prior, Settings
from elterra.calibration import CalibrationResult as Posterior
from elterra.pipeline.reanalysis.calibrate import Years, estimated
from elterra.pipeline.reanalysis.ensemble import SEASONAL_SD, SEASONS, ParameterEnsemble
from elterra.pipeline.reanalysis.station import ForecastError

Array = NDArray[np.float64]

#: output components and training runs of the emulator: its cost grows with the first and with the cube of the second
COMPONENTS, TRAINING = 24, 448


class StationForward:
    """The forward map of `InverseProblem`: unknowns ``[run, unknown]``, in units of their prior, to ``[run, datum]``.

    Runs go through the land model in batches of as many columns as ``template`` has members, so that they share the
    program of the ensemble; the last batch is filled up with its last run. A run that leaves the bounds of the model is
    a row of NaN.
    """

    def __init__(
        self,
        data: Years,
        template: ParameterEnsemble,
        chosen: NDArray[np.bool_],
        tell: Callable[[int], None],
    ) -> None:
        """``chosen [unknown]``: which unknowns of `ParameterEnsemble.vector` the map takes; the others stay at zero.

        ``tell`` hears how many windows were run."""
        self.data, self.template, self.chosen, self._tell = data, template, chosen, tell
        self._windows = 0

    def __call__(self, parameters: Array, /) -> Array:
        size = self.template.members
        return np.concatenate(
            [self._batch(parameters[i : i + size]) for i in range(0, len(parameters), size)]
        )

    def _batch(self, unknowns: Array) -> Array:
        columns = np.concatenate(
            [unknowns, np.repeat(unknowns[-1:], self.template.members - len(unknowns), axis=0)]
        )
        failed = np.zeros(len(columns), dtype=bool)
        while True:
            vector = np.zeros((len(self.chosen), len(columns)))
            vector[self.chosen] = np.where(failed, 0.0, columns.T)
            try:
                predicted = self.data.predict(
                    self.template.with_vector(vector),
                    lambda done: self._tell(self._windows + done),
                    weather_errors=False,
                )
                break
            except ForecastError as error:
                new = np.zeros_like(failed)
                new[list(error.members)] = True
                if not (new & ~failed).any():  # the default itself fails: nothing to learn from
                    raise
                failed |= new
        self._windows += self.data.windows
        predicted[:, failed] = np.nan
        return np.ascontiguousarray(predicted.T[: len(unknowns)])


def sample_parameters(
    data: Years,
    ensemble: ParameterEnsemble,
    model_runs: int,
    folder: Path | None,
    tell: Callable[[int, int, str], None],
    only: Sequence[str] | None = None,
    seed: int = 0,
) -> tuple[ParameterEnsemble, Posterior]:
    """An ensemble of draws from the posterior, and the posterior; at most about ``model_runs`` runs through the years.

    Finished runs are kept in ``folder`` and not repeated. Unknowns that are not estimated keep their prior in the
    ensemble, and are at their prior mean in the runs. Raises `CalibrationError` where the posterior cannot be trusted.
    """
    prior, labels = ensemble.vector()
    chosen = estimated(labels, only)
    names = [label for label, take in zip(labels, chosen, strict=True) if take]
    total = data.windows * (-(-model_runs // ensemble.members))
    forward = StationForward(data, ensemble, chosen, lambda done: tell(done, max(total, done), "model runs"))
    problem = InverseProblem(
        forward,
        [Prior(name, "normal", 0.0, SEASONAL_SD if name.endswith(_SEASONAL) else 1.0) for name in names],
        Data(data.value, data.error**2),
        folder=folder,
        identity={
            "years": [list(y) for y in data.years],
            "data": _digest(data),
            "columns": ensemble.members,
            "spinup_years": data.spinup_years,
        },
    )
    posterior = CalibrateEmulateSample(problem, settings(model_runs, ensemble.members), seed=seed).run()
    draws = posterior.samples
    spread = np.linspace(0, len(draws) - 1, ensemble.members).round().astype(int)
    vector = prior.copy()
    vector[chosen] = draws[spread].T
    return ensemble.with_vector(vector), posterior


def settings(model_runs: int, members: int) -> Settings:
    """A fifth of the runs as wide as the prior, an inversion of at most five batches, the rest around its posterior.

    Parameters without effect are not refused: which of the default list have one differs from site to site, and a
    posterior as wide as the prior says so (`sd_over_prior`).
    """
    design = max(members, model_runs // 5)
    return Settings(
        design=design,
        members=members,
        iterations=5,
        wide=design,
        rounds=3,
        refine=members,
        budget=model_runs,
        components=COMPONENTS,
        training=TRAINING,
        screen=False,
    )


_SEASONAL = tuple(f".{season}" for season in SEASONS)


def _digest(data: Years) -> str:
    return hashlib.sha256(data.value.tobytes() + data.error.tobytes()).hexdigest()
