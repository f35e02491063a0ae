"""The conservative operator: what goes in comes out, on land only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.downscaling import Aggregation
from elterra.errors import InputError


def random_land(rng, shape):
    land = rng.random(shape)
    land[rng.random(shape) < 0.3] = 0.0
    return land


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6))
def test_the_total_of_the_cells_is_the_total_of_the_pixels(seed, fy, fx):
    rng = np.random.default_rng(seed)
    land = random_land(rng, (13, 17))
    area = rng.random((13, 1)) + 0.1
    aggregation = Aggregation.of_factor((13, 17), (fy, fx), area, land)
    field = rng.normal(size=(13, 17))
    np.testing.assert_allclose(
        aggregation.total(field).sum(), (field * area * land).sum(), rtol=0, atol=1e-12
    )


def test_a_uniform_field_keeps_its_value_and_cells_without_land_have_none():
    land = np.ones((6, 6))
    land[:3, :3] = 0
    aggregation = Aggregation.of_factor((6, 6), 3, land_fraction=land)
    mean = aggregation.mean(np.full((6, 6), 7.0))
    assert np.isnan(mean[0, 0])
    np.testing.assert_allclose(mean[~np.isnan(mean)], 7.0, rtol=1e-15)
    assert not aggregation.has_land[0, 0]


def test_sea_pixels_may_hold_nan_and_land_pixels_may_not():
    land = np.ones((4, 4))
    land[0, 0] = 0
    aggregation = Aggregation.of_factor((4, 4), 2, land_fraction=land)
    field = np.ones((4, 4))
    field[0, 0] = np.nan
    assert np.isfinite(aggregation.mean(field)).all()
    field[3, 3] = np.nan
    assert np.isnan(aggregation.mean(field)[1, 1])


def test_pixels_count_by_their_area_times_land():
    aggregation = Aggregation.of_factor(
        (2, 1), 2, area=np.array([[1.0], [3.0]]), land_fraction=np.array([[1.0], [0.5]])
    )
    np.testing.assert_allclose(aggregation.mean(np.array([[10.0], [20.0]])), [[(10 + 1.5 * 20) / 2.5]])


def test_spreading_and_averaging_gives_the_cells_back():
    rng = np.random.default_rng(1)
    aggregation = Aggregation.of_factor((9, 12), 4, land_fraction=random_land(rng, (9, 12)))
    cells = rng.normal(size=(2, 3, 3))
    np.testing.assert_allclose(
        aggregation.mean(aggregation.spread(cells)), np.where(aggregation.has_land, cells, np.nan)
    )


def test_grids_that_do_not_nest_conserve_on_the_sphere():
    rng = np.random.default_rng(2)
    fine = (np.linspace(60.0, 40.0, 41), np.linspace(0.0, 10.0, 31))
    coarse = (np.linspace(60.0, 40.0, 8), np.linspace(0.0, 10.0, 5))
    aggregation = Aggregation.of_edges(fine, coarse, geographic=True)
    assert not aggregation.nested
    area = np.deg2rad(10.0) * (np.sin(np.deg2rad(60.0)) - np.sin(np.deg2rad(40.0)))
    np.testing.assert_allclose(aggregation.cell_land.sum(), area, rtol=1e-12)
    field = rng.normal(size=(40, 30))
    np.testing.assert_allclose(
        aggregation.total(field).sum(), (field * aggregation.pixel_land).sum(), atol=1e-14
    )
    with pytest.raises(InputError, match="several cells"):
        _ = aggregation.cell_of_pixel


def test_edges_that_nest_give_the_blocks_of_a_factor():
    y, x = np.linspace(0.0, 1.2, 13), np.linspace(0.0, 0.9, 10)
    by_edges = Aggregation.of_edges((y, x), (y[::3], x[::3]), geographic=False)
    by_factor = Aggregation.of_factor((12, 9), 3)
    assert by_edges.nested
    field = np.random.default_rng(3).normal(size=(12, 9))
    np.testing.assert_allclose(by_edges.mean(field), by_factor.mean(field), atol=1e-13)


def test_wrong_shapes_and_land_fractions_are_told():
    aggregation = Aggregation.of_factor((4, 4), 2)
    with pytest.raises(InputError, match=r"shape \(3, 4\)"):
        aggregation.mean(np.zeros((3, 4)))
    with pytest.raises(InputError, match=r"land fraction 1\.5 of pixel \(0, 1\)"):
        Aggregation.of_factor((1, 2), 1, land_fraction=np.array([[1.0, 1.5]]))
