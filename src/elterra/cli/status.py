"""`elterra status`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from elterra.cli._options import Json, RunDir
from elterra.cli._output import emit


def status(run_dir: RunDir, json_: Json = False) -> None:
    """What of a run is done, stale, under way or waiting."""
    import elterra.pipeline

    found = elterra.pipeline.status(run_dir)
    if json_:
        emit({"run_dir": str(run_dir), "stages": [asdict(s) for s in found]})
        return
    for s in found:
        far = f"{s.done} of {s.total}" if s.total else ""
        spent = f"{s.seconds:.1f} s" if s.seconds else ""
        typer.echo(f"{s.name:<14}{s.state:<9}{spent:>10}  {far} {s.reason}".rstrip())
