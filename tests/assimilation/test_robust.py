"""Failed members, outliers, chance correlations."""

import numpy as np
import pytest
from linear_problem import A, batch, prior

from elterra.assimilation import (
    ETKF,
    AnalysisError,
    apply_repair,
    correlation_taper,
    group_correlation_taper,
    huber_error,
    regenerate,
)
from elterra.assimilation.adaptive_localisation import chance, correlations


def test_failed_members_are_drawn_from_the_good_ones_and_the_good_ones_keep_their_bits():
    x = np.random.default_rng(0).normal(size=(4, 500))
    x[1, 3:200] = np.nan
    repair = regenerate(x, seed=1, window=2)
    np.testing.assert_array_equal(repair.failed, np.arange(3, 200))
    np.testing.assert_allclose(repair.transform.sum(axis=0), 1.0, atol=1e-12)
    whole = apply_repair(x, repair)
    good = np.r_[0:3, 200:500]
    np.testing.assert_array_equal(whole[:, good], x[:, good])
    assert np.isfinite(whole).all()
    np.testing.assert_allclose(np.cov(whole[:, 3:200]), np.cov(x[:, good]), atol=0.4)
    np.testing.assert_array_equal(apply_repair(x, regenerate(x, seed=1, window=2)), whole)


def test_an_ensemble_without_failures_is_left_alone_and_one_that_failed_is_refused():
    x = np.zeros((1, 5))
    assert apply_repair(x, regenerate(x, 0, 0)) is x
    x[0, :3] = np.inf
    with pytest.raises(AnalysisError, match="3 of 5 members failed"):
        regenerate(x, 0, 0)


def test_a_state_that_is_not_finite_is_a_failure_too():
    state = np.zeros((2, 3, 10))
    state[1, 1, 4] = np.nan
    np.testing.assert_array_equal(regenerate(np.zeros((1, 10)), 0, 0, also=state).failed, [4])


def test_the_pull_of_an_outlier_stops_growing():
    x = prior()
    shifts = []
    for far in (3.0, 30.0, 300.0):
        data = batch([far, 4.0, -0.5])
        shifts.append(
            np.abs((ETKF().analyse(A @ x, huber_error(A @ x, data)).apply(x) - x).mean(axis=1)).max()
        )
    plain = np.abs((ETKF().analyse(A @ x, batch([300.0, 4.0, -0.5])).apply(x) - x).mean(axis=1)).max()
    assert shifts[2] < 3.0
    assert plain > 30.0
    ordinary = batch()
    np.testing.assert_allclose(huber_error(A @ x, ordinary, threshold=9.0).sd, ordinary.sd, rtol=1e-12)


def test_chance_correlations_get_little_weight_and_true_ones_nearly_all():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(1, 40))
    control = np.vstack(
        [signal + 0.1 * rng.normal(size=(1, 40)), rng.normal(size=(200, 40)), np.ones((1, 40))]
    )
    weights = correlation_taper(control, signal)[:, 0]
    assert weights[0] > 0.9
    assert weights[1:201].mean() < 0.25
    assert np.median(weights[1:201]) == 0.0
    assert weights[201] == 0.0
    grouped = group_correlation_taper(control, np.r_[0, np.ones(200, int), 2], signal)
    np.testing.assert_allclose(grouped[:, 0], [weights[0], np.sqrt((weights[1:201] ** 2).mean()), 0.0])


def test_tapered_gains_are_nearer_to_the_truth_than_raw_ones():
    """Many elements, few of which an observation bears upon: the mean squared error of the covariance falls."""
    rng = np.random.default_rng(1)
    raw_error, tapered_error = 0.0, 0.0
    for _ in range(50):
        y = rng.normal(size=(1, 20))
        x = rng.normal(size=(30, 20))
        x[:3] += y
        truth = np.r_[np.ones(3), np.zeros(27)]
        covariance = (x - x.mean(1, keepdims=True)) @ (y - y.mean()).T[:, 0] / 19
        raw_error += ((covariance - truth) ** 2).sum()
        tapered_error += ((correlation_taper(x, y)[:, 0] * covariance - truth) ** 2).sum()
    assert tapered_error < 0.7 * raw_error


def test_the_probability_of_a_chance_correlation():
    rng = np.random.default_rng(0)
    r = correlations(rng.normal(size=(4000, 25)), rng.normal(size=(1, 25)))[:, 0]
    assert (chance(r, 25) < 0.05).mean() == pytest.approx(0.05, abs=0.015)
    with pytest.raises(AnalysisError, match="say nothing"):
        correlation_taper(np.zeros((1, 3)), np.zeros((1, 3)))
