"""LETKF with interpolated transforms: exact at the corners, near in between, nothing where there is nothing."""

import numpy as np
import pytest
from linear_problem import batch

from elterra.assimilation import AnalysisError, InterpolatedFilter, LocalFilter, Places


def _field(points=400, n=60, members=12, layers=3, seed=0):
    rng = np.random.default_rng(seed)
    places = Places(20 * rng.random((points, 2)), 20 * rng.random((n, 2)))
    x = rng.normal(size=(layers, points, members))
    return x, rng.normal(size=(n, members)), batch(rng.normal(size=n), 0.5, rng.integers(0, 2, n)), places


def test_points_on_the_corners_have_the_analysis_of_the_letkf():
    x, predicted, data, places = _field(points=25)
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0), indexing="ij"), axis=-1).reshape(-1, 2) * 4.0
    on = Places(grid, places.observed)
    coarse = InterpolatedFilter(half_support=5.0, spacing=4.0).analyse(x, predicted, data, on)
    np.testing.assert_allclose(
        coarse.x, LocalFilter(half_support=5.0).analyse(x, predicted, data, on).x, atol=1e-10
    )


@pytest.mark.parametrize("method", [{"half_support": 5.0}, {}], ids=["fixed", "adaptive"])
def test_between_corners_the_error_falls_with_the_square_of_the_spacing(method):
    x, predicted, data, places = _field()
    whole = LocalFilter(**method).analyse(x, predicted, data, places).x
    error = []
    for spacing in (2.0, 1.0, 0.5):
        found = InterpolatedFilter(**method, spacing=spacing).analyse(x, predicted, data, places).x
        error.append(np.sqrt(((found - whole) ** 2).mean() / ((whole - x) ** 2).mean()))
    assert error[1] < 0.1
    if method:  # the adaptive radius has kinks
        assert error[1] < 0.4 * error[0]
        assert error[2] < 0.4 * error[1]


def test_cells_without_observations_keep_their_bits_and_columns_sum_to_one():
    x, predicted, data, places = _field(points=50)
    points = places.points.copy()
    points[:5] += 1e4
    away = Places(points, places.observed)
    found = InterpolatedFilter(half_support=3.0, spacing=1.0).analyse(x, predicted, data, away)
    np.testing.assert_array_equal(found.x[:, :5], x[:, :5])
    assert found.diagnostics["points_without"] >= 5
    ones = np.ones_like(x)
    same = InterpolatedFilter(half_support=3.0, spacing=1.0).analyse(ones, predicted, data, places).x
    np.testing.assert_allclose(same, 1.0, atol=1e-12)


def test_a_periodic_axis_has_no_seam():
    rng = np.random.default_rng(4)
    points, observed = np.sort(10 * rng.random((60, 1)), axis=0), np.arange(10.0)[:, None]
    x, predicted = rng.normal(size=(1, 60, 9)), rng.normal(size=(10, 9))
    data = batch(rng.normal(size=10), 0.5)
    around = Places(points, observed, period=np.array([10.0]))
    moved = Places((points + 3.0) % 10.0, (observed + 3.0) % 10.0, period=np.array([10.0]))
    method = InterpolatedFilter(half_support=1.5, spacing=0.5)
    first, second = (method.analyse(x, predicted, data, p) for p in (around, moved))
    np.testing.assert_allclose(first.x, second.x, atol=1e-10)
    assert first.diagnostics["corners"] <= 20


def test_weights_by_layer_act_as_in_the_letkf_and_nonsense_is_refused():
    x, predicted, data, places = _field(points=30)
    layered = Places(
        places.points, places.observed, layer_weight=np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    )
    fine = InterpolatedFilter(half_support=6.0, spacing=0.25).analyse(x, predicted, data, layered).x
    np.testing.assert_allclose(
        fine, LocalFilter(half_support=6.0).analyse(x, predicted, data, layered).x, atol=0.02
    )
    np.testing.assert_array_equal(fine[2], x[2])
    with pytest.raises(AnalysisError, match="spacing of the coarse grid"):
        InterpolatedFilter(spacing=0.0).analyse(x, predicted, data, places)
