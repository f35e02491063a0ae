"""`elterra interpolate`: from points to other places, or scores with stations and regions left out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elterra.cli._options import Json
from elterra.cli._output import emit
from elterra.cli.downscale import _law, show_scores
from elterra.errors import InputError


def interpolate(
    source: Annotated[
        Path,
        typer.Argument(
            help="CSV with lat,lon (or y,x in m), the target; may have elevation, time, station.",
            show_default=False,
        ),
    ],
    target: Annotated[str, typer.Option("--target", help="Column to interpolate.")],
    at: Annotated[
        Path | None,
        typer.Option("--at", help="CSV of the places to predict; without it the methods are scored."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The CSV file to write; needed with --at.")
    ] = None,
    features: Annotated[
        list[str] | None, typer.Option("--feature", help="Column both tables have; repeat for more.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="kriging, trees or regression_kriging (the default with --at)."),
    ] = None,
    law: Annotated[
        str, typer.Option("--law", help="signed, positive, or LOWER:UPPER for bounds.")
    ] = "signed",
    regions: Annotated[int, typer.Option("--regions", help="Regions that are left out in turn.", min=2)] = 8,
    json_: Json = False,
) -> None:
    """Predict at other places from points (--at), or score the methods with stations and regions left out."""
    from elterra.downscaling.interpolation import POINT_METHODS
    from elterra.downscaling.interpolation.files import interpolate_files, score_points

    columns = tuple(features or ())
    if at is None:
        names = [method] if method else list(POINT_METHODS)
        told = score_points(source, target, columns, _law(law), regions, names)
        if json_:
            emit(told)
            return
        for split, scores in told["scores"].items():
            typer.echo(f"left out: {split} ({told['points']} points)")
            show_scores(scores)
        return
    if out is None:
        raise InputError("--out: needed with --at; the CSV file to write")
    told = interpolate_files(source, target, columns, at, out, method or "regression_kriging", _law(law))
    if json_:
        emit(told)
    else:
        typer.echo(f"{out}: {told['predicted']} places from {told['points']} points by {told['method']}")
