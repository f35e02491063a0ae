"""`elterra export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from elterra.cli._options import Json, RunDir
from elterra.cli._output import emit


class Format(StrEnum):
    """File formats of an export."""

    netcdf = "netcdf"
    csv = "csv"


class Scale(StrEnum):
    """Time steps of an export."""

    daily = "daily"
    halfhourly = "halfhourly"


def export(
    run_dir: RunDir,
    out: Annotated[
        Path | None, typer.Option(help="The file; <run>/export/<site>_<scale>.<ext> if not given.")
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="NetCDF (CF-1.11, ACDD) or FLUXNET-style CSV.")
    ] = Format.netcdf,
    scale: Annotated[Scale, typer.Option(help="Time step.")] = Scale.daily,
    json_: Json = False,
) -> None:
    """Write the series of a run for other programs: NetCDF, or CSV with FLUXNET names (half-hours in local standard time,
    days in UTC)."""
    from elterra.pipeline.steps.report import export_run

    path = export_run(run_dir, format_.value, scale.value, out)
    if json_:
        emit({"path": str(path), "bytes": path.stat().st_size})
    else:
        typer.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
