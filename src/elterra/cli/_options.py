"""Options and arguments that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _help(context: typer.Context, asked: bool) -> None:
    if asked:
        typer.echo(context.get_help())
        raise typer.Exit


#: ``--help`` of groups of verbs (``add_help_option=False``): typer's own loads pydantic (0.2 s) where it is not given
Help = Annotated[
    bool, typer.Option("--help", help="Show this message and exit.", is_eager=True, callback=_help)
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout, progress as JSON lines on stderr.")
]
RunDir = Annotated[Path, typer.Argument(help="Run directory.", show_default=False)]
ExperimentFile = Annotated[Path, typer.Argument(help="Experiment file (YAML).", show_default=False)]
