"""The figures contract: one JSON object, stable keys, finite numbers."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

import elterra
import elterra.cli._app as cli
from elterra import bench
from elterra.bench import _registry
from elterra.errors import ElterraError, InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


def test_a_bench_prints_one_object_of_the_contract(capsys):
    assert cli._call(["bench", "import", "--quick", "--json"], False) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"name", "figures", "seconds", "machine", "version"}
    assert told["name"] == "import"
    assert told["version"] == elterra.__version__
    assert set(told["figures"]) == {"help.seconds", "import.seconds", "bare.seconds"}
    assert 0 < told["figures"]["bare.seconds"] < told["figures"]["help.seconds"]


def test_the_store_bench_measures_commits(tmp_path):
    figures = bench.run("store", quick=True, folder=tmp_path)["figures"]
    assert figures["files.after_compaction"] < figures["files.before_compaction"]
    assert figures["read_series.rows"] == 40 * 48
    assert figures["commit.ms_per_window"] > 0
    assert list(tmp_path.iterdir()) == [], "leaves nothing behind"


@pytest.mark.parametrize("name", sorted(_registry.BENCHES))
def test_each_bench_can_be_imported_and_is_documented(name):
    assert callable(importlib.import_module(_registry.BENCHES[name][0]).measure)
    assert f"bench {name}`" in (ROOT / "benchmarks" / "README.md").read_text()


@pytest.mark.parametrize("key", ["", "a b", "a..b", ".a", "a.", "ä"])
def test_keys_that_break_the_contract_are_refused(key):
    with pytest.raises(ElterraError, match="dotted key"):
        bench.contract("x", {key: 1.0}, 1.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_figures_without_meaning_are_refused(value):
    with pytest.raises(ElterraError, match="leave it out"):
        bench.contract("x", {"a.b": value}, 1.0)


def test_no_figure_is_no_result():
    with pytest.raises(ElterraError, match="no figure"):
        bench.contract("x", {}, 1.0)


def test_an_unknown_bench_is_told_with_those_that_exist(capsys):
    with pytest.raises(InputError, match="import"):
        bench.run("nothing")
    assert cli._call(["bench"], False) == 0
    assert "import" in capsys.readouterr().out


def test_the_machine_is_told_without_its_name():
    import platform

    words = bench.machine()
    assert re.search(r"\d+ cores", words)
    assert platform.node() not in words
