"""Bench ``store``: what it costs to keep a reanalysis, and to read it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from elterra.product._store_async import AsyncCommitter
from elterra.product.store import StoreWriter, open_store

_STATISTICS = ["mean", "sd", "q05", "q25", "q50", "q75", "q95"]


def measure(*, quick: bool = False, folder: str | Path | None = None) -> dict[str, float]:
    """A store of the demo's size: 2557 daily windows of 48 steps, 45 x 7 statistics, 5 x 64 members."""
    windows = 40 if quick else 2557
    with tempfile.TemporaryDirectory(dir=folder) as place:
        return _measure(Path(place) / "store", windows)


def _measure(
    path: Path, windows: int, steps: int = 48, variables: int = 45, members: int = 64
) -> dict[str, float]:
    rows = windows * steps

    def empty(n: int) -> np.ndarray:
        return np.broadcast_to(np.float32(np.nan), (rows, n))

    template = xr.Dataset(
        {f"v{i}": (("time", "statistic"), empty(7)) for i in range(variables)}
        | {f"m{i}": (("time", "member"), empty(members)) for i in range(5)},
        coords={"time": pd.date_range("2013-01-01", periods=rows, freq="30min"), "statistic": _STATISTICS},
    )
    rng = np.random.default_rng(0)
    day = np.sin(np.linspace(0, 2 * np.pi, steps))[:, None]
    data = {f"v{i}": (day + 0.1 * rng.standard_normal((steps, 7))).astype("f4") for i in range(variables)}
    data |= {f"m{i}": (day + 0.1 * rng.standard_normal((steps, members))).astype("f4") for i in range(5)}
    figures = {}
    with StoreWriter.create(path, {"fast": template}, windows=windows, steps={"fast": steps}) as writer:
        start, cpu = time.perf_counter(), time.process_time()
        with AsyncCommitter(writer) as committer:
            for window in range(windows):
                committer.commit(window, {"fast": data})
        figures["commit.seconds"] = time.perf_counter() - start
        figures["commit.cpu_seconds"] = time.process_time() - cpu
        figures["commit.ms_per_window"] = 1e3 * figures["commit.seconds"] / windows
        start = time.perf_counter()
        writer.consolidate()
        figures["consolidate.seconds"] = time.perf_counter() - start
        figures["files.before_compaction"] = _count(path)
        writer.compact()
    figures["files.after_compaction"] = _count(path)
    figures["bytes"] = sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    start = time.perf_counter()
    series = open_store(path).dataset("fast")["v3"].values
    figures["read_series.seconds"] = time.perf_counter() - start
    figures["read_series.rows"] = len(series)
    return figures


def _count(path: Path) -> int:
    return sum(p.is_file() for p in path.rglob("*"))
