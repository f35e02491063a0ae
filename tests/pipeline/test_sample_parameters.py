"""Calibrate, emulate, sample through the forward map of a station, on a toy land with a posterior in closed form."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from elterra.calibration import Prior
from elterra.pipeline.reanalysis.calibrate import Years, calibrate
from elterra.pipeline.reanalysis.ensemble import ParameterEnsemble, rng
from elterra.pipeline.reanalysis.sample_parameters import StationForward, sample_parameters, settings
from elterra.pipeline.reanalysis.station import ForecastError
from elterra.pipeline.reanalysis.windows import CORRELATED, TowerSeries

STEPS, WINDOWS, MEMBERS = 48, 6, 16
CURVE = np.sin(np.arange(STEPS) / 7.0)


class ToyStation:
    """NEE = a times a curve; LE = 50 b. Parameters beyond ``limit`` make the model fail."""

    def __init__(self, limit: float = np.inf) -> None:
        self.limit, self.runs = limit, 0

    def model(self, ensemble, spun_up, first_window=0, weather_errors=True):
        def forecast(window, parameters):
            bad = np.nonzero(np.abs(parameters["a"]) > self.limit)[0]
            if len(bad):
                raise ForecastError("too far", bad.tolist())
            self.runs += window == 0
            le = np.broadcast_to(50.0 * parameters["b"], (STEPS, ensemble.members))
            nee = CURVE[:, None] * parameters["a"]
            return SimpleNamespace(equivalents={"NEE": nee, "LE": le, "SWC": 0.0 * nee})

        return SimpleNamespace(
            forecast=forecast, compile=lambda parameters: None, day_of_year=lambda window: 1.0 + window
        )


def prior_ensemble() -> ParameterEnsemble:
    priors = [Prior("a", "normal", 1.0, 0.5), Prior("b", "normal", 1.0, 0.2)]
    return ParameterEnsemble.prior(priors, [], MEMBERS, seed=1)


def years(station, a=1.4, b=0.9) -> Years:
    n = STEPS * WINDOWS
    noise = rng(5, "tower").standard_normal((2, n))
    values = {
        "NEE": np.tile(CURVE, WINDOWS) * a + 0.5 * noise[0],
        "LE": 50.0 * b + 20.0 * noise[1],
        "SWC": np.zeros(n),
    }
    sd = {"NEE": np.full(n, 0.5), "LE": np.full(n, 20.0), "SWC": np.full(n, 0.1)}
    used = {"NEE": np.ones(n, bool), "LE": np.ones(n, bool), "SWC": np.zeros(n, bool)}
    tower = TowerSeries(values, sd, {v: np.zeros(n) for v in sd}, used, np.arange(n) % STEPS < 24)
    return Years(station, None, tower, [(0, 3), (3, WINDOWS)], threads=1)


def closed_form(data: Years, row: int) -> tuple[float, float]:
    """Posterior mean and sd of one unknown in prior units; the toy is linear, and each datum sees one unknown."""
    forward = StationForward(data, prior_ensemble(), np.ones(2, bool), lambda done: None)
    base, moved = forward(np.stack([np.zeros(2), np.eye(2)[row]]))
    slope = (moved - base) / data.error
    precision = 1.0 + slope @ slope
    return float(slope @ ((data.value - base) / data.error) / precision), float(precision**-0.5)


@pytest.mark.slow
def test_the_posterior_of_the_ensemble_is_that_of_the_closed_form(tmp_path):
    station = ToyStation()
    data = years(station)
    ensemble, posterior = sample_parameters(
        data, prior_ensemble(), 128, tmp_path / "runs", lambda done, total, text: None
    )
    for row in range(2):
        mean, sd = closed_form(data, row)
        assert posterior.standard[:, row].mean() == pytest.approx(mean, abs=0.1 * sd)
        assert posterior.standard[:, row].std() == pytest.approx(sd, rel=0.1)
        assert abs(ensemble.z[row].mean() - mean) < 3.0 * sd / np.sqrt(MEMBERS)
    assert posterior.model_runs <= 128 + MEMBERS

    ran = station.runs  # the same again repeats no run and ends in the same bits
    again, _ = sample_parameters(
        data, prior_ensemble(), 128, tmp_path / "runs", lambda done, total, text: None
    )
    assert station.runs == ran
    assert np.array_equal(again.z, ensemble.z)


@pytest.mark.slow
def test_an_unknown_that_is_not_estimated_keeps_its_prior(tmp_path):
    prior = prior_ensemble()
    ensemble, posterior = sample_parameters(
        years(ToyStation()), prior, 96, None, lambda done, total, text: None, only=["a"]
    )
    assert posterior.names == ("a",)
    assert np.array_equal(ensemble.z[1], prior.z[1])


def test_a_run_that_fails_is_a_row_of_nan_and_costs_no_other():
    forward = StationForward(
        years(ToyStation(limit=2.0)), prior_ensemble(), np.ones(2, bool), lambda done: None
    )
    unknowns = np.zeros((MEMBERS + 3, 2))
    unknowns[[2, MEMBERS + 1], 0] = 5.0  # one in each batch
    predicted = forward(unknowns)
    failed = np.isnan(predicted).any(axis=1)
    assert np.nonzero(failed)[0].tolist() == [2, MEMBERS + 1]
    assert np.isnan(predicted[failed]).all()


def test_a_model_that_fails_with_its_defaults_ends_the_calibration():
    forward = StationForward(
        years(ToyStation(limit=0.5)), prior_ensemble(), np.ones(2, bool), lambda done: None
    )
    with pytest.raises(ForecastError):
        forward(np.zeros((3, 2)))


def test_inversion_and_sampling_agree_on_a_linear_land():
    data = years(ToyStation())
    inverted = calibrate(data, prior_ensemble(), 3, lambda done, total, text: None).ensemble
    for row in range(2):
        mean, sd = closed_form(data, row)
        assert inverted.z[row].mean() == pytest.approx(mean, abs=0.2 * sd)


def test_runs_are_split_between_prior_path_and_posterior():
    chosen = settings(640, 64)
    assert chosen.design + chosen.wide + chosen.iterations * 64 <= 640
    assert chosen.refine == chosen.members == 64


def test_errors_of_blocks_are_inflated_for_what_they_share():
    data = years(ToyStation())
    day = data.error[data.kind == 0]
    assert day == pytest.approx(np.sqrt(CORRELATED["NEE_day"]) * 0.5 / np.sqrt(8), rel=1e-6)
