"""A small reanalysis in the shape of the real one: a state that steps on, windows in a store, checkpoints."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from elterra.experiment import Experiment
from elterra.files import read_json, write_json
from elterra.pipeline import Context, Stage, StageResult, run_experiment
from elterra.product._store_async import AsyncCommitter
from elterra.product.store import StoreWriter, open_store

WINDOWS, STEPS, CHECKPOINT = 30, 8, 7


def experiment() -> Experiment:
    return Experiment.from_plain(
        {
            "name": "toy",
            "site": "ch-dav",
            "data": {"record": "packaged", "reader": "packaged"},
            "period": {"start": "2013-01-01", "end": "2014-12-31"},
        }
    )


def forecast(state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One window of a chaotic map: a lost or doubled step changes every later bit."""
    rows = []
    for _ in range(STEPS):
        state = 3.9 * state * (1.0 - state)
        rows.append(state)
    return state, np.stack(rows)


def template() -> dict[str, xr.Dataset]:
    time_ = pd.date_range("2013-01-01", periods=WINDOWS * STEPS, freq="3h")
    empty = np.broadcast_to(np.nan, (WINDOWS * STEPS, 3))
    return {"series": xr.Dataset({"x": (("time", "member"), empty)}, coords={"time": time_})}


def expected() -> np.ndarray:
    state, rows = np.array([0.2, 0.3, 0.4]), []
    for _ in range(WINDOWS):
        state, values = forecast(state)
        rows.append(values)
    return np.concatenate(rows)


def assimilate(context: Context) -> StageResult:
    """Goes on from the last checkpoint: the store is rewound to it, so that both tell of the same moment."""
    path, checkpoint = context.run_dir / "store", context.folder / "checkpoint.json"
    saved = read_json(checkpoint) or {"window": -1, "state": [0.2, 0.3, 0.4]}
    if (path / "refs").is_dir():
        writer = StoreWriter.open(path)
    else:
        writer = StoreWriter.create(path, template(), windows=WINDOWS, steps={"series": STEPS})
    with writer:
        if writer.last_window() > saved["window"]:
            writer.rewind(saved["window"])
        state = np.array([float.fromhex(x) if isinstance(x, str) else x for x in saved["state"]])
        with AsyncCommitter(writer, depth=4) as committer:
            for window in range(saved["window"] + 1, WINDOWS):
                state, values = forecast(state)
                committer.commit(window, {"series": {"x": values}})
                context.progress(window + 1, WINDOWS)
                if context.stop_requested or window % CHECKPOINT == 0 or window == WINDOWS - 1:
                    committer.flush()
                    exact = [float(x).hex() for x in state]
                    write_json(checkpoint, {"window": window, "state": exact})
                    context.check_stop()
                time.sleep(0.004)
        writer.consolidate(windows_per_chunk=8)
    return StageResult(digests={"store": open_store(path).content_hash()}, figures={"windows": WINDOWS})


def summarise(context: Context) -> StageResult:
    x = open_store(context.run_dir / "store").dataset("series")["x"].values
    (context.folder / "mean.json").write_text(json.dumps(x.mean(0).tolist()))
    return StageResult(outputs=["summary/mean.json"])


def stages() -> tuple[Stage, ...]:
    return (
        Stage("assimilation", 1, assimilate, sections=("ensemble", "period"), owns=("store", "store.new")),
        Stage("summary", 1, summarise, needs=("assimilation",)),
    )


def run(run_dir: Path) -> None:
    run_experiment(experiment(), run_dir, stages=stages())


def run_by_command(run_dir: Path) -> None:
    """As `elterra resume`, with the toy's stages in place of the real ones."""
    import elterra.pipeline._run as pipeline_run
    from elterra.cli import main

    pipeline_run.stages_for = lambda _: stages()
    write_json(
        run_dir / "experiment.json",
        {"experiment": experiment().model_dump(mode="json"), "folder": str(run_dir)},
    )
    main(["resume", str(run_dir), "--json"])


def commit_in_turns(path: Path, windows: int) -> None:
    """One of several processes that take turns as the committer."""
    from elterra.product.store import StoreLocked

    while True:
        try:
            with StoreWriter.open(path) as writer:
                window = writer.last_window() + 1
                if window == windows:
                    return
                writer.commit(window, {"series": {"x": np.full((1, 1), float(window))}})
        except StoreLocked:
            continue


def commit_with_small_files_only(path: Path, report: Path) -> None:
    """Commits a window that is larger than any file may be."""
    import resource

    with StoreWriter.open(path) as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        noise = np.random.default_rng(0).random((4, 5000))
        try:
            writer.commit(1, {"series": {"x": noise}})
        except Exception as error:
            report.write_text(f"{type(error).__name__}: {error}")
