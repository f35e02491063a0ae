"""`elterra bench`."""

from __future__ import annotations

from typing import Annotated

import typer

from elterra.cli._options import Json
from elterra.cli._output import emit


def bench(
    name: Annotated[
        str | None, typer.Argument(help="Name of the bench; all names are listed without it.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A short run, to see that it works.")] = False,
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
    told = elterra.bench.run(name, quick=quick)
    if json_:
        emit(told)
        return
    typer.echo(f"{told['name']}, elterra {told['version']}, {told['machine']}, {told['seconds']:.1f} s")
    for key in sorted(told["figures"]):
        typer.echo(f"  {key:<50}{told['figures'][key]:>14.6g}")
