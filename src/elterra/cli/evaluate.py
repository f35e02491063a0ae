"""`elterra evaluate`."""

from __future__ import annotations

import time

import typer

from elterra.cli._options import Json, RunDir
from elterra.cli._output import emit, progress


def evaluate(run_dir: RunDir, json_: Json = False) -> None:
    """Score a reanalysis on data that variants of it did not see, against baselines."""
    import elterra.bench
    from elterra.pipeline import evaluate_run

    start = time.monotonic()
    with progress(json_) as report:
        figures = evaluate_run(run_dir, progress=report)
    told = elterra.bench.contract("evaluate", figures, time.monotonic() - start)
    if json_:
        emit(told)
        return
    for key in sorted(told["figures"]):
        typer.echo(f"{key:<60}{told['figures'][key]:>14.6g}")
    typer.echo(f"{told['seconds']:.1f} s")
