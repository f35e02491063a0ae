"""Columns of several places as one batch."""

import numpy as np
import pytest

from elterra.errors import InputError
from elterra.land import Config, Fields, Surface, ground_profile
from elterra.pipeline import batch as b

CFG = Config(nlevsno=5, stress="btran", capacity="prescribed", nitrogen="competition")
SCALARS = ("forc_t", "forc_q", "forc_pbot", "forc_wind", "forc_lwrad", "forc_rain", "forc_snow", "forc_pco2", "ndep",
           "coszen", "dayl", "prev_dayl", "max_dayl")  # fmt: skip


def surface(pft=1):
    one = np.ones(1)
    return Surface(
        lat=50 * one, lon=10 * one, elevation=300 * one, forc_hgt=20 * one, topo_slope=2 * one, fmax=0.4 * one,
        zbedrock=2 * one, soil_color=15 * one, sand=ground_profile(40.0, 1), clay=ground_profile(20.0, 1),
        organic=ground_profile(20.0, 1), pft=np.array([[pft]]), wt=np.array([[1.0]]),
    )  # fmt: skip


def place(name, days, value, pft=1):
    forcing = {n: np.full((days * 48, 1), value) for n in SCALARS}
    forcing |= {n: np.full((days * 48, 2, 1), value) for n in ("forc_solad", "forc_solai")}
    forcing["forc_t"] = value + np.arange(days * 48.0)[:, None] // 48
    return b.Place(name, surface(pft), forcing)


@pytest.fixture
def counted(monkeypatch):
    """A stand-in for the land: the state counts days, NEE is the temperature times a parameter."""
    calls = []

    def run(p, s, forcing, factors, cfg, series, means, lasts):
        calls.append(forcing.forc_t.shape)
        out = forcing.forc_t * factors.precipitation * p.q10_hr
        state = Fields({"snl": s.snl + 1})
        worst = Fields({"errh2o": np.where(p.q10_hr > 2.5, 1.0, 0.0) * s.snl.astype(float) ** 0})
        return state, Fields({"NEE": out}), Fields({"GPP": out.mean(axis=0)}), Fields(), worst

    monkeypatch.setattr(b, "run_chunk", run)
    return calls


def test_each_column_has_the_weather_and_parameters_of_its_own(counted):
    places = [place("a", 2, 100.0), place("b", 3, 200.0)]
    batch = b.ColumnBatch(places, CFG, series=("NEE",), means=("GPP",), block=2)
    columns = b.Columns(
        np.array([0, 1, 1]),
        {"q10_hr": np.array([1.5, 1.5, 2.0])},
        {"precipitation": np.array([1.0, 2.0, 1.0])},
    )
    seen = {}

    def take(day, where, series):
        seen[day, where.start] = series["NEE"][0]

    done = batch.run(columns, batch.prepared(columns), Fields({"snl": np.zeros(3, int)}), 0, 3, take)
    np.testing.assert_allclose(seen[0, 0], [150.0, 600.0])
    np.testing.assert_allclose(seen[1, 2], [402.0])
    # the weather of place a is two days long: the third day is its first
    np.testing.assert_allclose(seen[2, 0][0], 150.0)
    assert counted == [(48, 2)] * 6
    assert np.asarray(done.state.snl).tolist() == [3, 3, 3]
    np.testing.assert_allclose(done.means.GPP, [150.5, 603.0, 402.0])
    assert not done.failed.any()


def test_a_column_whose_balance_does_not_close_is_told_and_harms_no_other(counted):
    batch = b.ColumnBatch([place("a", 1, 1.0)], CFG, series=("NEE",), block=4)
    columns = b.Columns(np.zeros(4, int), {"q10_hr": np.array([1.0, 3.0, 1.0, np.nan])}, {})
    done = batch.run(columns, batch.prepared(columns), Fields({"snl": np.zeros(4, int)}), 0, 1)
    assert done.failed.tolist() == [False, True, False, True]


def test_the_calendar_has_no_leap_day():
    last = b.calendar(364)
    assert last["dayofyear"].tolist() == [365] * 48
    assert last["end_of_year"].tolist() == [False] * 47 + [True]
    assert b.calendar(365)["dayofyear"][0] == 1
    assert not b.calendar(365)["end_of_year"].any()


def test_places_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="whole days"):
        b.Place("x", surface(), {"forc_t": np.zeros((47, 1))})
    with pytest.raises(InputError, match="2 columns, expected 1"):
        b.Place("x", surface().tile(2), {"forc_t": np.zeros((48, 1))})
    with pytest.raises(InputError, match="at least one"):
        b.ColumnBatch([], CFG)


@pytest.mark.slow
def test_a_column_of_the_real_land_does_not_depend_on_its_neighbours():
    """Two plant types with two weathers, side by side and alone: the same fluxes to round-off."""
    from elterra.land import cold_start

    def weather(name, warm, pft):
        steps = 48 * 3
        sun = np.maximum(np.sin(2 * np.pi * (np.arange(steps) / 48 - 0.25)), 0)[:, None]
        one = np.ones((steps, 1))
        forcing = {
            "forc_t": 283 + warm + 6 * sun, "forc_q": 0.006 * one, "forc_pbot": 97000 * one, "forc_wind": 2.5 * one,
            "forc_lwrad": 320 * one, "forc_rain": 2e-5 * one, "forc_snow": 0 * one, "forc_pco2": 38 * one,
            "ndep": 3e-8 * one, "coszen": 0.7 * sun, "dayl": 50000 * one, "prev_dayl": 50000 * one,
            "max_dayl": 58000 * one, "forc_solad": 250 * np.stack([sun, sun], axis=1),
            "forc_solai": 80 * np.stack([sun, sun], axis=1),
        }  # fmt: skip
        return b.Place(name, surface(pft), forcing)

    places = [weather("cold", 0.0, 1), weather("warm", 6.0, 13)]

    def run(index):
        batch = b.ColumnBatch(places, CFG, series=("NEE", "LE"), block=64)
        slope = {"medlynslope": np.array([2.0, 5.0])[index]}
        columns = b.Columns(index, slope, {})
        p = batch.prepared(columns)
        seen = []
        done = batch.run(
            columns, p, cold_start(p, CFG), 0, 3, lambda day, where, series: seen.append(series["LE"])
        )
        assert not done.failed.any()
        return np.concatenate(seen)

    both = run(np.array([0, 1, 0]))
    np.testing.assert_array_equal(both[:, 0], both[:, 2])
    for i in (0, 1):
        np.testing.assert_allclose(run(np.array([i]))[:, 0], both[:, i], rtol=1e-9, atol=1e-9)
    assert np.abs(both[:, 0] - both[:, 1]).max() > 1.0
