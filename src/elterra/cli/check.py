"""`elterra check`."""

from __future__ import annotations

import typer

from elterra.cli._options import ExperimentFile, Json
from elterra.cli._output import emit


def check(experiment: ExperimentFile, json_: Json = False) -> None:
    """Check an experiment file and its record with the code of the run; tells all that is wrong, runs nothing."""
    from elterra.experiment import load_experiment
    from elterra.pipeline import NotReadyError, problems

    loaded = load_experiment(experiment)
    found = problems(loaded)
    if found:
        raise NotReadyError(tuple(found))
    site = loaded.site if isinstance(loaded.site, str) else loaded.site.name
    told = {
        "name": loaded.name,
        "site": site,
        "days": loaded.period.days,
        "members": loaded.ensemble.members,
        "observed": list(loaded.assimilation.observed) if loaded.assimilation.enabled else [],
        "hash": loaded.content_hash(),
    }
    if json_:
        emit(told)
        return
    typer.echo(f"{experiment}: good")
    for key, value in told.items():
        typer.echo(f"  {key:<9}{', '.join(value) if isinstance(value, list) else value}")
