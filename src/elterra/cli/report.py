"""`elterra report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elterra.cli._options import Json, RunDir
from elterra.cli._output import emit


def report(
    run_dir: RunDir,
    out: Annotated[Path | None, typer.Option(help="The page; <run>/report.html if not given.")] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Folder for charts of innovations and increments (SVG).")
    ] = None,
    json_: Json = False,
) -> None:
    """Write the page of a run: one HTML file that needs no network."""
    from elterra.pipeline.steps.report import write_diagnostics, write_run_report

    path = write_run_report(run_dir, out or run_dir / "report.html")
    charts = [] if plots is None else write_diagnostics(run_dir, plots)
    if json_:
        drawn = {} if plots is None else {"plots": [str(c) for c in charts]}
        emit({"path": str(path), "bytes": path.stat().st_size} | drawn)
        return
    typer.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB); open it in a browser")
    for chart in charts:
        typer.echo(f"{chart}")
