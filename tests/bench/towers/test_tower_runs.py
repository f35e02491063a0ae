"""Runs of many towers: packed, reduced to the kinds of the data, kept and not repeated. The land's step is a stand-in."""

from dataclasses import replace

import numpy as np
import pytest

from elterra.bench.towers import runs as module
from elterra.bench.towers.records import Target, Tower
from elterra.bench.towers.runs import Request, TowerRuns
from elterra.bench.towers.sites import TowerSite
from elterra.bench.towers.unknowns import NAMES
from elterra.bench.towers.weather import Weather
from elterra.domain import Patch, Site
from elterra.land import Fields, cold_start, prepare
from elterra.pipeline import batch
from elterra.pipeline.batch import join_surfaces

DAYS = 3
SCALARS = ("forc_t", "forc_q", "forc_pbot", "forc_wind", "forc_lwrad", "forc_rain", "forc_snow", "forc_pco2", "ndep",
           "coszen", "dayl", "prev_dayl", "max_dayl")  # fmt: skip


def tower(key, patches):
    site = Site(
        name=key.replace("_", "-"), latitude=50.0, longitude=10.0, elevation_m=300.0, utc_offset_h=1.0,
        reference_height_m=20.0, patches=patches, sand_pct=40.0, clay_pct=20.0, organic_kg_m3=20.0, soil_color=15,
        topo_slope_deg=2.0, zbedrock_m=2.0, ndep_gn_m2_yr=1.0, co2_ppm=400.0,
    )  # fmt: skip
    forcing = {n: np.full((DAYS * 48, 1), 280.0) for n in SCALARS}
    forcing |= {n: np.full((DAYS * 48, 2, 1), 100.0) for n in ("forc_solad", "forc_solai")}
    light = np.zeros((DAYS, 48), bool)
    light[:, 16:32] = True
    days = np.datetime64("2010-01-01") + np.arange(DAYS)
    steps = light.copy()
    steps[1] = False  # nothing was measured on the second day
    steps[0, :20] = False
    target = Target("NEE_day", "NEE", np.array([1.0, np.nan, 1.0]), np.ones(DAYS), steps)
    return Tower(key, TowerSite(site, "MF"), Weather(days, forcing, {}, light, False), 2, (target,))


@pytest.fixture
def towers(monkeypatch):
    def spun_up(places, cfg, **_):
        p = prepare(join_surfaces([x.surface for x in places]))
        n = len(places)
        figures = {k: np.arange(n, dtype=float) for k in ("GPP", "LAI", "drift_gC_m2_yr")}
        failed = np.array([x.name.startswith("Bad") for x in places])
        return cold_start(p, cfg), figures, failed

    def chunk(p, s, forcing, factors, cfg, series, means, lasts):
        clock = np.arange(48.0)[:, None]
        pft = np.asarray(p.pft)[0]
        out = {
            "NEE": clock + 100.0 * pft,
            "GPP": 0 * clock + p.q10_hr,
            "LE": 0 * clock + factors.precipitation,
        }
        out = {n: np.broadcast_to(np.asarray(v, float), (48, pft.size)) for n, v in out.items()}
        out["H"] = out["LE"]
        lost = np.where(np.asarray(factors.wind) > 5.0, np.nan, 1.0)
        return (
            s,
            Fields({n: out[n] * lost for n in series}),
            Fields(),
            Fields(),
            Fields({"errh2o": 0.0 * factors.wind}),
        )

    monkeypatch.setattr(module, "spin_up_places", spun_up)
    monkeypatch.setattr(batch, "run_chunk", chunk)
    return [tower("A_A", (Patch(1, 0.75, 20.0), Patch(7, 0.25, 20.0))), tower("B_B", (Patch(13, 1.0, 0.3),))]


def test_plant_types_are_weighed_and_half_hours_are_those_measured(towers, tmp_path):
    runs = TowerRuns(towers, tmp_path, block=8)
    runs.spin_up()
    z = np.zeros((len(NAMES), 3))
    z[NAMES.index("q10_hr")] = [0.0, 0.5, 0.0]
    z[NAMES.index("wind_bias"), 2] = 9.0
    z[NAMES.index("rain_bias"), 1] = 1.0
    first, second = runs.predict([Request(t, z, DAYS) for t in towers])
    per_day = 86400.0
    measured, light = np.arange(20, 32).mean(), np.arange(16, 32).mean()
    shared = 100 * (0.75 * 1 + 0.25 * 7)
    np.testing.assert_allclose(
        first["NEE_day"][:, 0] / per_day, [measured + shared, light + shared, light + shared], rtol=1e-6
    )
    np.testing.assert_allclose(second["NEE_all"][:, 0] / per_day, 23.5 + 1300, rtol=1e-6)
    assert np.isnan(first["NEE_day"][:, 2]).all(), "a member that is not finite is lost, and it alone"
    closure = first["LE_all"][0, 0]
    assert closure == pytest.approx(0.9)  # the share that eddy covariance sees
    assert first["LE_all"][0, 1] == pytest.approx(closure * 1.25)  # a quarter more rain, of an estimated one
    assert first["GPP_all"][0, 1] > first["GPP_all"][0, 0]


def test_what_is_on_disk_is_not_run_again(towers, tmp_path, monkeypatch):
    z = np.random.default_rng(0).normal(size=(len(NAMES), 2)) * 0.1
    runs = TowerRuns(towers, tmp_path, block=8)
    runs.spin_up()
    first = runs.predict([Request(t, z, DAYS) for t in towers])
    assert runs.ran == 4
    again = TowerRuns(towers, tmp_path, block=8)
    monkeypatch.setattr(module._Job, "run", lambda self: pytest.fail("ran again"))
    again.spin_up()
    second = again.predict([Request(t, z, DAYS) for t in towers])
    assert again.ran == 0
    for a, b in zip(first, second, strict=True):
        for kind in a:
            np.testing.assert_array_equal(a[kind], b[kind])
    other = replace(towers[0], train_days=1)
    assert runs._key(Request(other, z, DAYS)) != runs._key(Request(towers[0], z, DAYS))


def test_a_tower_whose_spin_up_fails_is_left_out(towers, tmp_path, capsys):
    bad = tower("Bad", (Patch(13, 1.0, 0.3),))
    runs = TowerRuns([*towers, bad], tmp_path, block=8)
    told = runs.spin_up()
    assert [t.key for t in runs.towers] == ["A_A", "B_B"]
    assert set(told) == {"A_A", "B_B"}
    assert told["A_A"]["LAI"] == pytest.approx(0.25)  # columns 0 and 1, by cover
    assert "Bad left out" in capsys.readouterr().err
