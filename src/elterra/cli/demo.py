"""`elterra demo`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from elterra.cli._options import Json


def demo(
    run_dir: Annotated[Path, typer.Option("--run", help="Run directory.")] = Path("runs/davos"),
    json_: Json = False,
) -> None:
    """The reanalysis of the Davos forest station 2013-2019, from data in the package. No network."""
    from elterra.cli._execute import execute
    from elterra.experiment import load_experiment

    with resources.as_file(resources.files("elterra") / "examples" / "davos.yaml") as path:
        experiment = load_experiment(path)
    execute(experiment, run_dir, as_json=json_)
