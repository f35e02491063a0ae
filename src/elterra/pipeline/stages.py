"""The stages of a reanalysis, in order. Their contents are imported when they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from elterra.experiment import Experiment, Region
from elterra.pipeline._stage import ProgressEvent, Stage, named


def _record(experiment: Experiment) -> Sequence[Path]:
    path = experiment.record_path()
    return [path] if path is not None else []


def _store_is_whole(run_dir: Path, digests: Mapping[str, str]) -> bool:
    """Whether the finished store is still there (its bytes are checked when they are read)."""
    from elterra.product.store import StoreError, open_store

    try:
        return open_store(run_dir / "store").complete
    except StoreError:
        return False


def stages() -> tuple[Stage, ...]:
    """domain → forcing → observations → spinup → calibration → discrepancy → assimilation → evaluation → report.

    Each lives in ``elterra.pipeline.steps.<name>`` as ``run(context) -> StageResult`` (see `Stage`).
    """
    steps = "elterra.pipeline.steps"
    record = "elterra.pipeline.reanalysis.record"
    site = ("elterra.domain.site", "elterra.domain._davos")  # of the room, what a station reads
    land = (
        "elterra.land",
        "elterra.registry",
        "elterra.forcing",
        *site,
        "elterra.pipeline.reanalysis",
    )
    return (
        Stage(
            "domain",
            1,
            f"{steps}.domain:run",
            sections=("site",),
            code=(f"{steps}.domain", *site, record),
        ),
        Stage(
            "forcing",
            1,
            f"{steps}.forcing:run",
            needs=("domain",),
            sections=("site", "data", "period"),
            code=(f"{steps}.forcing", "elterra.forcing", "elterra.observations", *site, record),
            inputs=_record,
        ),
        Stage(
            "observations",
            1,
            f"{steps}.observations:run",
            needs=("domain",),
            sections=("site", "data", "period"),
            code=(f"{steps}.observations", "elterra.observations", *site, record),
            inputs=_record,
        ),
        Stage(
            "spinup",
            1,
            f"{steps}.spinup:run",
            needs=("domain", "forcing"),
            sections=("land", "spinup", "ensemble"),
            code=(f"{steps}.spinup", "elterra.spinup", *land),
        ),
        Stage(
            "calibration",
            1,
            f"{steps}.calibration:run",
            needs=("domain", "forcing", "observations", "spinup"),
            sections=("calibration", "land", "ensemble", "assimilation", "evaluation", "spinup"),
            code=(f"{steps}.calibration", "elterra.calibration", *land),
        ),
        Stage(
            "discrepancy",
            1,
            f"{steps}.discrepancy:run",
            needs=("domain", "forcing", "observations", "spinup", "calibration"),
            sections=("discrepancy", "land", "ensemble", "assimilation", "evaluation", "spinup", "period"),
            code=(f"{steps}.discrepancy", "elterra.calibration", "elterra.product.baselines", *land),
        ),
        Stage(
            "assimilation",
            1,
            f"{steps}.assimilation:run",
            needs=("domain", "forcing", "observations", "spinup", "calibration", "discrepancy"),
            sections=("assimilation", "land", "ensemble", "evaluation", "spinup", "period"),
            code=(f"{steps}.assimilation", "elterra.assimilation", "elterra.product.store", *land),
            owns=("store", "store.new"),
            intact=_store_is_whole,
        ),
        Stage(
            "evaluation",
            1,
            f"{steps}.evaluation:run",
            needs=("domain", "forcing", "observations", "assimilation"),
            sections=("evaluation",),
            code=(f"{steps}.evaluation",),
        ),
        Stage(
            "report",
            1,
            f"{steps}.report:run",
            needs=("domain", "observations", "assimilation", "evaluation"),
            sections=("title", "about"),
            code=(f"{steps}.report", "elterra.product", "elterra.pipeline.reanalysis.groups"),
            reads=("scores/evaluation.json",),
        ),
    )


def region_stages() -> tuple[Stage, ...]:
    """domain → maps, of a region (`examples/europe.yaml`): its domain file, and its maps."""
    steps = "elterra.pipeline.steps"
    return (
        Stage(
            "domain",
            1,
            f"{steps}.region:domain",
            sections=("name", "title", "domain"),
            code=(f"{steps}.region", "elterra.domain", "elterra.pipeline.domain_clm"),
            inputs=_region_files,
        ),
        Stage(
            "maps",
            1,
            f"{steps}.region:maps",
            needs=("domain",),
            code=(f"{steps}.region", "elterra.product.maps", "elterra.product.domain_maps"),
        ),
    )


def _region_files(region: Region) -> Sequence[Path]:
    """Files that the sources of a region name."""
    parts = (region.domain.land_cover, region.domain.climate, region.domain.soil, region.domain.terrain)
    named_parts = [p for p in (*parts, region.domain.mask) if not isinstance(p, str)]
    return sorted({region.path_of(part.path) for part in named_parts})


def evaluate_run(
    run_dir: str | Path, *, progress: Callable[[ProgressEvent], None] | None = None
) -> Mapping[str, float]:
    """Makes variants of the run with blocks withheld and scores them; figures by dotted key.

    Lives in ``elterra.pipeline.steps.variants`` as ``evaluate_run(run_dir, progress)``: the product's scores
    know arrays, the pipeline knows how to run a variant.
    """
    report = progress if progress is not None else _silent
    return named("elterra.pipeline.steps.variants:evaluate_run", "evaluate")(Path(run_dir), report)


def _silent(_event: ProgressEvent) -> None:
    return None
