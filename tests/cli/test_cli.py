"""The command line: what it prints, what a machine reads, how it fails."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import types
from pathlib import Path

import pytest

import elterra.cli._app as cli
from elterra.errors import ElterraError, InputError
from elterra.experiment import load_experiment
from elterra.pipeline import Interrupted, ProgressEvent, Stage, StageResult

ROOT = Path(__file__).parents[2]
VERBS = ["demo", "new", "check", "run", "status", "resume", "evaluate", "report", "bench", "info"]


def call(*words: str) -> int:
    return cli._call([w for w in words if w != "--debug"], "--debug" in words)


@pytest.fixture
def toy_stages(monkeypatch):
    """Two small stages in place of those of the reanalysis."""

    def one(context):
        for i in range(20):
            context.progress(i + 1, 20, "steps")
        return StageResult(figures={"sum": 2.0})

    def two(context):
        context.folder.joinpath("x.txt").write_text("x")
        return StageResult(outputs=["two/x.txt"])

    chain = (Stage("one", 1, one), Stage("two", 1, two, needs=("one",), sections=("ensemble",)))
    monkeypatch.setattr("elterra.pipeline._run.stages_for", lambda _: chain)
    return chain


@pytest.fixture
def experiment(tmp_path) -> str:
    path = tmp_path / "toy.yaml"
    path.write_text(
        "name: toy\nsite: ch-dav\ndata: {record: packaged, reader: packaged}\n"
        "period: {start: 2013-01-01, end: 2014-12-31}\n"
    )
    return str(path)


def cpu_seconds(*words: str) -> float:
    """Best processor time of three fresh processes: waiting for other processes does not count."""
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


@pytest.fixture
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


@pytest.mark.usefixtures("importable")
def test_help_and_import_are_fast():
    assert cpu_seconds("-m", "elterra", "--help") <= 0.3
    assert cpu_seconds("-m", "elterra", "clm", "compare", "--help") <= 0.3
    assert cpu_seconds("-c", "import elterra") <= 0.5


@pytest.mark.usefixtures("importable")
def test_help_imports_no_heavy_library():
    code = (
        "import sys, elterra.cli\n"
        "heavy = {'jax', 'numpy', 'xarray', 'pandas', 'zarr', 'pydantic', 'rich', 'yaml', 'matplotlib'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(verb, capsys):
    assert call(verb, "--help") == 0
    assert f"elterra {verb}" in capsys.readouterr().out


def test_check_tells_what_a_file_asks_for(experiment, capsys):
    assert call("check", experiment, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["days"] == 730
    assert told["observed"] == ["NEE", "LE", "SWC"]
    assert told["hash"] == load_experiment(experiment).content_hash()
    assert call("check", experiment) == 0
    assert "ch-dav" in capsys.readouterr().out


def test_a_bad_file_is_one_clear_block_without_traceback(tmp_path, capsys):
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: toy\nsite: ch-dav\nperriod: 3\n")
    assert call("check", str(bad)) == cli.BAD_INPUT
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "line 3: perriod: unknown key; did you mean `period`" in seen.err
    assert "Traceback" not in seen.err
    assert call("check", str(bad), "--json") == cli.BAD_INPUT
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "InputError"
    assert call("check", str(bad), "--debug") == cli.BAD_INPUT
    assert "Traceback" in capsys.readouterr().err


def test_a_record_that_is_not_there_is_told_by_check(tmp_path, capsys):
    path = tmp_path / "x.yaml"
    path.write_text(
        "name: x\nsite: ch-dav\ndata: {record: no.csv, reader: fluxnet}\n"
        "period: {start: 2013-01-01, end: 2014-12-31}\n"
    )
    assert call("check", str(path)) == cli.BAD_INPUT
    assert "no.csv" in capsys.readouterr().err


def test_wrong_words_are_refused(capsys):
    assert call("run") == 2
    assert call("nonsense") == 2
    assert call("run", "x.yaml", "--nope") == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("toy_stages")
def test_run_status_resume(experiment, tmp_path, capsys):
    run_dir = str(tmp_path / "run")
    assert call("run", experiment, "--run", run_dir, "--until", "one", "--json") == 0
    seen = capsys.readouterr()
    told = json.loads(seen.out)
    assert told["ran"] == ["one"]
    assert told["figures"] == {"one": {"sum": 2.0}}
    events = [json.loads(line) for line in seen.err.splitlines()]
    assert events[0]["state"] == "started"
    assert events[-1]["state"] == "finished"
    assert call("status", run_dir, "--json") == 0
    found = json.loads(capsys.readouterr().out)["stages"]
    assert [(s["name"], s["state"]) for s in found] == [("one", "done"), ("two", "waiting")]
    assert call("resume", run_dir) == 0
    seen = capsys.readouterr()
    assert "one: unchanged" in seen.err
    assert "two: done in" in seen.err
    assert f"elterra evaluate {run_dir}" in seen.out
    assert call("status", run_dir) == 0
    assert "waiting" not in capsys.readouterr().out
    assert call("run", experiment, "--run", run_dir, "--force", "two", "--json") == 0
    assert json.loads(capsys.readouterr().out)["ran"] == ["two"]


@pytest.mark.usefixtures("toy_stages")
def test_plain_progress_is_a_line_each_tenth(experiment, tmp_path, capsys):
    assert call("run", experiment, "--run", str(tmp_path / "run")) == 0
    lines = [x for x in capsys.readouterr().err.splitlines() if " of 20 " in x]
    assert len(lines) == 10


@pytest.mark.usefixtures("toy_stages")
def test_a_terminal_gets_bars(experiment, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert call("run", experiment, "--run", str(tmp_path / "run")) == 0
    assert "20/20" in capsys.readouterr().err


@pytest.mark.usefixtures("toy_stages")
def test_demo_runs_the_packaged_experiment(tmp_path, capsys):
    assert call("demo", "--run", str(tmp_path / "run"), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["experiment"] == load_experiment(ROOT / "examples" / "davos.yaml").content_hash()


def test_the_packaged_example_is_the_one_of_the_repository():
    packaged = ROOT / "src" / "elterra" / "examples" / "davos.yaml"
    assert packaged.read_text() == (ROOT / "examples" / "davos.yaml").read_text()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("bad units"), 2, "error: bad units"),
        (ElterraError("no space"), 1, "error: no space"),
        (Interrupted("at a checkpoint"), 75, "stopped: at a checkpoint"),
        (ZeroDivisionError("oops"), 70, "fault of elterra"),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(
    experiment, tmp_path, capsys, monkeypatch, error, code, words
):
    def fail(*_args, **_options):
        raise error

    monkeypatch.setattr("elterra.pipeline.run_experiment", fail)
    assert call("run", experiment, "--run", str(tmp_path / "r")) == code
    assert words in capsys.readouterr().err


def test_resume_of_nothing_is_bad_input(tmp_path, capsys):
    assert call("resume", str(tmp_path)) == cli.BAD_INPUT
    assert "no run here" in capsys.readouterr().err


def given(monkeypatch, name: str, **functions) -> None:
    """A module in place of one that another part of the package provides."""
    import elterra.product

    module = types.ModuleType(f"elterra.product.{name}")
    for key, function in functions.items():
        setattr(module, key, function)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(elterra.product, name, module, raising=False)


def test_evaluate_prints_the_figures_contract(tmp_path, capsys, monkeypatch):
    def evaluate_run(run_dir, *, progress):
        progress(ProgressEvent("variant1", "running", 1, 2))
        return {"NEE.daily.gap30.reanalysis.rmse": 1.25}

    monkeypatch.setattr("elterra.pipeline.evaluate_run", evaluate_run)
    assert call("evaluate", str(tmp_path), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"name", "figures", "seconds", "machine", "version"}
    assert told["figures"] == {"NEE.daily.gap30.reanalysis.rmse": 1.25}
    assert call("evaluate", str(tmp_path)) == 0
    assert "1.25" in capsys.readouterr().out


def test_report_tells_where_the_page_is(tmp_path, capsys, monkeypatch):
    def write_report(run_dir, out):
        out.write_text("<html>")
        return out

    monkeypatch.setattr("elterra.pipeline.steps.report.write_run_report", write_report)
    assert call("report", str(tmp_path), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"path": str(tmp_path / "report.html"), "bytes": 6}


def test_info_tells_versions_schema_and_registry(capsys):
    assert call("info", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["versions"]["elterra"]
    assert told["versions"]["jax"] != "missing"
    assert call("info", "--schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Experiment"
    for table in ("--variables", "--parameters"):
        assert call("info", table, "--json") == 0
        assert all(v["description"] for v in json.loads(capsys.readouterr().out).values())
        assert call("info", table) == 0
        assert capsys.readouterr().out


def test_json_has_no_nan(capsys):
    from elterra.cli._output import emit

    emit({"a": float("nan"), "b": [float("inf"), 1.0], "c": {"d": -float("inf")}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.0], "c": {"d": None}}
