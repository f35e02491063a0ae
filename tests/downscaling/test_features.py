"""Terrain features against surfaces with known answers, and the mixture inside a cell."""

from __future__ import annotations

import numpy as np
import pytest

from elterra.downscaling import Aggregation, Grid, edge_density, entropy, fractions, moments, terrain
from elterra.downscaling.features.terrain import fill_hollows, flow_area, gradient, insolation
from elterra.errors import InputError
from elterra.forcing.solar import SOLAR_CONSTANT

NORTH_UP = Grid(np.arange(40)[::-1] * 50.0, np.arange(30) * 50.0, "EPSG:3035", False)


def plane(grid, east, north):
    return 500.0 + east * grid.x[None, :] + north * grid.y[:, None]


@pytest.mark.parametrize("flip", [False, True])
def test_the_gradient_of_a_plane_is_exact_whichever_way_the_rows_run(flip):
    grid = Grid(NORTH_UP.y[::-1], NORTH_UP.x, NORTH_UP.crs, False) if flip else NORTH_UP
    east, north = gradient(plane(grid, 0.1, -0.2), grid)
    np.testing.assert_allclose(east[1:-1, 1:-1], 0.1)
    np.testing.assert_allclose(north[1:-1, 1:-1], -0.2)


def test_a_slope_that_falls_to_the_south_faces_south():
    found = terrain(plane(NORTH_UP, 0.0, 0.2), NORTH_UP, latitude=47.0).values
    inner = (slice(2, -2), slice(2, -2))
    assert (found["northness"][inner] < -0.1).all()
    np.testing.assert_allclose(found["eastness"][inner], 0.0, atol=1e-12)
    np.testing.assert_allclose(found["slope"][inner], np.rad2deg(np.arctan(0.2)))
    flat = terrain(plane(NORTH_UP, 0.0, 0.0), NORTH_UP, latitude=47.0).values
    assert (found["insolation_december"][inner] > 1.3 * flat["insolation_december"][inner]).all()


def test_light_on_flat_ground_is_that_of_the_day():
    """Closed form of the daily sum at the top of the air (e.g. Spencer 1971 for the declination)."""
    lat, zero = np.array([[50.0]]), np.zeros((1, 1))
    found = insolation(zero, zero, lat, steps=2000)[5, 0, 0]
    decl = np.deg2rad(23.26)
    phi = np.deg2rad(50.0)
    h = np.arccos(-np.tan(phi) * np.tan(decl))
    day = (
        86400
        / np.pi
        * SOLAR_CONSTANT
        * 0.969
        * (h * np.sin(phi) * np.sin(decl) + np.cos(phi) * np.cos(decl) * np.sin(h))
    )
    assert found == pytest.approx(day * 1e-6, rel=3e-3)


def test_all_the_area_of_a_basin_leaves_at_its_outlet():
    y, x = np.meshgrid(np.arange(40), np.arange(30), indexing="ij")
    bowl = 100.0 + np.hypot(y - 39, x - 15)
    bowl[20, 15] -= 30.0  # a hollow on the way
    area = flow_area(fill_hollows(bowl), NORTH_UP)
    pixel = 50.0**2
    # what does not leave over the border elsewhere passes the outlet; the hollow keeps nothing
    assert area.min() >= pixel * (1 - 1e-12)
    assert area.max() == area[39, 15]
    assert area[39, 15] > 0.7 * pixel * bowl.size


def test_filling_only_raises_and_leaves_no_hollow():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20, 20))
    filled = fill_hollows(z)
    assert (filled >= z).all()
    padded = np.pad(filled, 1, constant_values=np.inf)
    lowest = np.min(
        [padded[1 + i : 21 + i, 1 + j : 21 + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)],
        axis=0,
    )
    assert (lowest < filled)[1:-1, 1:-1].all()


def test_unknown_ground_stays_unknown_and_does_not_spread():
    z = plane(NORTH_UP, 0.1, 0.1)
    z[:, :3] = np.nan
    found = terrain(z, NORTH_UP, latitude=47.0)
    for name, value in found.values.items():
        assert np.isnan(value[:, :3]).all(), name
        assert np.isfinite(value[:, 3:]).all(), name


def test_a_projected_grid_needs_a_latitude():
    with pytest.raises(InputError, match="needs a latitude"):
        terrain(plane(NORTH_UP, 0.1, 0.1), NORTH_UP)


def test_moments_of_a_cell_are_those_of_its_known_land():
    rng = np.random.default_rng(1)
    field = rng.gamma(2.0, size=(8, 8))
    field[0, 0] = np.nan
    weight = rng.random((8, 8))
    found = moments(field, Aggregation.of_factor((8, 8), 4, land_fraction=weight))
    v, w = field[:4, :4].ravel()[1:], weight[:4, :4].ravel()[1:]
    mean = np.average(v, weights=w)
    sd = np.sqrt(np.average((v - mean) ** 2, weights=w))
    assert found["mean"][0, 0] == pytest.approx(mean)
    assert found["sd"][0, 0] == pytest.approx(sd)
    assert found["skewness"][0, 0] == pytest.approx(np.average((v - mean) ** 3, weights=w) / sd**3)
    uniform = moments(np.full((8, 8), 0.1), Aggregation.of_factor((8, 8), 4))
    assert (uniform["sd"] == 0).all()
    assert (uniform["skewness"] == 0).all()


def test_entropy_and_edges_of_known_patterns():
    board = np.indices((8, 8)).sum(axis=0) % 2.0
    halves = np.zeros((8, 8))
    halves[:, 2:4] = 1.0
    halves[:, 6:] = 1.0
    aggregation = Aggregation.of_factor((8, 8), 4)
    np.testing.assert_allclose(entropy(board, aggregation), np.log(2))
    np.testing.assert_allclose(edge_density(board, aggregation), 1.0)
    np.testing.assert_allclose(edge_density(halves, aggregation), 4 / 24)
    one = np.full((8, 8), 5.0)
    np.testing.assert_allclose(entropy(one, aggregation), 0.0)
    np.testing.assert_allclose(edge_density(one, aggregation), 0.0)
    np.testing.assert_allclose(fractions(halves, aggregation)[1], 0.5)
