"""Stage `report`: the page."""

from __future__ import annotations

from pathlib import Path

from elterra.errors import InputError
from elterra.pipeline._stage import Context, StageResult
from elterra.pipeline.reanalysis.groups import RunGroups
from elterra.product.export import write_fluxnet_csv, write_netcdf
from elterra.product.load import Product
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


def write_diagnostics(run_dir: Path, folder: Path) -> list[Path]:
    """Charts of the innovations and increments of a run, as SVG in ``folder``; none for a run without data."""
    from elterra.product.diagnostic_plots import write_diagnostic_plots

    groups = RunGroups(run_dir)
    return write_diagnostic_plots(groups("innovations"), groups("budget"), folder)


def export_run(run_dir: Path, file_format: str, scale: str, out: Path | None = None) -> Path:
    """The series of a run as a file: ``netcdf`` or ``csv``, ``halfhourly`` or ``daily``."""
    writers = {"netcdf": (write_netcdf, "nc"), "csv": (write_fluxnet_csv, "csv")}
    if file_format not in writers or scale not in ("halfhourly", "daily"):
        raise InputError(
            f"format must be one of {sorted(writers)}, scale halfhourly or daily; got {file_format}, {scale}"
        )
    write, ending = writers[file_format]
    groups = RunGroups(run_dir)
    path = out or run_dir / "export" / f"{groups.site.name}_{scale}.{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(Product(groups, str(run_dir)), path, scale, groups.metadata())  # type: ignore[arg-type]
