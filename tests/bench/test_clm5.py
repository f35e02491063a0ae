"""The bench of the reference runs: which cases, what is kept, what the table says."""

from __future__ import annotations

import json

import numpy as np
import pytest

import elterra.cli._app as cli
from elterra.bench import clm5
from elterra.errors import InputError


@pytest.fixture
def root(tmp_path):
    for name in ("sp_davos", "sp_davos_step", "bgc_davos", "ppe_bgc_rur"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lnd_in").write_text("&a\n/\n")
    (tmp_path / "forcing").mkdir()
    return tmp_path


def test_cases_are_chosen_by_name_part_and_mode(root):
    assert clm5.chosen(root, None, None, False) == ["sp_davos", "sp_davos_step", "bgc_davos", "ppe_bgc_rur"]
    assert clm5.chosen(root, "sp_davos", None, False) == ["sp_davos"]  # a whole name is that case alone
    assert clm5.chosen(root, "davos", "bgc", False) == ["bgc_davos"]
    assert clm5.chosen(root, None, "bgc", False) == ["bgc_davos", "ppe_bgc_rur"]
    assert clm5.chosen(root, None, None, True) == ["sp_davos", "bgc_davos"]
    with pytest.raises(InputError, match="no case"):
        clm5.chosen(root, "mars", None, False)
    with pytest.raises(InputError, match="--mode"):
        clm5.chosen(root, None, "fates", False)


def test_a_missing_folder_is_told_with_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setenv("ELTERRA_SHARED", str(tmp_path))
    with pytest.raises(InputError, match="ELTERRA_SHARED"):
        clm5.reference_folder()


def test_a_finished_case_is_not_run_again_and_a_changed_one_is(root, monkeypatch, tmp_path):
    monkeypatch.setenv("ELTERRA_CACHE", str(tmp_path / "cache"))
    runs = []
    monkeypatch.setattr(clm5, "run_case", lambda path, days: runs.append(path.name) or {"LE.daily.r2": 0.5})
    first = clm5.measure(case="sp_davos", folder=root)
    assert first["sp_davos.LE.daily.r2"] == 0.5
    assert clm5.measure(case="sp_davos", folder=root) == first
    (root / "sp_davos" / "lnd_in").write_text("&other\n/\n")
    clm5.measure(case="sp_davos", folder=root)
    assert runs == ["sp_davos", "sp_davos"]


def test_targets_are_those_of_the_mode():
    figures = {f"sp_x.LE.daily.{k}": v for k, v in (("r2", 0.99), ("relbias", 0.02), ("rmse", 1.0))}
    assert clm5.target_met("sp_x", "LE", figures) is True
    assert clm5.target_met("bgc_x", "LE", figures) is None
    assert clm5.target_met("sp_x", "LE", figures | {"sp_x.LE.daily.relbias": -0.04}) is False
    snow = {"sp_x.SWE.daily.rmse": 2.5, "sp_x.SWE.maximum": 60.0}
    assert clm5.target_met("sp_x", "SWE", snow) is True  # 5 % of the maximum
    assert clm5.target_met("sp_x", "SWE", snow | {"sp_x.SWE.maximum": 30.0}) is False


def test_the_table_has_a_row_a_variable_and_says_what_is_missed():
    from rich.console import Console

    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    figures = {"sp_x.LE.daily.r2": 0.9, "sp_x.LE.daily.relbias": 0.1, "sp_x.LE.daily.rmse": 3.25}
    clm5.table(figures | {"sp_x.kmax.LE.response_ratio": 0.8}, console.print)
    text = console.export_text()
    assert "0.9000" in text
    assert "+10.00" in text
    assert "missed" in text
    assert "sp_x.kmax.LE.response_ratio" in text


def test_responses_are_ours_over_clms(tmp_path):
    import xarray as xr

    def write(name, value):
        lh = np.full((365, 1), value)
        xr.Dataset(
            {"EFLX_LH_TOT": (("time", "lndgrid"), lh)}, coords={"time": ("time", np.arange(365.0))}
        ).to_netcdf(tmp_path / name, engine="h5netcdf")
        return name

    files = {"base": write("b.nc", 10.0), "k_lo": write("l.nc", 9.0), "k_hi": write("h.nc", 12.0)}

    class Case:
        path = tmp_path
        members = tuple(type("M", (), {"name": n})() for n in files)

        @staticmethod
        def cell_mean(values):
            return values[..., None]

    daily = {"LE": np.broadcast_to([20.0, 19.0, 19.0], (365, 3))}
    figures = clm5._responses(Case, daily, files)
    assert figures["k_lo.LE.response_ratio"] == pytest.approx(0.5)
    assert figures["k_hi.LE.response_ratio"] == pytest.approx(-0.25)
    assert figures["k.LE.response_ratio"] == pytest.approx(0.0)
    assert figures["responses.wrong_sign"] == 1


def test_options_of_this_bench_belong_to_it_alone(capsys):
    assert cli._call(["bench", "import", "--mode", "sp", "--json"], False) == 2
    assert "clm5" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_folder_that_is_no_case_is_bad_input(tmp_path, capsys):
    assert cli._call(["clm", "run-embedded", str(tmp_path)], False) == 2
    assert "lnd_in" in capsys.readouterr().err
    assert cli._call(["clm", "compare", str(tmp_path), str(tmp_path)], False) == 2
