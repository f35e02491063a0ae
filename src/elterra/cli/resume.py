"""`elterra resume`."""

from __future__ import annotations

from elterra.cli._options import Json, RunDir


def resume(run_dir: RunDir, json_: Json = False) -> None:
    """Go on with a run that was stopped or killed; the result is that of a run never disturbed."""
    from elterra.cli._execute import execute
    from elterra.pipeline import saved_run

    execute(saved_run(run_dir), run_dir, as_json=json_)
