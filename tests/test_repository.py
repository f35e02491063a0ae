"""The repository itself: locked, addressless, licensed."""

from __future__ import annotations

import re
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


_FOLDERS = ("src", "tests", "docs", "examples", "benchmarks", "tools", ".ci")
_KINDS = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".html", ".js", ".css", ".csv", ".txt", ".cff", ""}


def _texts() -> Iterator[Path]:
    """Every text file of the tree but this one, which holds the pattern, and built or fetched things."""
    candidates = [p for p in ROOT.iterdir() if p.name not in {".git", "shared"}]
    candidates += [p for folder in _FOLDERS for p in (ROOT / folder).rglob("*")]
    for path in candidates:
        if (
            path.is_file()
            and path.suffix in _KINDS
            and path != Path(__file__)
            and "__pycache__" not in path.parts
        ):
            yield path


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


def test_the_wheel_holds_tables_templates_and_data(tmp_path):
    builder = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    (wheel,) = builder.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("elterra/")}
    there = (p.relative_to(ROOT / "src") for p in (ROOT / "src").rglob("*") if p.is_file())
    assert packed == {p.as_posix() for p in there if "__pycache__" not in p.parts}
    assert {Path(name).suffix for name in packed} >= {".py", ".toml", ".txt", ".html", ".nc", ".csv", ".yaml"}


def test_no_path_of_a_machine_is_written_down():
    pattern = re.compile(r"(?<![\w.])/(work|home|root|tmp|opt)/[\w.]")
    wrong = []
    for path in _texts():
        wrong += [
            f"{path.relative_to(ROOT)}: {m.group()}"
            for m in pattern.finditer(path.read_text(errors="replace"))
        ]
    assert wrong == []


@pytest.mark.parametrize("folder", ["src", "tests", "tools"])
def test_no_module_is_too_long(folder):
    lengths = {p.name: len(p.read_text().splitlines()) for p in (ROOT / folder).rglob("*.py")}
    assert lengths
    assert {name: n for name, n in lengths.items() if n > 600} == {}


def test_no_two_test_modules_share_a_name():
    """Modules of one name would shadow each other: the folders of tests are no packages."""
    names = Counter(p.name for p in (ROOT / "tests").rglob("*.py") if not (p.parent / "__init__.py").exists())
    assert [name for name, count in names.items() if count > 1 and name != "conftest.py"] == []
