"""The page opens in a browser, alone, and says nothing on the console."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from elterra.product import _report_data as collect
from elterra.product.load import Product
from elterra.product.report import write_report

from .synthetic import run_groups

ROWS = [
    {
        "variable": v, "scale": s, "gap": g, "method": m, "part": "all", "n": 100, "blocks": 8, "rmse":
        1.0 + k / 5,
        "bias": 0.1, "r": 0.8, "crps": 0.7, "coverage90": 0.91, "spread_skill": 1.02, "rmse_low": 0.9 + k / 5,
        "rmse_high": 1.2 + k / 5,
    }
    for v in ("NEE", "LE") for s in ("daily", "halfhourly") for g in ("gap1", "gap10", "gap30", "gap90",
    "forecast")
    for k, m in enumerate(("reanalysis", "openloop", "climatology", "mds", "trees"))
]  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    groups = run_groups()
    out = tmp_path_factory.mktemp("report") / "report.html"
    return write_report(
        Product(groups.__getitem__),
        out,
        evaluation={"table": ROWS},
        provenance={"experiment_sha256": "ab" * 32},
    )


def test_the_page_is_one_file_that_loads_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text) < 8_000_000
    assert "Synthetic &lt;forest&gt;" in text
    assert "{{" not in text
    assert not re.search(r'(?:src|href)\s*=\s*["\'](?!data:|#)', text)
    assert "http://" not in text
    assert "https://" not in text


def test_missing_groups_leave_their_sections_out(tmp_path: Path) -> None:
    groups = {k: v for k, v in run_groups(days=60).items() if k in ("halfhourly", "daily")}
    write_report(Product(groups.__getitem__), tmp_path / "page.html")
    with pytest.raises(KeyError, match="daily"):
        write_report(Product({}.__getitem__), tmp_path / "none.html")


def test_packed_numbers_come_back_within_their_resolution() -> None:
    import base64

    values = np.array([1.0, np.nan, -3.0, 7.5])
    packed = collect.pack(values)
    whole = np.frombuffer(base64.b64decode(packed["d"]), "<i2")
    back = np.where(whole == -32768, np.nan, packed["o"] + whole * packed["s"])
    np.testing.assert_allclose(back, values, atol=10.5 / 65_000)


def test_yearly_budget_terms_close() -> None:
    budget = run_groups(days=400)["budget"]
    for item in collect.budgets(budget):
        total, rounding = np.zeros(len(item["years"])), np.zeros(len(item["years"]))
        for term in item["terms"]:
            sign = {
                "flux": 1,
                "increment": 1,
                "smoothing": -1,
                "discrepancy": -1,
                "storage": -1,
                "residual": 0,
            }[term["role"]]
            total += sign * np.array(term["yearly"])
            rounding += 5e-6 * np.abs(term["yearly"])  # the page shows six digits
        assert (np.abs(total) <= rounding + 1e-9).all()


def test_budget_terms_have_the_signs_and_names_of_the_store() -> None:
    budget = run_groups(days=400)["budget"]
    item = next(b for b in collect.budgets(budget) if b["name"] == "water")
    year = budget.isel(time=budget["time"].dt.year == item["years"][0])
    found = {t["label"]: t["yearly"][0] for t in item["terms"]}
    for role in ("increment", "smoothing", "discrepancy"):
        assert found[f"{role} of water"] == pytest.approx(float(year[f"{role}_water"].sum()), rel=1e-5)
    assert [t["role"] for t in item["terms"]] == [
        "storage", "flux", "flux", "increment", "smoothing", "discrepancy", "residual",
    ]  # fmt: skip


def _chromium() -> str:
    path = next(
        (p for p in ("/usr/bin/chromium", shutil.which("chromium") or "") if p and os.path.exists(p)), ""
    )
    if not path:
        pytest.skip("no chromium on this machine")
    return path


def browse(page: Path, profile: Path, *more: str) -> subprocess.CompletedProcess[str]:
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--enable-logging=stderr",
        "--v=0",
        "--virtual-time-budget=15000",
    ]
    return subprocess.run(
        [_chromium(), *flags, f"--user-data-dir={profile}", *more, page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip


def test_a_browser_draws_the_page_without_a_console_message(page: Path, tmp_path: Path) -> None:
    done = browse(page, tmp_path / "profile", "--window-size=1280,1000", "--dump-dom")
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert console == []
    assert 'data-ready="yes"' in done.stdout
    for part in (
        "series",
        "fingerprints",
        "cycles",
        "budgets",
        "soil",
        "scores",
        "innovations",
        "provenance",
    ):
        assert f'<section id="{part}">' in done.stdout
    assert done.stdout.count("<canvas") > 15


@pytest.mark.parametrize("broken", ["not base64", ""])
def test_a_browser_reports_a_damaged_page(page: Path, tmp_path: Path, broken: str) -> None:
    text = re.sub(r'(id="data">)[^<]*', rf"\g<1>{broken}", page.read_text(encoding="utf-8"))
    bad = tmp_path / "bad.html"
    bad.write_text(text, encoding="utf-8")
    done = browse(bad, tmp_path / "profile", "--dump-dom")
    assert 'data-ready="failed"' in done.stdout
    assert any("CONSOLE" in line for line in done.stderr.splitlines())


def test_scores_are_read_from_beside_the_run(tmp_path: Path) -> None:
    import zarr  # noqa: F401

    run = tmp_path / "run"
    for name, group in run_groups(days=40).items():
        if name in ("halfhourly", "daily"):
            group.to_zarr(run / "product.zarr", group=name, mode="a", consolidated=False)
    (run / "evaluation.json").write_text(json.dumps({"table": ROWS}), encoding="utf-8")
    write_report(run, tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size > 30_000
