"""Stage `assimilation`: the reanalysis and its open loop, window after window, into the store."""

from __future__ import annotations

import time

import numpy as np

from elterra.pipeline._stage import Context, Interrupted, StageResult
from elterra.pipeline.reanalysis.budget import RESIDUALS
from elterra.pipeline.reanalysis.inputs import save_dataset
from elterra.pipeline.reanalysis.product_run import ProductRun, flags_dataset
from elterra.pipeline.reanalysis.record import STEPS_PER_DAY
from elterra.pipeline.reanalysis.setup import Station, load_spun_up
from elterra.pipeline.reanalysis.sink import innovation_table
from elterra.pipeline.steps.calibration import load_ensemble, load_start
from elterra.pipeline.steps.discrepancy import load_discrepancy
from elterra.product.store import open_store


def run(context: Context) -> StageResult:
    """Fills ``store``; writes ``assimilation/innovations.nc`` and ``flags.nc``. Continues an interrupted run."""
    station = Station.load(context.experiment, context.run_dir)
    spun_up = load_spun_up(context.folder_of("spinup") / "state.restart")
    calibrated = load_ensemble(context.folder_of("calibration") / "ensemble.restart", station.ensemble())
    begin = time.monotonic()
    job = ProductRun(
        station,
        spun_up,
        calibrated,
        context.folder,
        context.run_dir / "store",
        load_discrepancy(context.folder_of("discrepancy") / "discrepancy.nc"),
        load_start(context.folder_of("calibration")),
    )
    finished = job.run(
        lambda done, total: context.progress(done, total, "windows"), lambda: context.stop_requested
    )
    if not finished:
        context.check_stop()
        raise Interrupted("the run was stopped at a checkpoint")
    seconds = time.monotonic() - begin
    times = station.streams["time"].values[: station.windows * STEPS_PER_DAY]
    save_dataset(innovation_table(job.innovations, times), context.folder / "innovations.nc")
    save_dataset(
        flags_dataset(station, job.innovations, float(context.experiment.assimilation.lag_days)),
        context.folder / "flags.nc",
    )
    store = open_store(context.run_dir / "store")
    budget = store.dataset("budget")
    figures = {f"worst.{n}": float(budget[f"worst_{n}"].max()) for n in RESIDUALS}
    for kind in ("water", "carbon", "nitrogen"):
        figures[f"{kind}.largest_residual"] = float(np.abs(budget[f"{kind}_residual"]).max())
        figures[f"{kind}.net_increment"] = float(budget[f"increment_{kind}"].sum())
    used = np.array([i.used for i in job.innovations]) if job.innovations else np.zeros(0)
    figures |= {
        "data.used": float(used.sum()),
        "data.rejected": float((~used.astype(bool)).sum()),
        "seconds": seconds,
    }
    return StageResult(
        outputs=("assimilation/innovations.nc", "assimilation/flags.nc"),
        digests={"store": store.content_hash()},
        figures=figures,
    )
