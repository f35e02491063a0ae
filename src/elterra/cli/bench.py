"""`elterra bench`."""

from __future__ import annotations

from typing import Annotated

import typer

from elterra.cli._options import Json
from elterra.cli._output import emit
from elterra.errors import InputError

#: benches that run reference cases of CLM5, and those of them that choose by mode
_WITH_CASES = ("balance", "clm5", "land", "spinup", "twins")
_WITH_MODES = ("balance", "clm5", "twins")


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
            help="Only cases with this in their name, several by commas; a case with many cells (land).",
        ),
    ] = None,
    mode: Annotated[str | None, typer.Option("--mode", help="sp or bgc; only these cases (clm5).")] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="Steps that are measured, whole days (land with --case).")
    ] = None,
    years: Annotated[int | None, typer.Option("--years", help="Length of the run (balance).")] = None,
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
    if years is not None and name != "balance":
        raise InputError("--years: belongs to bench balance")
    if steps is not None and (name != "land" or case is None):
        raise InputError("--steps: belongs to bench land with a --case")
    if mode is not None and name not in _WITH_MODES:
        raise InputError(
            f"--mode: bench {name} has no modes; they belong to the benches {', '.join(_WITH_MODES)}"
        )
    given = {"device": device, "case": case, "mode": mode, "steps": steps, "years": years}
    options = {key: value for key, value in given.items() if value is not None}
    told = elterra.bench.run(name, quick=quick, **options)
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
