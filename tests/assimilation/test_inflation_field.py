"""Adaptive inflation by place: it finds what is missing, where it is missing."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from elterra.assimilation import AnalysisError, InflationField


def test_the_factor_grows_where_the_spread_is_too_small_and_stays_elsewhere():
    rng = np.random.default_rng(0)
    inflation = InflationField(2, sd=0.3, damping=1.0)
    gamma = np.array([[1.0, 0.0], [0.0, 1.0]])
    for _ in range(3000):
        for k, true_sd in enumerate((2.0, 1.0)):
            prior = inflation.factor[k]  # the ensemble says sd 1 and is inflated by what stands
            inflation.update(rng.normal() * np.sqrt(true_sd**2 + 1.0), prior, 1.0, gamma[k])
    assert inflation.factor[0] == pytest.approx(4.0, rel=0.4)
    assert inflation.factor[1] < 1.5


def test_the_update_is_the_mode_of_the_linearised_posterior():
    inflation = InflationField(1, sd=0.2)
    innovation, raw, error, gamma = 2.5, 0.8, 0.5, 0.7

    def likelihood(x):
        theta2 = (1 + gamma * (np.sqrt(x) - 1)) ** 2 * raw + error
        return np.exp(-0.5 * innovation**2 / theta2) / np.sqrt(theta2)

    slope = (likelihood(1 + 1e-6) - likelihood(1 - 1e-6)) / 2e-6

    def negative(x):
        return -(likelihood(1.0) + slope * (x - 1)) * np.exp(-0.5 * (x - 1) ** 2 / 0.2**2)

    mode = minimize_scalar(negative, bounds=(0.8, 2.0), method="bounded", options={"xatol": 1e-9}).x
    inflation.update(innovation, raw, error, np.array([gamma]))
    assert inflation.factor[0] == pytest.approx(mode, abs=1e-5)


def test_small_innovations_do_not_push_it_below_its_bound_and_it_forgets():
    inflation = InflationField(1, lower=1.0, damping=0.5)
    inflation.update(0.0, 1.0, 1.0, np.ones(1))
    assert inflation.factor[0] == 1.0
    inflation.factor = np.array([3.0])
    inflation.damp()
    assert inflation.factor[0] == 2.0


def test_elements_without_correlation_and_missing_data_change_nothing():
    inflation = InflationField(2)
    inflation.update(9.0, 1.0, 1.0, np.array([0.0, 1.0]))
    assert inflation.factor[0] == 1.0
    assert inflation.factor[1] > 1.0
    before = inflation.factor.copy()
    inflation.update(np.nan, 1.0, 1.0, np.ones(2))
    np.testing.assert_array_equal(inflation.factor, before)


def test_inflating_keeps_the_mean_and_multiplies_the_variance_and_restores():
    inflation, x = InflationField(3), np.random.default_rng(0).normal(size=(3, 9))
    inflation.restore({"factor": np.array([1.0, 2.0, 3.0])})
    wide = inflation.inflate(x)
    np.testing.assert_allclose(wide.mean(axis=1), x.mean(axis=1), atol=1e-14)
    np.testing.assert_allclose(wide.var(axis=1), x.var(axis=1) * inflation.state()["factor"])
    with pytest.raises(AnalysisError):
        InflationField(0)
