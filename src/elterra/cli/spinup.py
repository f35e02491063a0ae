"""`elterra spinup`: to the equilibrium of a case or an experiment, and whether a state is one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from elterra.cli._options import Help, Json
from elterra.cli._output import emit

app = typer.Typer(
    no_args_is_help=True, add_help_option=False, help="Spin up carbon and nitrogen; check for equilibrium."
)


@app.callback()
def _spinup(asked: Help = False) -> None:
    """Spin up carbon and nitrogen; check for equilibrium."""
    del asked


@app.command("run")
def run(
    subject: Annotated[
        Path, typer.Argument(help="CLM5 case directory, or experiment file (YAML).", show_default=False)
    ],
    method: Annotated[str, typer.Option("--method", help="native, ad, analytic or anderson.")] = "anderson",
    cycles: Annotated[int, typer.Option("--cycles", help="Passes of the forcing.", min=1)] = 40,
    years: Annotated[
        int | None,
        typer.Option("--cycle-years", help="First years of the weather in a cycle; all by default.", min=1),
    ] = None,
    accelerated: Annotated[
        int,
        typer.Option("--accelerated", help="Cycles of method ad in accelerated mode; 0: two thirds.", min=0),
    ] = 0,
    start: Annotated[
        str | None,
        typer.Option("--start", help="Restart file of the case to begin with; its cold start by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the results; NAME.spinup by default.")
    ] = None,
    json_: Json = False,
) -> None:
    """Spin up from a cold start; stops when the criteria of `check` hold."""
    from elterra.pipeline.spinup_run import spin_up_subject

    def told(entry: dict[str, Any]) -> None:
        line = (
            f"cycle {entry['cycle']:>4}  year {entry['model_years']:>6.0f}  GPP {entry['GPP'][0]:7.1f}  "
            f"ecosystem C {entry['totecosysc'][0]:9.1f}  N {entry['totecosysn'][0]:7.2f}"
        )
        typer.echo(line, err=True)

    folder = out or Path.cwd() / f"{subject.resolve().stem}.spinup"
    result = spin_up_subject(
        subject,
        folder,
        method=method,
        cycles=cycles,
        years=years,
        accelerated=accelerated,
        start=start,
        told=told,
    )
    if json_:
        emit(result)
        return
    typer.echo(f"state        {folder / 'state.restart'}")
    typer.echo(f"cycles       {result['cycles']} ({result['model_years']:.0f} model years)")
    if "check" in result:
        _show(result["check"])


@app.command("check")
def check(
    restarts: Annotated[
        list[Path],
        typer.Argument(
            help="Restart files in order of time, at the same phase of the forcing; or the folder of a spin-up.",
            show_default=False,
        ),
    ],
    years: Annotated[
        float | None, typer.Option("--years", help="Years between neighbours, where the files do not say.")
    ] = None,
    case: Annotated[
        Path | None, typer.Option("--case", help="CLM5 case directory; the files are CLM5 restarts then.")
    ] = None,
    json_: Json = False,
) -> None:
    """Criteria of CTSM and ORCHIDEE for equilibrium. Exit code 1 where they do not hold."""
    from elterra.pipeline.spinup_run import check_restarts

    result = check_restarts(restarts, years=years, case=case)
    if json_:
        emit(result)
    else:
        _show(result)
    if not result["steady"]:
        raise typer.Exit(1)


def _show(result: dict[str, Any]) -> None:
    ctsm, orchidee = result["ctsm"], result["orchidee"]
    word = {True: "met", False: "missed"}
    typer.echo(
        f"CTSM         area that changes by more than 1 gC m-2 yr-1: {ctsm['area_in_disequilibrium']:.1%} "
        f"(allowed {ctsm['area_allowed']:.0%}): {word[ctsm['area_met']]}"
    )
    for name, value in ctsm["mean_change_gC_m2_yr"].items():
        typer.echo(
            f"             {name:<12}{value:+.3f} gC m-2 yr-1 (global allowance {ctsm['mean_allowed_gC_m2_yr']:.2f})"
        )
    typer.echo(
        f"ORCHIDEE     largest change of a pool in a cycle: {orchidee['worst_relative_change']:+.2%} "
        f"({orchidee['worst_pool']}): {word[orchidee['pools_met']]}"
    )
    typer.echo(
        f"             trend {orchidee['trend_gC_m2_yr']:+.3f} gC m-2 yr-1: {word[orchidee['trend_met']]}"
    )
    typer.echo(f"equilibrium  {'yes' if result['steady'] else 'no'}")
