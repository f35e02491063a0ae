"""Stage `domain`: the facts of the site, checked."""

from __future__ import annotations

from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.inputs import write_site
from elterra.pipeline.reanalysis.record import site_of


def run(context: Context) -> StageResult:
    """Writes ``domain/site.json``."""
    site = site_of(context.experiment)
    write_site(site, context.folder / "site.json")
    return StageResult(outputs=("domain/site.json",))
