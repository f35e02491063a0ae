"""Members that spin up with their own parameters."""

from types import SimpleNamespace

import numpy as np
import pytest

from elterra.calibration import Prior
from elterra.experiment import Experiment
from elterra.land import Fields
from elterra.pipeline.reanalysis import own_start
from elterra.pipeline.reanalysis.ensemble import ParameterEnsemble

PRIORS = [Prior("k_decomp_scale", "lognormal", 1.0, 0.5)]


class Model:
    """Counts days; its mean output is the decomposition scale of the day."""

    def __init__(self, members):
        self.members, self.asked, self.s = members, [], None

    def day_of_year(self, window):
        return float(window % 365 + 1)

    def undisturbed(self, windows, parameters, names):
        assert (windows == windows[0]).all()  # all members have the same year
        self.asked.append(int(windows[0]))
        return dict.fromkeys(names, parameters["k_decomp_scale"])


def test_without_rounds_the_common_state_is_handed_on():
    common = Fields(h2osoi_liq=np.zeros((3, 1)))
    assert own_start.start_of(None, None, common, 0) is common


def test_every_round_is_a_year_of_the_record_in_turn_and_solves_for_its_means(monkeypatch):
    ensemble = ParameterEnsemble.prior(PRIORS, ["k_decomp_scale"], 4, seed=1, seasonal_sd=0.3)
    model, solved = Model(4), []
    station = SimpleNamespace(windows=800, site=None, cfg="cfg", model=lambda *_, **__: model)
    monkeypatch.setattr(own_start, "surface_of", lambda _: SimpleNamespace(tile=lambda n: n))
    monkeypatch.setattr(own_start, "prepare", lambda _surface, land: land)

    def solve(p, s, means, cfg):
        solved.append((p, means))
        return s.replace(h2osoi_liq=s.h2osoi_liq + 1.0)

    monkeypatch.setattr(own_start, "steady_state", solve)
    days = []
    state = own_start.start_of(
        station, ensemble, Fields(h2osoi_liq=np.zeros((3, 1))), rounds=3, tell=lambda *told: days.append(told)
    )
    assert state.h2osoi_liq.shape == (3, 4)
    assert (np.asarray(state.h2osoi_liq) == 3.0).all()
    assert [model.asked[i * 365] for i in range(3)] == [0, 365, 0]
    p, means = solved[0]
    # the pools turn over with the constant part of the parameters; seasonal parts average out over the year
    np.testing.assert_allclose(p["k_decomp_scale"], PRIORS[0].to_physical(ensemble.z[0]))
    daily = np.mean([ensemble.physical(d + 1.0)["k_decomp_scale"] for d in range(365)], axis=0)
    np.testing.assert_allclose(means["sasu_decomp_k"], daily)
    assert days[-1] == (2 * 365 + 360, 3 * 365)


@pytest.mark.slow
def test_soil_carbon_of_a_member_follows_its_own_decomposition(tmp_path):
    """From a cold start inputs of litter hardly differ, so that slow carbon goes with the inverse of the rate."""
    from elterra.pipeline import run_experiment
    from elterra.pipeline.reanalysis.setup import Station
    from elterra.spinup import stocks

    experiment = Experiment.from_plain(
        {
            "name": "own_start",
            "site": "ch-dav",
            "data": {"record": "packaged", "reader": "packaged"},
            "period": {"start": "2016-01-01", "end": "2016-12-31"},
            "ensemble": {"members": 4, "free_members": 4, "parameters": ["k_decomp_scale"]},
        }
    )
    run_experiment(experiment, tmp_path, until="forcing")
    run_experiment(experiment, tmp_path, until="observations")
    station = Station.load(experiment, tmp_path)
    ensemble = station.ensemble()
    ensemble = ensemble.with_vector(np.zeros_like(ensemble.vector()[0]))
    vector = ensemble.vector()[0]
    vector[0] = [-1.0, 0.0, 0.0, 1.0]
    ensemble = ensemble.with_vector(vector)
    start = station.cold_start(station.default_parameters(1))
    state = own_start.start_of(station, ensemble, start, rounds=1)
    scale = ensemble.physical(1.0)["k_decomp_scale"]
    model = station.model(ensemble, state, free=True)
    soil = np.asarray(stocks(model.p, state).totals["totsomc"])
    np.testing.assert_allclose(soil[0] / soil[1], scale[1] / scale[0], rtol=0.1)
    np.testing.assert_allclose(soil[3] / soil[1], scale[1] / scale[3], rtol=0.1)
    np.testing.assert_array_equal(soil[1], soil[2])
    with pytest.raises(ValueError, match="expected one column, or one a member"):
        station.model(station.ensemble(3), state)
