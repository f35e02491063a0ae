"""What a stage is, and what it is given."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from elterra.errors import ElterraError
from elterra.experiment import Experiment, Region
from elterra.files import read_json, write_json

State = Literal["started", "running", "finished", "skipped", "failed", "interrupted"]


class StageError(ElterraError):
    """A stage cannot be run as asked."""


class Interrupted(ElterraError):
    """The run was asked to stop and did, at a checkpoint; `elterra resume` goes on from there."""


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One line of progress. ``total`` is 0 while it is not known."""

    stage: str
    state: State
    done: int = 0
    total: int = 0
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage made.

    ``outputs``: files, relative to the run directory; their sha256 goes into the manifest and is checked
    before the stage is skipped. ``digests``: hashes of results that are not plain files (name -> hex), such
    as `Store.content_hash()`. ``figures``: numbers worth showing (name -> number).
    """

    outputs: Sequence[str] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the pipeline.

    ``run``: a function of a `Context` that returns a `StageResult`, or its name as ``"module:function"``
    (imported when the stage runs). It may be called again on what an interrupted call left behind, and must
    then give the same result. ``version``: raise it when the meaning of the results changes. ``needs``:
    stages whose results it reads. ``sections``: parts of the experiment that matter to it. ``code``: modules
    or rooms whose source goes into the key. ``owns``: paths in the run directory that belong to it, removed
    when it begins anew (the folder of its name always does). ``inputs``: files outside of the run directory
    that it reads. ``reads``: files of the run directory that no stage makes; they matter where they
    exist. ``intact``: whether results given as digests are still there.
    """

    name: str
    version: int
    run: Callable[[Context], StageResult] | str
    needs: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    inputs: Callable[[Any], Sequence[Path]] | None = None
    reads: tuple[str, ...] = ()
    intact: Callable[[Path, Mapping[str, str]], bool] | None = None

    def function(self) -> Callable[[Context], StageResult]:
        if not isinstance(self.run, str):
            return self.run
        return named(self.run, self.name)


def named(entry: str, what: str) -> Callable[..., Any]:
    """The function called ``"module:function"``, imported now. Raises `StageError` if it is not installed."""
    module, _, name = entry.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise StageError(f"{what}: {module} is not in this installation of elterra") from error


class Context:
    """What a stage sees: the experiment, its folder, the results before it, progress and the wish to stop."""

    def __init__(
        self,
        stage: Stage,
        experiment: Experiment | Region,
        run_dir: Path,
        *,
        resuming: bool,
        report: Callable[[ProgressEvent], None],
        stop: threading.Event,
    ) -> None:
        self.stage, self._asked, self.run_dir = stage, experiment, run_dir
        #: what an interrupted call of this stage with the same key left is still there
        self.resuming = resuming
        self._report, self._stop, self._start = report, stop, time.monotonic()
        self._saved = 0.0

    @property
    def experiment(self) -> Experiment:
        """The reanalysis that is asked for; stages of a station read it."""
        if not isinstance(self._asked, Experiment):
            raise StageError(f"stage {self.stage.name} belongs to a station, but a region is run")
        return self._asked

    @property
    def region(self) -> Region:
        """The region that is asked for; stages of a region read it."""
        if not isinstance(self._asked, Region):
            raise StageError(f"stage {self.stage.name} belongs to a region, but a station is run")
        return self._asked

    @property
    def folder(self) -> Path:
        """The folder of this stage; exists."""
        path = self.run_dir / self.stage.name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def folder_of(self, stage: str) -> Path:
        """The folder of an earlier stage. Only stages named in ``needs`` may be read."""
        if stage not in self.stage.needs:
            raise StageError(f"stage {self.stage.name} reads {stage} but does not name it in `needs`")
        return self.run_dir / stage

    def figures_of(self, stage: str) -> Mapping[str, float]:
        """The figures an earlier stage gave."""
        self.folder_of(stage)
        return read_json(manifest_path(self.run_dir, stage))["figures"]

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Tells how far the stage is; cheap enough to call every window."""
        seconds = time.monotonic() - self._start
        self._report(ProgressEvent(self.stage.name, "running", done, total, message, seconds))
        if seconds - self._saved > 1.0:
            self._saved = seconds
            note = {"stage": self.stage.name, "done": done, "total": total, "message": message}
            write_json(self.run_dir / "manifest" / "progress.json", {**note, "seconds": seconds})

    @property
    def stop_requested(self) -> bool:
        """Whether the run was asked to end (SIGTERM, Ctrl-C): write a checkpoint, then call `check_stop`."""
        return self._stop.is_set()

    def check_stop(self) -> None:
        """Raises `Interrupted` if the run was asked to end. Call it when what is on disk can be resumed."""
        if self._stop.is_set():
            raise Interrupted(f"{self.run_dir}: stopped in stage {self.stage.name}; resume it to go on")


def manifest_path(run_dir: Path, stage: str) -> Path:
    return run_dir / "manifest" / f"{stage}.json"


def order(stages: Sequence[Stage]) -> list[Stage]:
    """The stages, each after those it needs. Raises `StageError` if that cannot be."""
    names = [s.name for s in stages]
    if len(set(names)) != len(names):
        raise StageError(f"a stage is listed twice: {names}")
    done: list[Stage] = []
    waiting = list(stages)
    while waiting:
        ready = [s for s in waiting if set(s.needs) <= {d.name for d in done}]
        if not ready:
            raise StageError(
                "stages need what is not there, or each other: "
                + "; ".join(f"{s.name} needs {', '.join(s.needs)}" for s in waiting)
            )
        done.append(ready[0])
        waiting.remove(ready[0])
    return done


def plain_section(experiment: Any, names: Sequence[str]) -> dict[str, Any]:
    """The parts of the experiment named, as JSON."""
    whole = experiment.model_dump(mode="json")
    unknown = set(names) - set(whole)
    if unknown:
        raise StageError(f"the experiment has no section {sorted(unknown)}; it has {sorted(whole)}")
    return {n: whole[n] for n in sorted(names)}
