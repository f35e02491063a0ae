"""The pipeline: each step once, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from elterra.errors import ElterraError, InputError
from elterra.experiment import Experiment
from elterra.files import Locked, exclusive
from elterra.pipeline import (
    Context,
    Interrupted,
    Stage,
    StageError,
    StageResult,
    rerun_stage,
    run_experiment,
    saved_experiment,
    stages,
    status,
)


def experiment(**changes) -> Experiment:
    plain = {
        "name": "toy",
        "site": "ch-dav",
        "data": {"record": "packaged", "reader": "packaged"},
        "period": {"start": "2013-01-01", "end": "2014-12-31"},
        **changes,
    }
    return Experiment.from_plain(plain)


class Toys:
    """Three stages; `calls` counts what ran, `resumed` what was resumed."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.resumed: list[str] = []
        self.fail: str | None = None
        self.hook = lambda context: None
        self.version = 1

    def _run(self, context: Context) -> StageResult:
        name = context.stage.name
        self.calls.append(name)
        if context.resuming:
            self.resumed.append(name)
        text = "".join((context.folder_of(n) / "out.txt").read_text() for n in context.stage.needs)
        half = context.folder / "half.txt"
        if not half.exists():
            half.write_text(text + name)
        context.progress(1, 2, "half")
        self.hook(context)
        if self.fail == name:
            raise ElterraError(f"{name} broke")
        members = context.experiment.ensemble.members if name == "b" else 0
        (context.folder / "out.txt").write_text(f"{half.read_text()}{members};")
        return StageResult(outputs=[f"{name}/out.txt"], figures={"length": len(text)})

    def stages(self) -> tuple[Stage, ...]:
        return (
            Stage("c", 1, self._run, needs=("a", "b")),
            Stage("a", self.version, self._run, sections=("site",)),
            Stage("b", 1, self._run, needs=("a",), sections=("ensemble",)),
        )


@pytest.fixture
def toys() -> Toys:
    return Toys()


def run(toys: Toys, run_dir: Path, exp: Experiment | None = None, **options):
    toys.calls.clear()
    return run_experiment(exp or experiment(), run_dir, stages=toys.stages(), **options)


def test_stages_run_in_the_order_of_their_needs_and_only_once(toys, tmp_path):
    first = run(toys, tmp_path)
    assert first.ran == ("a", "b", "c")
    assert (tmp_path / "c" / "out.txt").read_text() == "a0;a0;b64;c0;"
    assert first.figures["c"] == {"length": 10.0}
    second = run(toys, tmp_path)
    assert second.ran == ()
    assert second.skipped == ("a", "b", "c")
    assert toys.calls == []
    assert [s.state for s in status(tmp_path, stages=toys.stages())] == ["done"] * 3


def test_a_change_reruns_what_depends_on_it_and_nothing_else(toys, tmp_path):
    run(toys, tmp_path)
    changed = experiment(ensemble={"members": 8})
    states = {s.name: s.state for s in status(tmp_path, changed, stages=toys.stages())}
    assert states == {"a": "done", "b": "stale", "c": "stale"}
    assert run(toys, tmp_path, changed).ran == ("b", "c")
    assert run(toys, tmp_path, experiment(ensemble={"members": 8}, engine={"threads": 2})).ran == ()
    toys.version = 2
    assert run(toys, tmp_path, changed).ran == ("a",), "same output of a: nothing after it is run again"


def test_force_and_until(toys, tmp_path):
    assert run(toys, tmp_path, until="b").ran == ("a", "b")
    assert [s.state for s in status(tmp_path, stages=toys.stages())] == ["done", "done", "waiting"]
    assert run(toys, tmp_path, force=["b"]).ran == ("b", "c")
    with pytest.raises(InputError, match="no stage 'z'"):
        run(toys, tmp_path, until="z")


@pytest.mark.parametrize("damage", ["change", "remove"])
def test_an_output_that_is_not_what_was_written_is_made_again(toys, tmp_path, damage):
    run(toys, tmp_path)
    out = tmp_path / "b" / "out.txt"
    good = out.read_text()
    out.write_text(good.swapcase()) if damage == "change" else out.unlink()
    stale = status(tmp_path, stages=toys.stages())[1]
    assert stale.state == "stale"
    assert "b/out.txt" in stale.reason
    assert run(toys, tmp_path).ran == ("b",)
    assert out.read_text() == good


def test_a_failed_stage_is_resumed_where_it_was(toys, tmp_path):
    toys.fail = "b"
    with pytest.raises(ElterraError, match="b broke"):
        run(toys, tmp_path)
    assert [s.state for s in status(tmp_path, stages=toys.stages())] == ["done", "partial", "waiting"]
    toys.fail = None
    assert run(toys, tmp_path).ran == ("b", "c")
    assert toys.resumed == ["b"]


def test_leftovers_of_other_settings_are_not_resumed(toys, tmp_path):
    toys.fail = "b"
    with pytest.raises(ElterraError):
        run(toys, tmp_path)
    (tmp_path / "b" / "half.txt").write_text("of the old settings")
    toys.fail = None
    run(toys, tmp_path, experiment(ensemble={"members": 9}))
    assert toys.resumed == []
    assert (tmp_path / "b" / "out.txt").read_text() == "a0;b9;"


def test_what_a_stage_owns_goes_when_it_begins_anew(toys, tmp_path):
    def make(context):
        assert not (context.run_dir / "store").exists()
        (context.run_dir / "store").mkdir()
        return StageResult(digests={"store": "ab"})

    for members in (4, 5):
        stage = Stage("s", 1, make, sections=("ensemble",), owns=("store",))
        run_experiment(experiment(ensemble={"members": members}), tmp_path, stages=[stage])
    outside = Stage("t", 1, make, owns=("../elsewhere",))
    with pytest.raises(StageError, match="not inside"):
        run_experiment(experiment(), tmp_path, stages=[outside])


def test_results_in_a_store_are_checked_by_the_stage(tmp_path):
    sound = {"is": True}
    stage = Stage(
        "s",
        1,
        lambda c: StageResult(digests={"x": "1"}),
        intact=lambda _dir, digests: sound["is"] and digests == {"x": "1"},
    )
    assert run_experiment(experiment(), tmp_path, stages=[stage]).ran == ("s",)
    assert run_experiment(experiment(), tmp_path, stages=[stage]).ran == ()
    sound["is"] = False
    assert run_experiment(experiment(), tmp_path, stages=[stage]).ran == ("s",)


def test_input_files_and_code_are_part_of_the_key(tmp_path, monkeypatch):
    record = tmp_path / "record.csv"
    package = tmp_path / "lib" / "toyroom"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("A = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    stage = Stage("s", 1, lambda c: StageResult(), inputs=lambda e: [record], code=("toyroom",))
    from elterra.pipeline import _run

    def ran():
        _run._code_hash.cache_clear()
        return bool(run_experiment(experiment(), tmp_path / "run", stages=[stage]).ran)

    with pytest.raises(InputError, match=r"record\.csv"):
        ran()
    record.write_text("1")
    assert ran()
    assert not ran()
    record.write_text("2")
    assert ran()
    (package / "__init__.py").write_text("A = 2\n")
    assert ran()
    assert not ran()


def test_two_runs_in_one_directory_are_refused_soon(toys, tmp_path):
    with exclusive(tmp_path / "run", "running in this directory"):
        start = time.monotonic()
        with pytest.raises(Locked, match=rf"process {os.getpid()}"):
            run(toys, tmp_path)
        assert time.monotonic() - start < 5


def test_a_stop_is_honoured_at_a_checkpoint_and_the_run_can_go_on(toys, tmp_path):
    stop = threading.Event()

    def hook(context):
        if context.stage.name == "b":
            stop.set()
            context.check_stop()

    toys.hook = hook
    with pytest.raises(Interrupted, match="stage b"):
        run(toys, tmp_path, stop=stop)
    toys.hook = lambda context: None
    assert run(toys, tmp_path).ran == ("b", "c")
    assert toys.resumed == ["b"]


def test_sigterm_asks_for_a_stop_and_the_handler_is_put_back(toys, tmp_path):
    before = signal.getsignal(signal.SIGTERM)

    def hook(context):
        os.kill(os.getpid(), signal.SIGTERM)
        assert context.stop_requested
        context.check_stop()

    toys.hook = hook
    with pytest.raises(Interrupted):
        run(toys, tmp_path)
    assert signal.getsignal(signal.SIGTERM) is before


def test_progress_tells_each_step(toys, tmp_path):
    events = []
    run(toys, tmp_path, progress=events.append)
    assert [(e.stage, e.state) for e in events[:3]] == [("a", "started"), ("a", "running"), ("a", "finished")]
    assert (events[1].done, events[1].total, events[1].message) == (1, 2, "half")
    again = []
    run(toys, tmp_path, progress=again.append)
    assert {e.state for e in again} == {"skipped"}


def test_a_stage_reads_only_what_it_names(tmp_path):
    bad = Stage("x", 1, lambda c: c.folder_of("y"))
    with pytest.raises(StageError, match="does not name it"):
        run_experiment(experiment(), tmp_path, stages=[bad])


@pytest.mark.parametrize(
    ("list_", "text"),
    [
        ([("a", ("b",)), ("b", ("a",))], "need"),
        ([("a", ("z",))], "z"),
        ([("a", ()), ("a", ())], "twice"),
    ],
)
def test_impossible_lists_of_stages_are_refused(tmp_path, list_, text):
    chain = [Stage(n, 1, lambda c: StageResult(), needs=needs) for n, needs in list_]
    with pytest.raises(StageError, match=text):
        run_experiment(experiment(), tmp_path, stages=chain)


def test_an_output_that_was_not_written_is_an_error(tmp_path):
    stage = Stage("s", 1, lambda c: StageResult(outputs=["s/none.txt"]))
    with pytest.raises(StageError, match=r"s/none\.txt"):
        run_experiment(experiment(), tmp_path, stages=[stage])


def test_a_damaged_manifest_is_named(toys, tmp_path):
    run(toys, tmp_path)
    (tmp_path / "manifest" / "a.json").write_text("{")
    with pytest.raises(ElterraError, match=r"a\.json: unreadable"):
        run(toys, tmp_path)


def test_the_experiment_is_kept_with_the_run(toys, tmp_path):
    run(toys, tmp_path)
    assert saved_experiment(tmp_path) == experiment()
    assert json.loads((tmp_path / "experiment.json").read_text())["experiment"]["name"] == "toy"
    with pytest.raises(InputError, match="no run here"):
        saved_experiment(tmp_path / "other")


def test_a_stage_that_reads_what_no_stage_makes_is_run_again_alone(tmp_path):
    calls: list[str] = []

    def page(context: Context) -> StageResult:
        calls.append(context.stage.name)
        scores = context.run_dir / "scores.txt"
        (context.folder / "page.txt").write_text(scores.read_text() if scores.exists() else "no scores")
        return StageResult(outputs=[f"{context.stage.name}/page.txt"])

    chain = (Stage("made", 1, page), Stage("page", 1, page, needs=("made",), reads=("scores.txt",)))

    def states() -> list[str]:
        return [s.state for s in status(tmp_path, stages=chain)]

    run_experiment(experiment(), tmp_path, stages=chain)
    assert states() == ["done", "done"]
    (tmp_path / "scores.txt").write_text("0.8")
    assert states() == ["done", "stale"]
    calls.clear()
    rerun_stage(tmp_path, "page", stages=chain)
    assert calls == ["page"]
    assert (tmp_path / "page" / "page.txt").read_text() == "0.8"
    assert states() == ["done", "done"]
    assert run_experiment(experiment(), tmp_path, stages=chain).ran == ()


def test_the_page_is_stale_when_scores_change_and_evaluate_runs_its_stage_again():
    report = next(s for s in stages() if s.name == "report")
    assert report.reads == ("scores/evaluation.json",)
    assert "elterra.product" in report.code


def test_the_reanalysis_has_its_nine_stages_and_imports_none_of_them():
    assert [s.name for s in stages()] == [
        "domain",
        "forcing",
        "observations",
        "spinup",
        "calibration",
        "discrepancy",
        "assimilation",
        "evaluation",
        "report",
    ]
    assert all(isinstance(s.run, str) for s in stages())


def test_a_stage_that_is_not_installed_is_a_clear_error(tmp_path):
    stage = Stage("s", 1, "elterra.pipeline.steps.nothing:run")
    with pytest.raises(StageError, match="not in this installation"):
        run_experiment(experiment(), tmp_path, stages=[stage])
