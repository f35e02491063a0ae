"""Runs the stages of an experiment in a run directory; each step once, whatever happens in between.

In the run directory: ``experiment.json`` (what was asked), ``manifest/<stage>.json`` (key and outputs of a
finished stage, written new-then-renamed), ``manifest/<stage>.started`` (key of one that is under way) and one
folder a stage.
"""

from __future__ import annotations

import importlib.util
import shutil
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import elterra
from elterra.errors import InputError
from elterra.experiment import Experiment, Region
from elterra.files import digest_of, exclusive, read_json, sha256_of, write_atomically, write_json
from elterra.pipeline._stage import (
    Context,
    Interrupted,
    ProgressEvent,
    Stage,
    StageError,
    StageResult,
    manifest_path,
    order,
    plain_section,
)
from elterra.pipeline.stages import region_stages
from elterra.pipeline.stages import stages as station_stages

Report = Callable[[ProgressEvent], None]


def stages_for(experiment: Experiment | Region) -> tuple[Stage, ...]:
    """The stages of a station's reanalysis, or those of a region."""
    return region_stages() if isinstance(experiment, Region) else station_stages()


@dataclass(frozen=True, slots=True)
class RunResult:
    """What `run_experiment` did: names of stages run and skipped, seconds, figures by stage."""

    run_dir: Path
    ran: tuple[str, ...]
    skipped: tuple[str, ...]
    seconds: float
    figures: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class StageStatus:
    """State of a stage: ``done`` and unchanged; ``stale`` (something it depends on has changed, or an output
    is gone or damaged: ``reason``); ``partial`` (under way or interrupted); ``waiting``."""

    name: str
    state: Literal["done", "stale", "partial", "waiting"]
    reason: str = ""
    seconds: float = 0.0
    done: int = 0
    total: int = 0


def run_experiment(
    experiment: Experiment | Region,
    run_dir: str | Path,
    *,
    until: str | None = None,
    force: Sequence[str] = (),
    progress: Report | None = None,
    stages: Sequence[Stage] | None = None,
    stop: threading.Event | None = None,
) -> RunResult:
    """Brings `run_dir` to what `experiment` asks for. Finished, unchanged stages are skipped.

    `until`: last stage to run (with what it needs). `force`: stages to run again. `progress`: called with a
    `ProgressEvent` now and then. `stop`: set it to end the run at the next checkpoint; SIGTERM and SIGINT set
    it too when called from the main thread.

    Raises `Interrupted` when stopped, `elterra.files.Locked` if another process runs here, and what a stage
    raises. A run directory of another experiment is brought to this one: only stages whose part changed run.
    """
    run_dir = Path(run_dir)
    chain = order(stages_for(experiment) if stages is None else stages)
    names = [s.name for s in chain]
    for name in [*force, *([until] if until else [])]:
        if name not in names:
            raise InputError(f"there is no stage {name!r}; there are {', '.join(names)}")
    if until is not None:
        wanted = _needed(chain, until)
        chain = [s for s in chain if s.name in wanted]
    report = progress or (lambda _: None)
    start = time.monotonic()
    ran, skipped, figures = [], [], {}
    with exclusive(run_dir / "run", "running in this directory"), _stop_on_signals(stop) as stopping:
        _save_experiment(experiment, run_dir)
        for stage in chain:
            key = _key(stage, experiment, run_dir)
            if stage.name not in force and not _stale(stage, key, run_dir):
                report(ProgressEvent(stage.name, "skipped"))
                _started_path(run_dir, stage.name).unlink(missing_ok=True)
                skipped.append(stage.name)
            else:
                _run_stage(stage, key, experiment, run_dir, report, stopping)
                ran.append(stage.name)
            figures[stage.name] = read_json(manifest_path(run_dir, stage.name))["figures"]
    return RunResult(run_dir, tuple(ran), tuple(skipped), time.monotonic() - start, figures)


def rerun_stage(
    run_dir: str | Path,
    name: str,
    *,
    progress: Report | None = None,
    stages: Sequence[Stage] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Runs one stage of a finished run again, and its manifest with it; what it needs is left as it is.

    For work outside of the stages (`elterra evaluate`) that changes what the stage reads. Raises as `run_experiment`.
    """
    run_dir = Path(run_dir)
    experiment = saved_run(run_dir)
    stage = next(s for s in (stages_for(experiment) if stages is None else stages) if s.name == name)
    with exclusive(run_dir / "run", "running in this directory"), _stop_on_signals(stop) as stopping:
        key = _key(stage, experiment, run_dir)
        _run_stage(stage, key, experiment, run_dir, progress or (lambda _: None), stopping)


def status(
    run_dir: str | Path,
    experiment: Experiment | Region | None = None,
    *,
    stages: Sequence[Stage] | None = None,
) -> list[StageStatus]:
    """The state of each stage in `run_dir`; reads only, so a running process is not disturbed."""
    run_dir = Path(run_dir)
    experiment = experiment or saved_run(run_dir)
    found: list[StageStatus] = []
    for stage in order(stages_for(experiment) if stages is None else stages):
        manifest = read_json(manifest_path(run_dir, stage.name))
        started = _started_path(run_dir, stage.name).exists()
        upstream = [f for f in found if f.name in stage.needs and f.state != "done"]
        if started and manifest is None:
            live = read_json(run_dir / "manifest" / "progress.json") or {}
            mine = live if live.get("stage") == stage.name else {}
            numbers = mine.get("seconds", 0.0), mine.get("done", 0), mine.get("total", 0)
            found.append(StageStatus(stage.name, "partial", mine.get("message", ""), *numbers))
        elif manifest is None:
            found.append(StageStatus(stage.name, "waiting"))
        elif upstream:
            found.append(StageStatus(stage.name, "stale", f"{upstream[0].name} is not done"))
        else:
            reason = _stale(stage, _key(stage, experiment, run_dir), run_dir)
            state: Literal["stale", "done"] = "stale" if reason else "done"
            found.append(StageStatus(stage.name, state, reason, manifest["seconds"]))
    return found


def saved_run(run_dir: str | Path) -> Experiment | Region:
    """The experiment or the region that was last run in `run_dir`."""
    path = Path(run_dir) / "experiment.json"
    saved = read_json(path)
    if saved is None:
        raise InputError(f"{run_dir}: no run here (no experiment.json). Start one with `elterra run`.")
    kind = Region if "site" not in saved["experiment"] else Experiment
    return kind.from_plain(saved["experiment"], where=str(path), folder=Path(saved["folder"]))


def saved_experiment(run_dir: str | Path) -> Experiment:
    """The reanalysis of a station that was last run in `run_dir`. Raises InputError where a region was."""
    saved = saved_run(run_dir)
    if isinstance(saved, Region):
        raise InputError(f"{run_dir}: this is the run of a region; the reanalysis of a station is expected")
    return saved


def _save_experiment(experiment: Experiment | Region, run_dir: Path) -> None:
    plain = experiment.model_dump(mode="json")
    write_json(run_dir / "experiment.json", {"experiment": plain, "folder": str(experiment.folder)})


def _needed(chain: Sequence[Stage], until: str) -> set[str]:
    wanted = {until}
    for stage in reversed(chain):
        if stage.name in wanted:
            wanted |= set(stage.needs)
    return wanted


def _started_path(run_dir: Path, stage: str) -> Path:
    return run_dir / "manifest" / f"{stage}.started"


def _key(stage: Stage, experiment: Experiment | Region, run_dir: Path) -> str:
    """Content hash of all that the results of `stage` depend on."""
    before = {}
    for name in stage.needs:
        manifest = read_json(manifest_path(run_dir, name))
        before[name] = manifest["digest"] if manifest else None
    inputs = {}
    for path in stage.inputs(experiment) if stage.inputs else ():
        if not path.is_file():
            raise InputError(f"stage {stage.name}: there is no file {path}")
        inputs[path.name] = sha256_of(path)
    parts = {
        "stage": stage.name,
        "version": stage.version,
        "package": elterra.__version__,
        "code": {room: _code_hash(room) for room in stage.code},
        "experiment": plain_section(experiment, stage.sections),
        "needs": before,
        "inputs": inputs,
        "reads": {name: sha256_of(run_dir / name) for name in stage.reads if (run_dir / name).is_file()},
    }
    return digest_of(parts)


@cache
def _code_hash(room: str) -> str:
    """Hash of the source files of a module or package, found without importing it."""
    try:
        spec = importlib.util.find_spec(room)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise StageError(f"{room} is not in this installation of elterra")
    origin = Path(spec.origin)
    files = [origin]
    if spec.submodule_search_locations:
        files = [p for p in origin.parent.rglob("*") if p.suffix in {".py", ".toml", ".html", ".js", ".css"}]
    base = origin.parent
    return digest_of({p.relative_to(base).as_posix(): sha256_of(p) for p in sorted(files)})


def _stale(stage: Stage, key: str, run_dir: Path) -> str:
    """Why the stage must run; empty if its results stand."""
    manifest = read_json(manifest_path(run_dir, stage.name))
    if manifest is None:
        return "not run yet"
    if manifest["key"] != key:
        return "its settings, inputs, code or an earlier result changed"
    for name, record in manifest["outputs"].items():
        path = run_dir / name
        if not path.is_file():
            return f"output {name} is gone"
        if path.stat().st_size != record["bytes"] or sha256_of(path) != record["sha256"]:
            return f"output {name} is not what was written"
    if stage.intact is not None and not stage.intact(run_dir, manifest["digests"]):
        return "its results in the store changed"
    return ""


def _run_stage(
    stage: Stage,
    key: str,
    experiment: Experiment | Region,
    run_dir: Path,
    report: Report,
    stop: threading.Event,
) -> None:
    started = _started_path(run_dir, stage.name)
    resuming = started.exists() and started.read_text(encoding="utf-8").strip() == key
    if not resuming:
        # The manifest goes before the results it speaks of: a manifest that is there is always true.
        manifest_path(run_dir, stage.name).unlink(missing_ok=True)
        started.unlink(missing_ok=True)
        for name in (stage.name, *stage.owns):
            _remove(run_dir, name)
        write_atomically(started, key + "\n")
    context = Context(stage, experiment, run_dir, resuming=resuming, report=report, stop=stop)
    begin = time.monotonic()
    report(ProgressEvent(stage.name, "started", message="resuming" if resuming else ""))
    try:
        context.check_stop()
        result = stage.function()(context)
        manifest = _manifest(stage, key, result, run_dir, time.monotonic() - begin)
    except Interrupted as error:
        report(ProgressEvent(stage.name, "interrupted", message=str(error), seconds=time.monotonic() - begin))
        raise
    except BaseException as error:
        report(ProgressEvent(stage.name, "failed", message=str(error), seconds=time.monotonic() - begin))
        raise
    write_json(manifest_path(run_dir, stage.name), manifest)
    started.unlink()  # killed just before: the manifest counts
    report(ProgressEvent(stage.name, "finished", seconds=manifest["seconds"]))


def _remove(run_dir: Path, name: str) -> None:
    path = run_dir / name
    if not path.resolve().is_relative_to(run_dir.resolve()) or path.resolve() == run_dir.resolve():
        raise StageError(f"{name!r} is not inside of the run directory")
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _manifest(stage: Stage, key: str, result: StageResult, run_dir: Path, seconds: float) -> dict[str, Any]:
    outputs = {}
    for name in result.outputs:
        path = run_dir / name
        if not path.is_file():
            raise StageError(f"stage {stage.name} names {name} as its output, but there is no such file")
        outputs[name] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    digests = dict(result.digests)
    return {
        "stage": stage.name,
        "version": stage.version,
        "package": elterra.__version__,
        "key": key,
        "outputs": outputs,
        "digests": digests,
        "digest": digest_of({"outputs": outputs, "digests": digests}),
        "figures": {k: float(v) for k, v in result.figures.items()},
        "seconds": round(seconds, 3),
    }


@contextmanager
def _stop_on_signals(stop: threading.Event | None) -> Iterator[threading.Event]:
    """SIGTERM and SIGINT ask for a stop; the same signal again ends the process at once."""
    event = stop or threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def ask(number: int, _frame: object) -> None:
        event.set()
        signal.signal(number, signal.SIG_DFL)

    before = {n: signal.signal(n, ask) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            try:
                signal.signal(number, handler)
            except (TypeError, ValueError) as error:
                warnings.warn(f"signal {number} keeps its handler: {error}", stacklevel=2)
