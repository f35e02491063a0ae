"""`elterra run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elterra.cli._options import ExperimentFile, Json


def run(
    experiment: ExperimentFile,
    run_dir: Annotated[
        Path | None, typer.Option("--run", help="Run directory; runs/<name of the experiment> if not given.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Last stage to run.")] = None,
    force: Annotated[list[str] | None, typer.Option(help="Stage to run again; may be repeated.")] = None,
    json_: Json = False,
) -> None:
    """Run an experiment or a region. What is finished and unchanged is not run again."""
    from elterra.cli._execute import execute
    from elterra.experiment import load_asked

    loaded = load_asked(experiment)
    execute(loaded, run_dir or Path("runs") / loaded.name, as_json=json_, until=until, force=force or ())
