"""`elterra bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from elterra.cli._options import Json
from elterra.cli._output import emit
from elterra.errors import InputError

#: what an option chooses, and the benches that have it
_BELONGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "device": ("choice of a device", ("land",)),
    "case": (
        "cases",
        (
            "balance",
            "calibration",
            "clm5",
            "downscaling",
            "interpolation",
            "land",
            "spinup",
            "twins",
            "weather",
        ),
    ),
    "method": ("methods", ("downscaling", "interpolation")),
    "mode": ("modes", ("balance", "clm5", "twins")),
    "part": ("parts", ("calibration",)),
    "steps": ("steps", ("land",)),
    "years": ("years", ("balance",)),
    "land": ("land model under generated weather", ("weather",)),
    "plots": ("charts", ("assimilation", "calibration")),
}


def bench(
    name: Annotated[
        str | None, typer.Argument(help="Name of the bench; all names are listed without it.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A short run, to see that it works.")] = False,
    device: Annotated[str | None, typer.Option("--device", help="cpu or gpu (land).")] = None,
    case: Annotated[
        str | None,
        typer.Option(
            "--case",
            "--site",
            help="Only these cases, by commas (balance, clm5, downscaling, interpolation, spinup, twins, weather); one with "
            "many cells (land); stations (calibration, parts with towers).",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="Only these methods, by commas (downscaling, interpolation)."),
    ] = None,
    mode: Annotated[
        str | None, typer.Option("--mode", help="sp or bgc; only these cases (balance, clm5, twins).")
    ] = None,
    part: Annotated[
        str | None, typer.Option("--part", help="Only these parts, several by commas (calibration).")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="Steps that are measured, whole days (land with --case).")
    ] = None,
    years: Annotated[int | None, typer.Option("--years", help="Length of the run (balance).")] = None,
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
    given: dict[str, Any] = {
        "device": device,
        "case": case,
        "method": method,
        "mode": mode,
        "part": part,
        "steps": steps,
        "years": years,
        "land": land or None,
        "plots": plots,
    }
    options = {key: value for key, value in given.items() if value is not None}
    for key in options:
        what, benches = _BELONGS[key]
        if name not in benches:
            raise InputError(f"--{key}: bench {name} has no {what}; it belongs to {', '.join(benches)}")
    if device not in (None, "cpu", "gpu"):
        raise InputError(f"--device {device}: there are cpu and gpu")
    if steps is not None and case is None:
        raise InputError("--steps: belongs to bench land with a --case")
    folder = options.pop("plots", None)
    told = elterra.bench.run(name, quick=quick, **options)
    if folder is not None:
        from elterra.bench.plots import write_bench_plots

        for path in write_bench_plots(name, told["figures"], folder):
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
