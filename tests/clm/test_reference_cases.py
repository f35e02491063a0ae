"""Inputs of the reference runs against what CLM5 itself wrote of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from elterra.clm import open_case, read_members
from elterra.clm._files import ClmFile
from elterra.clm.surface import check_soil, read_domain

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).parents[2] / ".." / "shared"))
ROOT = SHARED / "reference" / "clm5"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="no CLM5 reference runs beside the checkout")


@pytest.fixture(scope="module")
def davos():
    case = open_case(ROOT / "sp_davos_step")
    with ClmFile(case.path / "steps.nc") as file:
        rows = np.round(file["time"] * 48.0).astype(int)
        names = (
            "TBOT",
            "QBOT",
            "RAIN",
            "SNOW",
            "PCO2",
            "FSDSVD",
            "FSDSVI",
            "FSDSND",
            "FSDSNI",
            "TLAI",
            "TSAI",
            "COSZEN",
        )
        steps = {n: file[n].astype(float) for n in names}
    return case, case.forcing(1, 17520), rows - 1, steps


def test_a_case_with_fire_reads_its_drivers(tmp_path):
    source = ROOT / "bgc_rur"
    folder = tmp_path / "bgc_rur"
    folder.mkdir()
    for other in ("params", "forcing"):
        (tmp_path / other).symlink_to(ROOT / other)
    for file in source.iterdir():
        if file.name != "lnd_in":
            (folder / file.name).symlink_to(file)
    text = (source / "lnd_in").read_text()
    assert "'nofire'" in text
    (folder / "lnd_in").write_text(text.replace("'nofire'", "'li2016crufrc'"))
    case, quiet = open_case(folder), open_case(source)
    assert (case.cfg.fire, quiet.cfg.fire) == ("li", "off")
    assert not set(case.report.missing) - set(quiet.report.missing)
    f = case.forcing(200 * 48 + 1, 48)
    np.testing.assert_array_equal(f.hdm, 200.0)
    assert f.lnfm.shape == (48, 1)
    assert float(np.min(f.lnfm)) >= 0.0
    assert not {"hdm", "lnfm"} & set(quiet.forcing(1, 1))
    with ClmFile(folder / "surfdata.nc") as file:
        assert float(case.p.gdp[0]) == float(file["gdp"].ravel()[0]) > 0.0
    assert float(case.p.abm[0]) == 8.0
    assert float(case.p.cmb_cmplt_fact_cwd[0]) == 0.28
    assert float(case.p.lightning_angle[0]) == 1.0
    assert float(quiet.p.lightning_angle[0]) < 0.1
    assert {"prec60", "rh30", "burndate"} == set(case.state()) - set(quiet.state())


@pytest.mark.parametrize(
    ("ours", "band", "theirs", "tolerance"),
    [
        ("forc_t", None, "TBOT", 1e-4),
        ("forc_q", None, "QBOT", 1e-8),
        ("forc_rain", None, "RAIN", 1e-10),
        ("forc_snow", None, "SNOW", 1e-10),
        ("forc_pco2", None, "PCO2", 1e-5),
        ("forc_solad", 0, "FSDSVD", 1e-4),
        ("forc_solad", 1, "FSDSND", 1e-4),
        ("forc_solai", 0, "FSDSVI", 1e-4),
        ("forc_solai", 1, "FSDSNI", 1e-4),
    ],
)
def test_the_weather_of_a_step_is_clms(davos, ours, band, theirs, tolerance):
    _, f, rows, steps = davos
    mine = np.asarray(f[ours])[rows]
    mine = mine[:, band] if band is not None else mine
    np.testing.assert_allclose(mine[:, 0], steps[theirs].reshape(len(rows), -1)[:, 0], atol=tolerance)


def test_leaf_area_and_sun_of_a_step_are_those_clm_had_at_its_start(davos):
    _, f, rows, steps = davos
    k = np.flatnonzero(np.diff(rows) == 1)[1:]  # CLM's sun of its start-up step is that of step 0
    np.testing.assert_allclose(np.asarray(f.tlai)[rows[k + 1], :, 0], steps["TLAI"][k], atol=2e-6)
    np.testing.assert_allclose(np.asarray(f.tsai)[rows[k + 1], :, 0], steps["TSAI"][k], atol=2e-6)
    np.testing.assert_allclose(np.asarray(f.coszen)[rows[k + 1], 0], steps["COSZEN"][k, 0], atol=5e-5)


@pytest.mark.parametrize("name", ["sp_davos_step", "sp_amplero", "bgc_rur"])
def test_soil_constants_are_clms(name):
    case = open_case(ROOT / name)
    differences = check_soil(case.path / "soil_constants.nc", case.p)
    assert set(differences) >= {"WATSAT", "SUCSAT", "BSW", "HKSAT"}
    assert max(differences.values()) < 2e-6


def test_a_restart_gives_every_state_in_bgc_mode():
    case = open_case(ROOT / "bgc_rur_step")
    case.state()
    assert [m for m in case.report.missing if m.startswith("state")] == []


def test_aerosols_fall_as_the_stream_says_and_lie_as_the_restart_says():
    case = open_case(ROOT / "sp_davos_step")
    assert case.cfg.aerosols == "deposition"
    deposition = np.asarray(case.forcing(15 * 48 + 24, 1).aerosol_deposition)[0, :, 0]
    with ClmFile(ROOT / "params" / "aerosoldep_synth.nc") as file:
        january = {
            n: float(file[n][0, 0, 0]) for n in ("BCDEPWET", "BCPHIDRY", "BCPHODRY", "DSTX04WD", "DSTX04DD")
        }
    want = [
        january["BCDEPWET"] + january["BCPHIDRY"],
        january["BCPHODRY"],
        january["DSTX04WD"] + january["DSTX04DD"],
    ]
    np.testing.assert_allclose(deposition[[0, 1, 5]], want, rtol=0.01)
    s = case.state()
    with ClmFile(case.path / "restart_start.nc") as file:
        np.testing.assert_allclose(np.asarray(s.snow_aerosols)[0].sum(), file["mss_bcphi"].sum(), rtol=1e-12)
        np.testing.assert_allclose(np.asarray(s.snow_aerosols)[5].sum(), file["mss_dst4"].sum(), rtol=1e-12)
    assert float(s.memory_steps[0]) == 480.0
    assert case.p.snow_aging.shape[0] == 3
    plain = open_case(ROOT / "sp_davos_step", faithful=False)
    assert plain.cfg.aerosols == "constant"
    assert "snow_optics" not in plain.p


def test_forty_cells_are_eighty_columns():
    case = open_case(ROOT / "sp40")
    assert case.data.cells == 40
    assert case.data.surface.wt.shape == (3, 80)
    np.testing.assert_allclose(case.cell_mean(np.ones(80)), 1.0)
    domain = read_domain(case.path / "domain.nc")
    np.testing.assert_allclose(domain["yc"][case.data.cell], case.data.surface.lat)


def test_members_of_an_ensemble_are_columns_with_their_own_values():
    members, files = read_members(ROOT / "ppe_sp_davos")
    assert set(files) == {m.name for m in members}
    case = open_case(ROOT / "ppe_sp_davos", members)
    at = {m.name: i for i, m in enumerate(members)}
    p = case.p
    slope = np.asarray(p.medlynslope)
    np.testing.assert_allclose(slope[:, at["medlynslope_lo"]], [1.41, 3.15])
    np.testing.assert_allclose(slope[:, at["base"]], [2.35, 5.25])
    np.testing.assert_allclose(np.asarray(p.rootprof_beta)[:, at["rootprof_beta_hi"]], 0.993)
    assert float(p.zeta_max_stable[at["zetamaxstable_lo"]]) == 0.1
    assert float(p.sand[0, at["soil_texture_lo"]]) == 80.0
    assert float(p.hksat[0, at["soil_texture_lo"]]) > float(p.hksat[0, at["base"]])
    snow = np.asarray(case.forcing(1, 480).forc_snow).sum(axis=0)
    assert snow[at["precip_repartition_nonglc_all_rain_t_hi"]] > snow[at["base"]]


def test_what_is_not_modelled_is_told():
    report = open_case(ROOT / "bgc_rur").report
    assert "use_lch4" in report.unsupported
    assert "kmax" in report.unused or "kmax" not in report.missing
