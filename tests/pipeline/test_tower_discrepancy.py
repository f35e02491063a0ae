"""The discrepancy in the pipeline: carried by the operator, published with the members, booked in the budget."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from elterra.calibration import ErrorStructure
from elterra.domain import ch_dav
from elterra.pipeline.reanalysis.corrections import land_corrections, shares
from elterra.pipeline.reanalysis.cycle import FinalWindow, Forecast
from elterra.pipeline.reanalysis.discrepancy import Discrepancy
from elterra.pipeline.reanalysis.free_run import LEAD_IN, segments
from elterra.pipeline.reanalysis.sink import WindowProduct
from elterra.pipeline.reanalysis.windows import TowerSeries

STEPS, MEMBERS, DAYS = 48, 400, 3


def _tower() -> TowerSeries:
    n = STEPS * DAYS
    value = {v: np.full(n, 1.0) for v in ("NEE", "LE", "SWC")}
    light = (np.arange(n) % STEPS >= 16) & (np.arange(n) % STEPS < 36)
    return TowerSeries(
        value, {v: np.full(n, 0.2) for v in value}, value, {v: np.ones(n, bool) for v in value}, light
    )


def _discrepancy() -> Discrepancy:
    n = STEPS * DAYS
    light = _tower().daylight
    er = np.full(n, 0.5)
    nee = np.where(light, -1.0, 0.5)
    shift = {"NEE": nee, "ER": er, "GPP": er - nee, "LE": np.full(n, 5.0)}
    error = {v: ErrorStructure(np.full(n, s), 0.1, 0.4, 4.0) for v, s in (("NEE", 2.0), ("LE", 400.0))}
    return Discrepancy(shift, error, seed=1)


def _final(window: int = 1, seen: bool = False) -> FinalWindow:
    draw = np.random.default_rng(window)
    nee, er = draw.standard_normal((2, STEPS, MEMBERS)) * 0.1
    d = _discrepancy()
    here = slice(window * STEPS, (window + 1) * STEPS)
    raw = {"NEE": nee, "ER": er, "GPP": er - nee, "LE": np.full((STEPS, MEMBERS), 20.0)}
    equivalents = {k: v + d.shift[k][here, None] for k, v in raw.items()} | {"SWC": 0.2 + nee}
    forecast = Forecast(
        {"NEE": nee},
        {},
        equivalents,
        {},
        {},
        {},
        seen={"NEE": np.ones(STEPS), "LE": np.ones(STEPS)} if seen else {},
    )
    return FinalWindow(window, forecast, np.stack([np.eye(MEMBERS)] * 2))


def test_published_fluxes_obey_nee_is_respiration_less_photosynthesis():
    members, added = _discrepancy().published(_tower())(_final())
    np.testing.assert_allclose(members["NEE"], members["ER"] - members["GPP"], atol=1e-12)
    np.testing.assert_allclose(added["NEE"], added["ER"] - added["GPP"], atol=1e-12)


def test_at_night_photosynthesis_is_left_alone():
    _, added = _discrepancy().published(_tower())(_final())
    dark = ~_tower().daylight[STEPS : 2 * STEPS]
    assert (added["GPP"][dark] == 0.0).all()


def test_members_of_a_gap_are_as_wide_as_the_error_says_and_measured_ones_narrower():
    publish = _discrepancy().published(_tower())
    gap = publish(_final())[0]["NEE"]
    measured = publish(_final(seen=True))[0]["NEE"]
    expected = np.sqrt(2.0 - 0.2**2)
    assert gap.std(axis=1, ddof=1).mean() == pytest.approx(expected, rel=0.1)
    assert measured.std(axis=1, ddof=1).mean() < 0.3 * expected
    np.testing.assert_allclose(measured.mean(axis=1), 1.0, atol=0.4)


def test_the_same_window_has_the_same_members_every_time():
    publish = _discrepancy().published(_tower())
    assert publish(_final())[0]["LE"].tobytes() == publish(_final())[0]["LE"].tobytes()


def test_what_latent_heat_gains_sensible_heat_loses():
    correction = land_corrections({"LE": np.array([[8.0]])}, closure=0.8)
    assert correction["LE"] == pytest.approx(10.0)
    assert correction["LE"] + correction["H"] == pytest.approx(0.0)
    assert correction["EVAP"] * 2.501e6 == pytest.approx(10.0)


def test_the_carbon_budget_books_the_discrepancy():
    final = _final()
    zero = np.zeros(MEMBERS)
    names = (
        "NEE",
        "PRECIP",
        "EVAP",
        "RUNOFF",
        "NDEP_TO_SMINN",
        "NFIX_TO_SMINN",
        "SMIN_NO3_LEACHED",
        "F_DENIT",
        "F_N2O_NIT",
    )
    final.forecast.daily = dict.fromkeys(names, zero) | {"NEE": np.full(MEMBERS, 1e-6)}
    totals = dict.fromkeys(("TOTWATER", "TOTECOSYSC", "TOTECOSYSN"), zero)
    final.forecast.start_totals = totals
    final.forecast.end_totals = totals | {"TOTECOSYSC": np.full(MEMBERS, -1e-6 * 86400)}
    final.forecast.worst = dict.fromkeys(("errh2o", "errsol", "errseb", "errsoi", "errcb", "errnb"), 0.0)
    product = WindowProduct((), (), STEPS, _discrepancy().published(_tower()))
    budget = {k: float(v[0]) for k, v in product.arrays(final)["budget"].items()}
    change = budget["carbon_end"] - budget["carbon_start"]
    assert budget["discrepancy_carbon"] != 0.0
    assert change == pytest.approx(
        budget["carbon_NEE"]
        - budget["smoothing_carbon"]
        - budget["discrepancy_carbon"]
        + budget["carbon_residual"],
        abs=1e-12,
    )


CARBON = ("NEE", "GPP", "ER", "NPP", "HR")
HEAT = ("LE", "H", "G", "RNET")
WATER = ("EVAP", "TRAN", "ESOIL", "ECAN")


def _whole_window(dew: bool = False) -> FinalWindow:
    """A window of a model whose parts sum to its wholes, smoothed with weights of both signs."""
    final, draw = _final(), np.random.default_rng(7)

    def positive(size: float) -> np.ndarray:
        return size * draw.gamma(4.0, 0.25, (STEPS, MEMBERS))

    s = {"GPP": positive(5e-5), "HR": positive(1e-5), "LE": positive(40.0), "G": positive(5.0)}
    s["GPP"][:10] = 0.0
    plants = positive(2e-5)
    s |= {"NPP": s["GPP"] - plants, "ER": plants + s["HR"]}
    s |= {"NEE": s["ER"] - s["GPP"], "EVAP": s["LE"] / 2.501e6, "H": positive(30.0)}
    s["RNET"] = s["LE"] + s["H"] + s["G"]
    s |= {"TRAN": 0.7 * s["EVAP"], "ECAN": (-0.1 if dew else 0.1) * s["EVAP"]}
    s["ESOIL"] = s["EVAP"] - s["TRAN"] - s["ECAN"]
    final.forecast.series = s
    budget = (
        "PRECIP",
        "RUNOFF",
        "NDEP_TO_SMINN",
        "NFIX_TO_SMINN",
        "SMIN_NO3_LEACHED",
        "F_DENIT",
        "F_N2O_NIT",
    )
    final.forecast.daily = dict.fromkeys(budget, np.zeros(MEMBERS)) | {
        n: s[n].mean(axis=0) for n in ("NEE", "EVAP")
    }
    final.forecast.start_totals = dict.fromkeys(("TOTWATER", "TOTECOSYSC", "TOTECOSYSN"), np.zeros(MEMBERS))
    final.forecast.end_totals = final.forecast.start_totals
    final.forecast.worst = dict.fromkeys(("errh2o", "errsol", "errseb", "errsoi", "errcb", "errnb"), 0.0)
    transform = np.eye(MEMBERS) + 0.002 * draw.standard_normal((MEMBERS, MEMBERS))
    transform /= transform.sum(axis=0)
    return FinalWindow(final.window, final.forecast, np.stack([transform] * 2))


@pytest.mark.parametrize("dew", [False, True])
@pytest.mark.parametrize("group", ["halfhourly", "daily"])
def test_parts_sum_to_wholes_in_the_published_means(group, dew):
    names = (*CARBON, *HEAT, *WATER)
    product = WindowProduct(names, names, STEPS, _discrepancy().published(_tower()), closure=0.8)
    out = {n: v.astype(float) for n, v in product.arrays(_whole_window(dew))[group].items()}
    for left, right in (
        (out["NEE"], out["ER"] - out["GPP"]),
        (out["ER"], out["GPP"] - out["NPP"] + out["HR"]),
        (out["NEE"], out["HR"] - out["NPP"]),
        (out["EVAP"], out["TRAN"] + out["ESOIL"] + out["ECAN"]),
        (out["EVAP"], out["LE"] / 2.501e6),
        (out["RNET"], out["LE"] + out["H"] + out["G"]),
    ):
        np.testing.assert_allclose(left, right, rtol=0, atol=2e-6 * np.abs(left).max())  # stored as float32


def test_a_part_is_scaled_as_its_whole_and_the_discrepancy_stays_the_booked_term():
    names = (*CARBON, *WATER)
    final = _whole_window()
    with_it = WindowProduct(names, names, STEPS, _discrepancy().published(_tower())).arrays(final)
    without = WindowProduct(names, names, STEPS).arrays(final)
    half, bare = with_it["halfhourly"], without["halfhourly"]
    for part, whole in (("HR", "ER"), ("TRAN", "EVAP"), ("ECAN", "EVAP")):
        np.testing.assert_allclose(half[part] / bare[part], half[whole] / bare[whole], rtol=1e-4)
    day = {
        n: float(with_it["daily"][n][0] - without["daily"][n][0]) * 86400
        for n in ("NEE", "HR", "NPP", *WATER)
    }
    booked = {n: float(with_it["budget"][f"discrepancy_{n}"][0]) for n in ("carbon", "water")}
    assert booked["carbon"] == pytest.approx(-(day["HR"] - day["NPP"]), rel=1e-4)
    assert booked["water"] == pytest.approx(-(day["TRAN"] + day["ESOIL"] + day["ECAN"]), rel=1e-4)


def test_shares_are_safe_for_every_sign_and_for_nothing_at_all():
    found = np.stack(shares(np.array([1.0, 0.0, -1.0]), np.array([3.0, 0.0, 1.0])))
    np.testing.assert_allclose(found, [[0.25, 0.5, 0.5], [0.75, 0.5, 0.5]])


def test_the_error_of_a_block_averages_its_independent_part_and_keeps_the_common_one():
    d, noise = _discrepancy(), np.zeros(8)
    few, many = (d.block_sd("NEE", np.arange(n), 0.0, noise[:n]) for n in (2, 8))
    assert np.sqrt(2.0 * 0.1) < many < few < np.sqrt(2.0)
    assert d.block_sd("SWC", np.arange(8), 0.0, noise) == 0.0
    assert d.block_sd("NEE", np.arange(8), 100.0, noise) > 0.0


@pytest.mark.parametrize(("most", "count"), [(1, 1), (2, 2), (3, 3)])
def test_segments_cover_the_period_once_and_begin_in_autumn(most, count):
    parts = segments(2555, most, 1)
    assert len(parts) == count
    assert [first for _, first, _ in parts][1:] == [stop for _, _, stop in parts][:-1]
    assert parts[0][:2] == (0, 0)
    assert parts[-1][2] == 2555
    assert all(first - begin == LEAD_IN and first % 365 == 243 for begin, first, _ in parts[1:])


def test_a_short_period_is_one_segment():
    assert segments(400, 8, 1) == [(0, 0, 400)]


def test_misfit_of_soil_water_that_follows_the_models_own_state_is_learned(monkeypatch):
    from elterra.pipeline.reanalysis import discrepancy as module

    days = 4 * 365
    n = STEPS * days
    season = np.cos(2.0 * np.pi * (np.arange(n) / STEPS % 365) / 365.0)
    draw = np.random.default_rng(4)
    cold = np.repeat(season[::STEPS] + 0.5 * draw.standard_normal(days), STEPS)  # frost of the model's soil
    model = 0.3 - 0.1 * (cold > 0.5)
    truth = np.full(n, 0.3) + 0.002 * draw.standard_normal(n)
    gap = (np.arange(n) // STEPS >= 700) & (np.arange(n) // STEPS < 790)
    never = np.zeros(n, bool)
    tower = TowerSeries(
        dict.fromkeys(("NEE", "LE"), truth) | {"SWC": truth},
        dict.fromkeys(("NEE", "LE", "SWC"), np.full(n, 0.01)),
        dict.fromkeys(("NEE", "LE", "SWC"), np.full(n, 0.01)),
        {"NEE": never, "LE": never, "SWC": ~gap},
        np.arange(n) % STEPS < 20,
    )
    monkeypatch.setattr(
        module, "driver_features", lambda *a: (draw.random((n, 3)).astype(np.float32), ["a", "b", "hour_sin"])
    )
    free = xr.Dataset({"tower_SWC": ("time", model), "TSOI0": ("time", cold)})
    found, figures = module.learn(free, None, tower, ch_dav(), 1, 1)
    rmse = [np.sqrt(np.mean((x - truth)[gap] ** 2)) for x in (model, model + found.shift["SWC"])]
    assert rmse[1] < 0.2 * rmse[0]
    assert set(found.error) == set()
    assert figures["SWC.rmse_learned"] < 0.2 * figures["SWC.rmse_free"]
