"""Thinning, superobservations, correlated errors, bias of sensors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_problem import COVARIANCE, MEAN, A, Y, batch, prior

from elterra.assimilation import (
    ETKF,
    AnalysisError,
    BiasCorrection,
    decorrelate,
    exponential_covariance,
    superobservations,
    thin,
)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_thinned_observations_keep_their_distance_and_none_could_be_added(seed):
    rng = np.random.default_rng(seed)
    places, kinds = rng.random((40, 2)), rng.integers(0, 2, 40)
    keep = thin(batch(np.zeros(40), 0.1 + rng.random(40), kinds), places, 0.25)
    for kind in (0, 1):
        apart = np.linalg.norm(places[kinds == kind][:, None] - places[kinds == kind], axis=2)
        kept = keep[kinds == kind]
        near = apart <= 0.25
        assert (near[np.ix_(kept, kept)] == np.eye(kept.sum(), dtype=bool)).all()
        assert near[:, kept].any(axis=1).all()


def test_the_more_certain_of_two_neighbours_stays():
    keep = thin(batch([1.0, 2.0, 3.0], [0.5, 0.1, 0.2]), np.array([[0.0], [0.1], [5.0]]), 1.0)
    np.testing.assert_array_equal(keep, [False, True, True])
    assert len(thin(batch([], 1.0), np.zeros((0, 1)), 1.0)) == 0


def test_superobservations_of_independent_data_lose_nothing():
    """Data with one operator in one box: the analysis is that of all of them."""
    x = prior()
    row = np.repeat(A[:1] @ x, 4, axis=0)
    data = batch([2.9, 3.1, 3.3, 2.0], [0.3, 0.4, 0.5, 0.6])
    joined, predicted, _ = superobservations(data, row, np.zeros((4, 1)), 1.0)
    assert len(joined) == 1
    np.testing.assert_allclose(
        ETKF().analyse(predicted, joined).apply(x), ETKF().analyse(row, data).apply(x), atol=1e-10
    )


def test_superobservations_of_one_error_are_as_certain_as_one_datum():
    joined, _, places = superobservations(
        batch([1.0, 3.0, 9.0], 0.4, [0, 0, 1]),
        np.zeros((3, 2)),
        np.array([[0.2], [0.4], [0.3]]),
        1.0,
        correlation=1.0,
    )
    np.testing.assert_allclose(joined.value, [2.0, 9.0])
    np.testing.assert_allclose(joined.sd, 0.4)
    np.testing.assert_array_equal(joined.group, [0, 1])
    np.testing.assert_allclose(places, [[0.3], [0.3]])


def test_correlated_errors_give_the_exact_posterior():
    x = prior()
    r = exponential_covariance(np.array([0.0, 1.0, 3.0]), np.array([0.3, 0.4, 0.2]), 2.0)
    data, predicted = decorrelate(Y, A @ x, r)
    found = ETKF().analyse(predicted, data).apply(x)
    gain = COVARIANCE @ A.T @ np.linalg.inv(A @ COVARIANCE @ A.T + r)
    np.testing.assert_allclose(found.mean(axis=1), MEAN + gain @ (Y - A @ MEAN), atol=1e-9)
    np.testing.assert_allclose(np.cov(found), COVARIANCE - gain @ A @ COVARIANCE, atol=1e-9)


@pytest.mark.parametrize(
    ("r", "words"), [(-np.eye(3), "positive"), (np.triu(np.ones((3, 3))), "symmetric"), (np.eye(2), "fit")]
)
def test_a_matrix_that_is_no_covariance_is_told(r, words):
    with pytest.raises(AnalysisError, match=words):
        decorrelate(Y, A @ prior(), r)


def test_the_bias_of_a_sensor_is_found_and_that_of_its_neighbour_is_not_invented():
    rng = np.random.default_rng(0)
    bias = BiasCorrection(np.array([1.0, 1.0]), memory=1e6)
    sensor = np.array([0, 0, 1])
    for _ in range(400):
        truth = rng.normal()
        predicted = truth + 0.3 * rng.normal() + 0.3 * rng.normal(size=(1, 20)).repeat(3, axis=0)
        data = batch(truth + np.array([0.8, 0.8, 0.0]) + 0.2 * rng.normal(size=3), 0.2)
        bias.forecast()
        bias.update(predicted, data, sensor)
    np.testing.assert_allclose(bias.mean, [0.8, 0.0], atol=0.08)
    corrected = bias.corrected(data, sensor)
    np.testing.assert_allclose(corrected.value, data.value - bias.mean[sensor])
    assert (corrected.sd > data.sd).all()


def test_one_update_of_the_bias_is_the_kalman_filter():
    bias = BiasCorrection(np.array([0.5]))
    predicted = np.array([[1.0, 2.0, 3.0]])
    bias.update(predicted, batch([4.0], [0.3]), np.array([0]))
    total = 1.0 + 0.09
    assert bias.mean[0] == pytest.approx(0.25 / (0.25 + total) * 2.0)
    assert bias.variance[0] == pytest.approx(0.25 * total / (0.25 + total))


def test_an_anchored_sensor_has_no_bias_and_without_data_the_bias_is_forgotten():
    bias = BiasCorrection(np.array([1.0, 1.0]), memory=10.0, anchored=frozenset({1}))
    bias.update(np.zeros((2, 5)), batch([1.0, 1.0], 0.1), np.array([0, 1]))
    assert bias.mean[0] > 0.9
    assert bias.mean[1] == 0.0
    other = BiasCorrection(np.array([1.0, 1.0]))
    other.restore(bias.state())
    bias.forecast(1000.0)
    assert abs(bias.mean[0]) < 1e-12
    assert bias.variance[0] == pytest.approx(1.0)
    assert other.mean[0] > 0.9
