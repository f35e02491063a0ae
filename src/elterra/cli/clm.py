"""`elterra clm`: CLM5's own case directories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elterra.cli._options import Help, Json
from elterra.cli._output import emit

app = typer.Typer(
    no_args_is_help=True,
    add_help_option=False,
    help="Run CLM5 case directories with the embedded model, and compare.",
)

CaseDir = Annotated[
    Path, typer.Argument(help="CLM5 case directory (lnd_in, datm_in, surface data).", show_default=False)
]


@app.callback()
def _clm(asked: Help = False) -> None:
    """Run CLM5 case directories with the embedded model, and compare."""
    del asked


@app.command("run-embedded")
def run_embedded(
    case: CaseDir,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the history; CASE.elterra beside by default.")
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", help="Length; that of the case by default.", min=1)
    ] = None,
    json_: Json = False,
) -> None:
    """Run the model on a CLM5 case: history with CLM's names, and what of the case is not modelled."""
    from elterra.clm import COMMON_PATCHES, open_case
    from elterra.clm.history import write_history
    from elterra.clm.integrate import integrate

    opened = open_case(case, patches=COMMON_PATCHES)
    state = opened.state()
    if not json_:
        for line in opened.report.lines():
            typer.echo(line)
    folder = out or Path.cwd() / f"{case.resolve().name}.elterra"
    count = days or opened.days
    result = integrate(opened, state, count, step_0=True)
    written = write_history(folder, opened, result.daily)
    if json_:
        emit(
            {
                "files": [str(f) for f in written],
                "days": count,
                "worst": result.worst,
                "not_modelled": opened.report.unsupported,
                "unused": opened.report.unused,
            }
        )
        return
    for file in written:
        typer.echo(f"written      {file}")
    typer.echo("worst        " + ", ".join(f"{n} {v:.1e}" for n, v in sorted(result.worst.items())))


@app.command()
def compare(
    case: CaseDir,
    output: Annotated[
        Path, typer.Argument(help="Folder or daily file that run-embedded wrote.", show_default=False)
    ],
    json_: Json = False,
) -> None:
    """Compare a run with the daily (or monthly) history of CLM5 in the case directory."""
    from elterra.clm import open_case
    from elterra.clm.compare import compare_history

    figures = compare_history(open_case(case), output)
    if json_:
        emit({"case": case.resolve().name, "figures": figures})
        return
    typer.echo(f"{'figure':<36}{'value':>14}")
    for key, value in sorted(figures.items()):
        typer.echo(f"{key:<36}{value:>14.6g}")
