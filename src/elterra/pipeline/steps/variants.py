"""Variants of a run with data withheld, scored beside the baselines: what `elterra evaluate` does.

All variants share one calibration that has seen none of what any of them withholds. They run side by side, each from
the same spun-up state, and differ from the product only in the data they may see.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from elterra.errors import InputError
from elterra.files import write_json
from elterra.pipeline._run import rerun_stage, saved_experiment
from elterra.pipeline._stage import ProgressEvent
from elterra.pipeline.reanalysis.cycle import Cycle
from elterra.pipeline.reanalysis.discrepancy import Discrepancy, learn
from elterra.pipeline.reanalysis.ensemble import ParameterEnsemble
from elterra.pipeline.reanalysis.free_run import free_run
from elterra.pipeline.reanalysis.groups import SCORES, RunGroups
from elterra.pipeline.reanalysis.inputs import weather_record
from elterra.pipeline.reanalysis.own_start import start_of
from elterra.pipeline.reanalysis.record import STEPS_PER_DAY
from elterra.pipeline.reanalysis.setup import Station, load_spun_up
from elterra.pipeline.reanalysis.sink import MEMBER_VARIABLES, without_discrepancy
from elterra.pipeline.reanalysis.windows import TowerSeries
from elterra.pipeline.steps.calibration import engine_threads, estimate
from elterra.product.evaluate import evaluate, plain_table
from elterra.product.gaps import design_gaps, gap_count

Report = Callable[[ProgressEvent], None]


def evaluate_run(run_dir: Path, report: Report) -> Mapping[str, float]:
    """Run the variants, score them, write ``scores/evaluation.json``, run the stage `report` again.

    Returns figures by dotted key."""
    experiment = saved_experiment(run_dir)
    if not (run_dir / "store" / "refs").is_dir():
        raise InputError(f"{run_dir}: there is no finished run to evaluate; `elterra run` first")
    begin = time.monotonic()

    def tell(done: int, total: int, message: str) -> None:
        report(ProgressEvent("evaluate", "running", done, total, message, time.monotonic() - begin))

    groups = RunGroups(run_dir)
    observations = groups("observations").load()
    station = Station.load(experiment, run_dir)
    count = station.windows * STEPS_PER_DAY
    variants = range(experiment.evaluation.variants)
    spec = experiment.evaluation
    counts = {days: gap_count(days) for days in spec.gap_days}
    masks = {
        v: design_gaps(observations, 0, v, counts=counts, forecast_days=spec.forecast_days) for v in variants
    }
    withheld_by_any = np.logical_or.reduce([m["withheld"].values for m in masks.values()])
    spun_up = load_spun_up(run_dir / "spinup" / "state.restart")
    tower = station.tower()
    ensemble = station.ensemble()
    report(ProgressEvent("evaluate", "started"))
    figures: dict[str, float] = {}
    if experiment.calibration.enabled:
        seen = tower.withhold(withheld_by_any)
        ensemble, described = estimate(station, spun_up, seen, tell)
        figures = {f"calibration.{k}": v for k, v in described.items()}
    threads = engine_threads(experiment.engine.threads)
    weather = weather_record(station.streams)
    discrepancies: dict[int, Discrepancy | None] = dict.fromkeys(masks)
    if experiment.discrepancy.enabled:
        free = free_run(station, ensemble, spun_up, threads, tell)
        for v, mask in masks.items():
            tell(0, 0, f"discrepancy of variant {v}")
            seen = tower.withhold(mask["withheld"].values)
            discrepancies[v], _ = learn(free, weather, seen, station.site, experiment.ensemble.seed, threads)
    start = start_of(station, ensemble, spun_up, experiment.calibration.spinup_years)
    ensembles = _run_all(station, ensemble, start, tower, masks, discrepancies, threads, tell)
    openloop = _stored_members(groups, "openloop/members", count)

    def run_variant(mask: xr.Dataset) -> Mapping[str, xr.Dataset]:
        number = next(v for v, m in masks.items() if m.attrs["sha256"] == mask.attrs["sha256"])
        return {"reanalysis": ensembles[number], "openloop": openloop}

    evaluation = evaluate(
        observations,
        weather,
        run_variant,
        variants=list(variants),
        counts=counts,
        forecast_days=spec.forecast_days,
        methods=("reanalysis", "openloop", *spec.methods),
        threads=threads,
        say=lambda text: tell(0, 0, text),
    )
    folder = run_dir / SCORES
    folder.mkdir(exist_ok=True)
    plain = evaluation.to_json()
    plain["experiment_hash"] = groups.store.attrs.get("experiment_hash")
    plain["calibration"] = figures
    write_json(folder / "evaluation.json", plain)
    tables = [
        plain_table(evaluation, scale, score)
        for scale in ("daily", "halfhourly")
        for score in ("rmse", "coverage90")
    ]
    (folder / "evaluation.txt").write_text("\n\n".join(tables) + "\n", encoding="utf-8")
    rerun_stage(run_dir, "report", progress=report)  # the page with the scores
    report(ProgressEvent("evaluate", "finished", seconds=time.monotonic() - begin))
    return evaluation.figures


def _run_all(
    station: Station,
    ensemble: ParameterEnsemble,
    spun_up: Any,
    tower: TowerSeries,
    masks: Mapping[int, xr.Dataset],
    discrepancies: Mapping[int, Discrepancy | None],
    threads: int,
    tell: Callable[[int, int, str], None],
) -> dict[int, xr.Dataset]:
    """Members of the scored variables of every variant, half-hourly."""
    ends = {v: _windows_needed(m, station.windows) for v, m in masks.items()}
    done = dict.fromkeys(masks, 0)
    total = sum(ends.values())

    def one(variant: int) -> xr.Dataset:
        discrepancy = discrepancies[variant]
        shift = discrepancy.shift if discrepancy is not None else None
        model = station.model(ensemble, spun_up, shift=shift)
        seen = tower.withhold(masks[variant]["withheld"].values)
        cycle = Cycle(model, ensemble, station.options(), seen, discrepancy)
        members = discrepancy.published(seen) if discrepancy is not None else without_discrepancy
        size = station.windows * STEPS_PER_DAY
        out = {n: np.full((size, ensemble.members), np.nan, dtype=np.float32) for n in MEMBER_VARIABLES}
        for final, _, _ in cycle.run(ends[variant]):
            for window in final:
                start, stop = model.window_bounds(window.window)
                for name, values in members(window)[0].items():
                    out[name][start:stop] = values
            done[variant] = cycle.window
            if cycle.window % 20 == 0:
                tell(sum(done.values()), total, "variants")
        return _members_dataset(out, station.streams["time"].values)

    station.model(ensemble, spun_up).compile(ensemble.physical(1.0))
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return dict(zip(masks, pool.map(one, masks), strict=True))


def _windows_needed(mask: xr.Dataset, windows: int) -> int:
    """Windows up to the end of what a variant is scored on; nothing after it is seen."""
    end = mask.attrs.get("score_end")
    if end is None:
        return windows
    first = mask["time"].values[0].astype("datetime64[D]")
    return min(int((np.datetime64(str(end), "D") - first) / np.timedelta64(1, "D")), windows)


def _members_dataset(
    values: Mapping[str, NDArray[np.float32]], time_axis: NDArray[np.datetime64]
) -> xr.Dataset:
    return xr.Dataset({n: (("time", "member"), v) for n, v in values.items()}, coords={"time": time_axis})


def _stored_members(groups: RunGroups, group: str, count: int) -> xr.Dataset:
    data = groups(group).isel(time=slice(0, count)).load()
    return data[list(MEMBER_VARIABLES)]
