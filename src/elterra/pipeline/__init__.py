"""Stages as idempotent steps keyed by content hash: run, skip, resume, inspect."""

from elterra.pipeline._run import (
    RunResult,
    StageStatus,
    rerun_stage,
    run_experiment,
    saved_experiment,
    saved_run,
    stages_for,
    status,
)
from elterra.pipeline._stage import (
    Context,
    Interrupted,
    ProgressEvent,
    Stage,
    StageError,
    StageResult,
)
from elterra.pipeline.ready import NotReadyError, Problem, problems
from elterra.pipeline.stages import evaluate_run, stages

__all__ = [
    "Context",
    "Interrupted",
    "NotReadyError",
    "Problem",
    "ProgressEvent",
    "RunResult",
    "Stage",
    "StageError",
    "StageResult",
    "StageStatus",
    "evaluate_run",
    "problems",
    "rerun_stage",
    "run_experiment",
    "saved_experiment",
    "saved_run",
    "stages",
    "stages_for",
    "status",
]
