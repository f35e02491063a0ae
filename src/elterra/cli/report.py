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
    json_: Json = False,
) -> None:
    """Write the page of a run: one HTML file that needs no network."""
    from elterra.pipeline.steps.report import write_run_report

    path = write_run_report(run_dir, out or run_dir / "report.html")
    if json_:
        emit({"path": str(path), "bytes": path.stat().st_size})
    else:
        typer.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB); open it in a browser")
