"""Runs an experiment for `run`, `resume` and `demo`, and tells the result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from elterra.cli._output import emit, progress

if TYPE_CHECKING:
    from elterra.experiment import Experiment, Region


def execute(
    experiment: Experiment | Region,
    run_dir: Path,
    *,
    as_json: bool,
    until: str | None = None,
    force: Sequence[str] = (),
    next_steps: bool = True,
) -> None:
    """Calls `elterra.pipeline.run_experiment` with progress."""
    import elterra.pipeline

    with progress(as_json) as report:
        result = elterra.pipeline.run_experiment(
            experiment, run_dir, until=until, force=tuple(force), progress=report
        )
    told: dict[str, Any] = {
        "run_dir": str(result.run_dir),
        "experiment": experiment.content_hash(),
        "ran": list(result.ran),
        "skipped": list(result.skipped),
        "seconds": round(result.seconds, 3),
        "figures": {k: dict(v) for k, v in result.figures.items()},
    }
    if as_json:
        emit(told)
        return
    typer.echo(
        f"{run_dir}: {len(result.ran)} stages run, {len(result.skipped)} unchanged, {result.seconds:.0f} s"
    )
    if next_steps and until is None:
        typer.echo("Next:")
        if "maps" in result.figures:
            typer.echo(f"  {run_dir}/maps/domain.svg     the maps")
            typer.echo(f"  elterra domain show {run_dir}/domain/domain.nc     what is in the domain")
            return
        typer.echo(f"  elterra report {run_dir}     the page")
        typer.echo(f"  elterra evaluate {run_dir}   scores on data withheld from variants of this run")
        typer.echo(f"  elterra status {run_dir}     what is done")
