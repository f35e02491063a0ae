"""Stage `report`: the page."""

from __future__ import annotations

from pathlib import Path

from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.groups import RunGroups
from elterra.product.report import write_report


def run(context: Context) -> StageResult:
    """Writes ``report/report.html``."""
    path = write_run_report(context.run_dir, context.folder / "report.html")
    return StageResult(outputs=("report/report.html",), figures={"bytes": float(path.stat().st_size)})


def write_run_report(run_dir: Path, out: Path) -> Path:
    """The page of a run, with the scores of `elterra evaluate` where they exist."""
    groups = RunGroups(run_dir)
    out.parent.mkdir(parents=True, exist_ok=True)
    return write_report(
        groups,
        out,
        metadata=groups.metadata(),
        evaluation=groups.evaluation(),
        provenance=groups.provenance(),
    )
