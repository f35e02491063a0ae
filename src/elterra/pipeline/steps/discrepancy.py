"""Stage `discrepancy`: what the calibrated model still gets wrong at the tower, learned from a free run."""

from __future__ import annotations

from pathlib import Path

from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.discrepancy import Discrepancy, learn
from elterra.pipeline.reanalysis.free_run import free_run
from elterra.pipeline.reanalysis.inputs import save_dataset, weather_record
from elterra.pipeline.reanalysis.setup import Station, load_spun_up
from elterra.pipeline.steps.calibration import engine_threads, load_ensemble


def run(context: Context) -> StageResult:
    """Writes ``discrepancy/free.nc`` and ``discrepancy.nc``; figures: misfit before and after, shares of the error."""
    if not (context.experiment.discrepancy.enabled and context.experiment.assimilation.enabled):
        return StageResult()
    station = Station.load(context.experiment, context.run_dir)
    spun_up = load_spun_up(context.folder_of("spinup") / "state.restart")
    ensemble = load_ensemble(context.folder_of("calibration") / "ensemble.restart", station.ensemble())
    threads = engine_threads(context.experiment.engine.threads)

    def tell(done: int, total: int, message: str) -> None:
        context.progress(done, total, message)
        context.check_stop()

    free = free_run(station, ensemble, spun_up, threads, tell)
    save_dataset(free, context.folder / "free.nc")
    discrepancy, figures = learn(
        free,
        weather_record(station.streams),
        station.tower(),
        station.site,
        context.experiment.ensemble.seed,
        threads,
    )
    discrepancy.save(context.folder / "discrepancy.nc", free["time"].values)
    return StageResult(outputs=("discrepancy/free.nc", "discrepancy/discrepancy.nc"), figures=figures)


def load_discrepancy(path: Path) -> Discrepancy | None:
    """The discrepancy of the stage, or None where it is switched off."""
    return Discrepancy.load(path) if path.exists() else None
