"""The stages of a reanalysis, in order. Their contents are imported when they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from elterra.experiment import Experiment
from elterra.pipeline._stage import ProgressEvent, Stage, named


def _record(experiment: Experiment) -> Sequence[Path]:
    path = experiment.record_path()
    return [path] if path is not None else []


def stages() -> tuple[Stage, ...]:
    """domain → forcing → observations → spinup → calibration → assimilation → evaluation → report.

    Each lives in ``elterra.pipeline.steps.<name>`` as ``run(context) -> StageResult`` (see `Stage`).
    """
    steps = "elterra.pipeline.steps"
    land = ("elterra.land", "elterra.registry")
    return (
        Stage("domain", 1, f"{steps}.domain:run", sections=("site",), code=(f"{steps}.domain",)),
        Stage(
            "forcing",
            1,
            f"{steps}.forcing:run",
            needs=("domain",),
            sections=("site", "data", "period"),
            code=(f"{steps}.forcing", "elterra.forcing"),
            inputs=_record,
        ),
        Stage(
            "observations",
            1,
            f"{steps}.observations:run",
            needs=("domain",),
            sections=("site", "data", "period"),
            code=(f"{steps}.observations", "elterra.observations"),
            inputs=_record,
        ),
        Stage(
            "spinup",
            1,
            f"{steps}.spinup:run",
            needs=("domain", "forcing"),
            sections=("spinup", "ensemble"),
            code=(f"{steps}.spinup", "elterra.spinup", *land),
        ),
        Stage(
            "calibration",
            1,
            f"{steps}.calibration:run",
            needs=("domain", "forcing", "observations", "spinup"),
            sections=("calibration", "ensemble", "evaluation"),
            code=(f"{steps}.calibration", "elterra.calibration", *land),
        ),
        Stage(
            "assimilation",
            1,
            f"{steps}.assimilation:run",
            needs=("domain", "forcing", "observations", "spinup", "calibration"),
            sections=("assimilation", "ensemble", "output", "period"),
            code=(f"{steps}.assimilation", "elterra.assimilation", "elterra.product.store", *land),
            owns=("store", "store.new"),
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
            code=(f"{steps}.report",),
        ),
    )


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
