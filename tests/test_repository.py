"""The repository itself: locked, addressless, licensed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _pins(name: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", (ROOT / name).read_text(), re.M)
    return {n.lower().replace("_", "-"): v for n, v in found}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_hold_hashes_and_no_address(name):
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)", text, re.M)
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.M)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)


def test_every_core_dependency_is_locked_and_bounded_above():
    pins = _pins("requirements.lock")
    for requirement in PROJECT["dependencies"]:
        name = re.match(r"[A-Za-z0-9._-]+", requirement).group().lower()
        assert name in pins, name
        assert "<" in requirement, requirement


def test_the_development_lock_extends_the_runtime_lock():
    runtime, development = _pins("requirements.lock"), _pins("requirements-dev.lock")
    assert {n: development.get(n) for n in runtime} == runtime


def test_no_gpu_library_and_no_copyleft_plotting_slips_in():
    assert not [n for n in _pins("requirements-dev.lock") if n.startswith(("nvidia", "torch", "pyqt"))]


def test_version_is_the_same_everywhere():
    import elterra

    assert PROJECT["version"] == elterra.__version__
    assert f"version: {elterra.__version__}" in (ROOT / "CITATION.cff").read_text()


def test_the_licence_is_apache_2():
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["license"] == "Apache-2.0"


def test_no_path_of_a_machine_is_written_down():
    mine = Path(__file__)
    pattern = re.compile(r"(?<![\w.])/(work|home|root|tmp|opt)/[\w.]")
    wrong = []
    for folder in ("src", "tests", "docs", "examples", "benchmarks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".md", ".toml", ".yaml", ".json"} and path != mine:
                wrong += [f"{path}: {m.group()}" for m in pattern.finditer(path.read_text())]
    assert wrong == []


def test_no_module_is_too_long():
    long = {p.name: n for p in (ROOT / "src").rglob("*.py") if (n := len(p.read_text().splitlines())) > 600}
    assert long == {}
