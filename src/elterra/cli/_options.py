"""Options and arguments that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout, progress as JSON lines on stderr.")
]
RunDir = Annotated[Path, typer.Argument(help="Run directory.", show_default=False)]
ExperimentFile = Annotated[Path, typer.Argument(help="Experiment file (YAML).", show_default=False)]
