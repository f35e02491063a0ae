"""`elterra info`."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from elterra import __version__
from elterra.cli._options import Json
from elterra.cli._output import emit

_LIBRARIES = ("jax", "jaxlib", "numpy", "xarray", "zarr", "icechunk", "pydantic", "xgboost-cpu")


def info(
    schema: Annotated[bool, typer.Option("--schema", help="JSON Schema of the experiment file.")] = False,
    variables: Annotated[bool, typer.Option("--variables", help="The registry's variables.")] = False,
    parameters: Annotated[bool, typer.Option("--parameters", help="The registry's parameters.")] = False,
    json_: Json = False,
) -> None:
    """Versions and machine; or the schema, the variables, the parameters."""
    if schema:
        import json

        from elterra.experiment import schema as export

        typer.echo(json.dumps(export(), indent=1))
        return
    if variables or parameters:
        from elterra import registry

        table: Mapping[str, Any] = registry.variables() if variables else registry.parameters()
        if json_:
            from dataclasses import asdict

            emit({name: {**asdict(v), "prior": _plain(v)} for name, v in table.items()})
            return
        for name, item in sorted(table.items()):
            typer.echo(f"{name:<24}{item.units:<18}{item.description}")
        return
    from importlib import metadata

    found = {"elterra": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    from elterra.bench import machine

    if json_:
        emit({"versions": found, "machine": machine()})
        return
    for name, version in found.items():
        typer.echo(f"{name:<14}{version}")
    typer.echo(f"{'machine':<14}{machine()}")


def _plain(item: object) -> dict | None:
    prior = getattr(item, "prior", None)
    return dict(prior) if prior is not None else None
