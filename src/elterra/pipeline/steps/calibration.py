"""Stage `calibration`: parameters of all members from whole years of the record."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elterra.calibration import CalibrationResult as Posterior
from elterra.files import write_json
from elterra.land import Fields, read_restart, write_restart
from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.calibrate import CalibrationResult, Years, calibrate
from elterra.pipeline.reanalysis.ensemble import ParameterEnsemble
from elterra.pipeline.reanalysis.own_start import start_of
from elterra.pipeline.reanalysis.sample_parameters import sample_parameters
from elterra.pipeline.reanalysis.setup import Station, load_spun_up
from elterra.pipeline.reanalysis.windows import TowerSeries

#: state of the calibrated members, where each has its own
START = "start.restart"
#: years of data a calibration runs through; spread over the period
YEARS = 2


def run(context: Context) -> StageResult:
    """Writes ``calibration/ensemble.restart``, with `calibration.spinup_years` also ``start.restart``.

    Figures: misfit by kind before and after, or the posterior's diagnostics.
    """
    station = Station.load(context.experiment, context.run_dir)
    ensemble = station.ensemble()
    path = context.folder / "ensemble.restart"
    figures: dict[str, float] = {}
    outputs = ["calibration/ensemble.restart"]
    if context.experiment.calibration.enabled:

        def tell(done: int, total: int, message: str) -> None:
            context.progress(done, total, message)
            context.check_stop()

        spun_up = load_spun_up(context.folder_of("spinup") / "state.restart")
        ensemble, figures = estimate(station, spun_up, station.tower(), tell, context.folder)
        start = start_of(station, ensemble, spun_up, context.experiment.calibration.spinup_years)
        if start is not spun_up:
            write_restart(context.folder / START, dict(start.items()), {})
            outputs.append(f"calibration/{START}")
    save_ensemble(ensemble, path)
    return StageResult(outputs=tuple(outputs), figures=figures)


def load_start(folder: Path) -> Fields | None:
    """State that the calibrated members start from, where it is of their own."""
    return load_spun_up(folder / START) if (folder / START).exists() else None


def estimate(
    station: Station,
    spun_up: Fields,
    tower: TowerSeries,
    tell: Callable[[int, int, str], None],
    folder: Path | None = None,
) -> tuple[ParameterEnsemble, dict[str, float]]:
    """The ensemble as the experiment's method of calibration leaves it, and figures of it.

    ``folder`` keeps the model runs and the posterior of method `ces`.
    """
    spec = station.experiment.calibration
    threads = engine_threads(station.experiment.engine.threads)
    data = Years(station, spun_up, tower, calibration_years(station, tower), threads, spec.spinup_years)
    if spec.method == "inversion":
        result = calibrate(data, station.ensemble(), spec.iterations, tell, spec.parameters)
        return result.ensemble, describe(result)
    ensemble, posterior = sample_parameters(
        data,
        station.ensemble(),
        spec.model_runs,
        None if folder is None else folder / "runs",
        tell,
        spec.parameters,
        seed=station.experiment.ensemble.seed,
    )
    if folder is not None:
        write_json(folder / "posterior.json", posterior.to_dict())
    return ensemble, describe_posterior(posterior)


def describe_posterior(posterior: Posterior) -> dict[str, float]:
    """Figures of a posterior."""
    told = posterior.to_dict()
    figures = {
        "model_runs": float(posterior.model_runs),
        "failed_runs": float(posterior.failed_runs),
        "divergences": float(posterior.divergences),
        "outside": posterior.outside,
        "rhat": float(posterior.rhat.max()),
        "emulator_variance": posterior.doubt[-1],
        "coverage90": posterior.coverage[0.9],
    }
    for name, one in told["parameters"].items():
        figures[f"{name}.shift_in_prior_sd"] = one["shift_in_prior_sd"]
        figures[f"{name}.sd_over_prior"] = one["sd_over_prior"]
    return figures


def describe(result: CalibrationResult) -> dict[str, float]:
    """Figures of a calibration."""
    first, last = result.misfits[0], result.misfits[-1]
    figures = {f"{k}.chi2_prior": v for k, v in first.items()} | {
        f"{k}.chi2_posterior": v for k, v in last.items()
    }
    z = result.ensemble.z
    for name, row in zip(result.ensemble.names, z, strict=True):
        figures[f"{name}.shift_in_prior_sd"] = float(row.mean())
        figures[f"{name}.sd_over_prior"] = float(row.std(ddof=1))
    return figures


def calibration_years(station: Station, tower: TowerSeries, count: int = YEARS) -> list[tuple[int, int]]:
    """The ``count`` years with most fluxes measured and long-wave radiation not filled, as window ranges."""
    days = 365
    starts = list(range(0, max(station.windows - days, 0) + 1, days)) or [0]
    filled = station.streams["FLDS_flag"].values != 0
    score = []
    for start in starts:
        steps = slice(start * 48, (start + days) * 48)
        data = float(tower.used["NEE"][steps].mean() + tower.used["LE"][steps].mean())
        score.append(data - 2.0 * float(filled[steps].mean()))
    best = sorted(np.argsort(score)[::-1][:count].tolist())
    return [(starts[i], min(starts[i] + days, station.windows)) for i in best]


def engine_threads(asked: int | None) -> int:
    """Threads to use: what the experiment asks for, else all cores."""
    return asked or os.cpu_count() or 1


def save_ensemble(ensemble: ParameterEnsemble, path: Path) -> None:
    write_restart(
        path,
        {"z": ensemble.z, "seasonal": ensemble.seasonal},
        {"names": list(ensemble.names), "seasonal_names": sorted(ensemble.seasonal_names)},
    )


def load_ensemble(path: Path, template: ParameterEnsemble) -> ParameterEnsemble:
    """A saved ensemble; priors come from the template. Raises `ValueError` if the names do not fit."""
    arrays, header = read_restart(path)
    if tuple(header["names"]) != template.names:
        raise ValueError(
            f"{path}: parameters {header['names']} are not those of the experiment {template.names}"
        )
    vector: NDArray[np.float64] = arrays["z"]
    return ParameterEnsemble(template.priors, frozenset(header["seasonal_names"]), vector, arrays["seasonal"])
