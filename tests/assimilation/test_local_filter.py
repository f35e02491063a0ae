"""LETKF: equal to the ETKF of each point with its own weights, and to nothing where there is nothing."""

import numpy as np
import pytest
from linear_problem import A, assert_exact, batch, prior

from elterra.assimilation import ETKF, AnalysisError, LocalFilter, Places, gaspari_cohn, on_sphere
from elterra.assimilation.serial_local import serial_local_analysis


def _field(seed=0, points=40, n=25, members=9, layers=2):
    rng = np.random.default_rng(seed)
    places = Places(10 * rng.random((points, 2)), 10 * rng.random((n, 2)))
    x = rng.normal(size=(layers, points, members))
    return x, rng.normal(size=(n, members)), batch(rng.normal(size=n), 0.5, rng.integers(0, 2, n)), places


def _reference(x, predicted, data, weights):
    return x @ ETKF().analyse(predicted, data, weights[None]).transform[0]


@pytest.mark.parametrize("method", [LocalFilter(half_support=2.0), LocalFilter()], ids=["fixed", "adaptive"])
def test_each_point_is_an_etkf_with_tapered_observations(method):
    x, predicted, data, places = _field()
    found = method.analyse(x, predicted, data, places)
    for i in range(x.shape[1]):
        distance = np.linalg.norm(places.observed - places.points[i], axis=1)
        weights = gaspari_cohn(distance, found.half_support[i])
        weights[weights < 1e-3] = 0.0
        np.testing.assert_allclose(found.x[:, i], _reference(x[:, i], predicted, data, weights), atol=1e-12)


def test_the_adaptive_weights_sum_to_the_members():
    x, predicted, data, places = _field(n=80)
    found = LocalFilter().analyse(x, predicted, data, places)
    distance = np.linalg.norm(places.observed[None] - places.points[:, None], axis=2)
    sums = gaspari_cohn(distance / found.half_support[:, None], 1.0).sum(axis=1)
    assert sums.max() < 9.02
    # at the rim fewer may lie within the support that is searched
    assert np.mean(sums > 8.95) > 0.8


def test_a_point_without_observations_keeps_its_bits():
    x, predicted, data, places = _field(points=3)
    away = Places(np.array([[0.0, 0.0], [1e6, 0.0], [5.0, 5.0]]), places.observed)
    found = LocalFilter(half_support=3.0).analyse(x, predicted, data, away)
    np.testing.assert_array_equal(found.x[:, 1], x[:, 1])
    assert found.diagnostics["points_without"] == 1.0
    assert np.abs(found.x[:, 2] - x[:, 2]).max() > 0.01


def test_no_observation_at_all_is_the_identity_to_the_bit():
    x, predicted, _, places = _field()
    none = Places(places.points, np.zeros((0, 2)))
    np.testing.assert_array_equal(LocalFilter().analyse(x, predicted[:0], batch([], 1.0), none).x, x)


def test_without_distance_it_is_exact():
    x = prior()
    places = Places(np.zeros((1, 1)), np.zeros((3, 1)))
    for method in (LocalFilter(half_support=1.0), LocalFilter()):
        assert_exact(method.analyse(x[:, None, :], A @ x, batch(), places).x[:, 0])


def test_localisation_by_variable_and_by_depth():
    x, predicted, data, places = _field(layers=3)
    weight = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    by_kind = Places(places.points, places.observed, layer_weight=weight)
    found = LocalFilter(half_support=4.0).analyse(x, predicted, data, by_kind)
    np.testing.assert_array_equal(found.x[2], x[2])
    alone = LocalFilter(half_support=4.0).analyse(
        x,
        predicted[data.group == 0],
        data.select(data.group == 0),
        Places(places.points, places.observed[data.group == 0]),
    )
    np.testing.assert_allclose(found.x[0], alone.x[0], atol=1e-12)

    depth = np.where(np.arange(25) < 20, 0.1, np.nan)
    by_depth = Places(places.points, places.observed, depth=np.array([0.1, 0.3, 9.0]), observed_depth=depth)
    found = LocalFilter(half_support=4.0, depth_half_support=0.2).analyse(x, predicted, data, by_depth)
    whole = LocalFilter(half_support=4.0).analyse(x, predicted, data, places)
    np.testing.assert_allclose(found.x[0], whole.x[0], atol=1e-12)
    assert np.abs(found.x[1] - x[1]).max() < np.abs(whole.x[1] - x[1]).max()
    deep = Places(places.points, places.observed[20:])
    only = LocalFilter(half_support=4.0).analyse(x, predicted[20:], data.select(np.arange(25) >= 20), deep)
    np.testing.assert_allclose(found.x[2], only.x[2], atol=1e-12)


def test_a_periodic_axis_joins_its_ends():
    x, predicted, data, _ = _field(points=2, n=1)
    places = Places(np.array([[0.2], [5.0]]), np.array([[9.9]]), period=np.array([10.0]))
    found = LocalFilter(half_support=1.0).analyse(x, predicted, data, places)
    assert np.abs(found.x[:, 0] - x[:, 0]).max() > 0.01
    np.testing.assert_array_equal(found.x[:, 1], x[:, 1])


def test_the_blocks_do_not_matter(monkeypatch):
    x, predicted, data, places = _field(points=37)
    whole = LocalFilter(half_support=2.0).analyse(x, predicted, data, places).x
    monkeypatch.setattr("elterra.assimilation.local_filter._BLOCK_BYTES", 9 * 8 * 25 * 5)
    np.testing.assert_allclose(
        LocalFilter(half_support=2.0).analyse(x, predicted, data, places).x, whole, atol=1e-13
    )


def test_chords_on_the_sphere():
    there = on_sphere(np.array([0.0, 90.0]), np.array([0.0, 50.0]), 2.0)
    np.testing.assert_allclose(there, [[2, 0, 0], [0, 0, 2]], atol=1e-15)


def test_what_does_not_fit_is_told():
    x, predicted, data, places = _field()
    with pytest.raises(AnalysisError, match="places of observations"):
        LocalFilter().analyse(x, predicted, data, Places(places.points, places.observed[:3]))
    with pytest.raises(AnalysisError, match="depth"):
        LocalFilter(depth_half_support=1.0).analyse(x, predicted, data, places)
    x[0, 0, 4] = np.nan
    with pytest.raises(AnalysisError, match=r"members \[4\]"):
        LocalFilter().analyse(x, predicted, data, places)


def test_the_serial_adjustment_without_taper_is_exact_and_with_none_does_nothing():
    x = prior()
    y, sd = batch().value, batch().sd
    ones = np.ones((3, 2)), np.ones((3, 3))
    for order in ([0, 1, 2], [2, 0, 1]):
        state, predicted = serial_local_analysis(x, A @ x, y, sd, *ones, np.array(order))
        assert_exact(np.asarray(state))
        np.testing.assert_allclose(predicted, A @ np.asarray(state), atol=1e-12)
    state, _ = serial_local_analysis(x, A @ x, y, sd, 0 * ones[0], 0 * ones[1], np.arange(3))
    np.testing.assert_array_equal(state, x)
    flat, _ = serial_local_analysis(x, np.ones((3, 40)), y, sd, *ones, np.arange(3))
    np.testing.assert_array_equal(flat, x)
