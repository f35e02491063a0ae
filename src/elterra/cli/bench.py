"""`elterra bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elterra.cli._options import Json
from elterra.cli._output import emit
from elterra.errors import InputError

_WITH_CASES = ("calibration", "clm5", "downscaling", "interpolation", "land", "spinup", "weather")


def bench(
    name: Annotated[
        str | None, typer.Argument(help="Name of the bench; all names are listed without it.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A short run, to see that it works.")] = False,
    device: Annotated[
        str | None, typer.Option("--device", help="cpu or gpu; only for benches that compute (land).")
    ] = None,
    case: Annotated[
        str | None,
        typer.Option(
            "--case",
            "--site",
            help="Only these cases, by commas (clm5, downscaling, interpolation, spinup, weather); one with many cells "
            "(land); stations (calibration, parts with towers).",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="Only these methods, by commas (downscaling, interpolation)."),
    ] = None,
    mode: Annotated[str | None, typer.Option("--mode", help="sp or bgc; only these cases (clm5).")] = None,
    part: Annotated[
        str | None, typer.Option("--part", help="Only these parts, several by commas (calibration).")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="Steps that are measured, whole days (land with --case).")
    ] = None,
    land: Annotated[
        bool, typer.Option("--land", help="The land model under generated and measured weather (weather).")
    ] = False,
    plots: Annotated[
        Path | None, typer.Option("--plots", help="Folder for charts (assimilation, calibration).")
    ] = None,
    json_: Json = False,
) -> None:
    """Measure the figures that the documentation quotes."""
    import elterra.bench

    if name is None:
        listed = elterra.bench.names()
        if json_:
            emit({"benches": listed})
        else:
            for key, words in listed.items():
                typer.echo(f"{key:<16}{words}")
        return
    if device not in (None, "cpu", "gpu"):
        raise InputError(f"--device {device}: there are cpu and gpu")
    if device is not None and name != "land":
        raise InputError(f"--device: bench {name} does not compute on a device; leave it out")
    if case is not None and name not in _WITH_CASES:
        raise InputError(
            f"--case: bench {name} has no cases; they belong to the benches {', '.join(_WITH_CASES)}"
        )
    if land and name != "weather":
        raise InputError(f"--land: bench {name} has no land model under generated weather; bench weather has")
    if part is not None and name != "calibration":
        raise InputError(f"--part: bench {name} has no parts; they belong to bench calibration")
    if steps is not None and (name != "land" or case is None):
        raise InputError("--steps: belongs to bench land with a --case")
    if method is not None and name not in ("downscaling", "interpolation"):
        raise InputError(f"--method: belongs to the benches downscaling and interpolation, not to {name}")
    if mode is not None and name != "clm5":
        raise InputError(f"--mode: bench {name} has no modes; they belong to bench clm5")
    if plots is not None and name not in ("assimilation", "calibration"):
        raise InputError(f"--plots: bench {name} has no charts; assimilation and calibration have")
    given = {
        "device": device,
        "case": case,
        "mode": mode,
        "method": method,
        "steps": steps,
        "land": land or None,
        "part": part,
    }
    options = {key: value for key, value in given.items() if value is not None}
    told = elterra.bench.run(name, quick=quick, **options)
    if plots is not None:
        from elterra.bench.plots import write_bench_plots

        for path in write_bench_plots(name, told["figures"], plots):
            typer.echo(f"{path}", err=True)
    if json_:
        emit(told)
        return
    typer.echo(f"{told['name']}, elterra {told['version']}, {told['machine']}, {told['seconds']:.1f} s")
    if name == "clm5":
        from rich.console import Console

        from elterra.bench.clm5 import table

        table(told["figures"], Console().print)
        return
    for key in sorted(told["figures"]):
        typer.echo(f"  {key:<50}{told['figures'][key]:>14.6g}")
