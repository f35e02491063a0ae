"""`elterra check`."""

from __future__ import annotations

import typer

from elterra.cli._options import ExperimentFile, Json
from elterra.cli._output import emit


def check(experiment: ExperimentFile, json_: Json = False) -> None:
    """Check an experiment file and that its record is there; runs nothing."""
    from elterra.errors import InputError
    from elterra.experiment import load_experiment

    loaded = load_experiment(experiment)
    record = loaded.record_path()
    if record is not None and not record.is_file():
        raise InputError(f"{experiment}: data.record: there is no file {record}")
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
