"""Shared areas and conservative regridding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.domain.grid import Grid
from elterra.domain.mappings import CORDEX_POLE, LambertAzimuthal, LatLon, RotatedPole
from elterra.domain.named_grids import cordex, laea, regular
from elterra.domain.overlap import overlap_areas
from elterra.domain.regrid import Interpolator, Regridder, nearest
from elterra.errors import InputError

BOX = (44.0, 56.0, 0.0, 20.0)
#: each covers the box of the other by far
PAIRS = {
    "regular to finer regular": (
        regular(1.0, (40.0, 60.0, -6.0, 26.0)),
        regular(0.4, (44.0, 56.0, 0.0, 20.0)),
    ),
    "regular to rotated": (
        regular(0.5, (35.0, 70.0, -15.0, 45.0)),
        cordex("EUR-44").subset(46.0, 52.0, 8.0, 18.0),
    ),
    "rotated to regular": (cordex("EUR-44"), regular(0.3, (45.0, 54.0, 6.0, 18.0))),
    "regular to LAEA": (regular(0.5, (35.0, 65.0, -15.0, 45.0)), laea(60_000.0, (46.0, 52.0, 8.0, 18.0))),
    "LAEA to rotated": (
        laea(50_000.0, (36.0, 66.0, -12.0, 40.0)),
        cordex("EUR-44").subset(47.0, 51.0, 8.0, 16.0),
    ),
    "LAEA to LAEA": (laea(50_000.0, (40.0, 62.0, -5.0, 30.0)), laea(35_000.0, (46.0, 52.0, 8.0, 18.0))),
    "rotated to another rotated": (
        cordex("EUR-44"),
        Grid.uniform(RotatedPole(30.0, 170.0), -5.0, -5.0, 0.7, 10, 10),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_covered_cells_are_covered_once(name):
    source, target = PAIRS[name]
    weights = overlap_areas(source, target)
    assert weights.shape == (target.size, source.size)
    assert weights.data.min() > 0.0
    covered = np.asarray(weights.sum(axis=1)).ravel() / target.area.ravel()
    np.testing.assert_allclose(covered, 1.0, atol=3e-6)
    given_away = np.asarray(weights.sum(axis=0)).ravel() / source.area.ravel()
    assert given_away.max() <= 1.0 + 3e-6


@pytest.mark.parametrize("name", PAIRS)
def test_constants_stay_constant_and_the_way_back_conserves(name):
    source, target = PAIRS[name]
    there = Regridder(source, target)
    values, part = there.mean(np.full(source.shape, 7.25))
    np.testing.assert_allclose(values, 7.25, rtol=1e-13)
    np.testing.assert_array_equal(part, 1.0)
    # the other direction: what the (smaller) grid holds arrives whole
    back = Regridder(target, source)
    rng = np.random.default_rng(1)
    field = rng.normal(10.0, 3.0, target.shape)
    mean, _ = back.mean(field)
    area = np.asarray(back.weights.sum(axis=1)).reshape(source.shape)
    held = float(np.nansum(np.where(area > 0, mean, 0.0) * area))
    own = np.asarray(back.weights.sum(axis=0)).reshape(target.shape)
    assert held == pytest.approx(float((field * own).sum()), rel=1e-12)
    assert held == pytest.approx(float((field * target.area).sum()), rel=1e-5)


def test_more_chords_converge_to_exact_areas():
    source, target = regular(0.5, (35.0, 70.0, -15.0, 45.0)), cordex("EUR-44").subset(46.0, 52.0, 8.0, 18.0)
    errors = []
    for pieces in (1, 4, 16):
        covered = np.asarray(overlap_areas(source, target, pieces).sum(axis=1)).ravel()
        errors.append(np.abs(covered / target.area.ravel() - 1.0).max())
    given_away = [
        np.abs(
            np.asarray(overlap_areas(target, source, p).sum(axis=0)).ravel() / target.area.ravel() - 1
        ).max()
        for p in (1, 4, 16)
    ]
    worst = np.maximum(errors, given_away)
    assert worst[1] < worst[0] / 10.0
    assert worst[2] < worst[1] / 10.0


def test_overlaps_agree_with_clipped_polygons():
    shapely = pytest.importorskip("shapely")
    source = regular(1.0, (46.0, 52.0, 6.0, 14.0))
    target = Grid.uniform(CORDEX_POLE, -5.0, -2.0, 0.8, 4, 4)
    weights = overlap_areas(source, target, pieces=32).toarray()
    u, v = source.mapping.plane(source.x_edges, source.y_edges)
    for cell in (0, 5, 15):
        j, i = divmod(cell, 4)
        along = np.linspace(0.0, 1.0, 65)
        x0, x1, y0, y1 = *target.x_edges[i : i + 2], *target.y_edges[j : j + 2]
        xs = np.concatenate(
            [x0 + (x1 - x0) * along, np.full(65, x1), x1 - (x1 - x0) * along, np.full(65, x0)]
        )
        ys = np.concatenate(
            [np.full(65, y0), y0 + (y1 - y0) * along, np.full(65, y1), y1 - (y1 - y0) * along]
        )
        lat, lon = target.mapping.inverse(xs, ys)
        polygon = shapely.Polygon(np.stack(source.mapping.plane(lon, lat), axis=-1)).buffer(0)
        for k in range(source.size):
            row, column = divmod(k, source.shape[1])
            box = shapely.box(u[column], v[row], u[column + 1], v[row + 1])
            expected = polygon.intersection(box).area
            assert weights[cell, k] == pytest.approx(expected, abs=1e-6 * target.area[j, i])


def test_identity():
    for grid in (regular(0.5, BOX), cordex("EUR-44").subset(46.0, 52.0, 8.0, 18.0), laea(50_000.0, BOX)):
        field = np.random.default_rng(0).normal(size=grid.shape)
        regrid = Regridder(grid, grid)
        assert regrid.weights.nnz == grid.size
        np.testing.assert_allclose(regrid.mean(field)[0], field, rtol=1e-12)


def test_a_global_grid_in_0_360_serves_europe():
    # longitudes 0..360: Europe lies across its edge
    whole = Grid(LatLon(), np.linspace(0.0, 360.0, 145), np.linspace(-90.0, 90.0, 73), "0..360")
    for target in (regular(0.5), cordex("EUR-44"), laea(100_000.0, BOX)):
        regrid = Regridder(whole, target)
        np.testing.assert_allclose(
            np.asarray(regrid.weights.sum(axis=1)).ravel(), target.area.ravel(), rtol=1e-5
        )
        lon = np.broadcast_to(np.cos(np.deg2rad(whole.lon)), whole.shape)
        mean, _ = regrid.mean(lon)
        np.testing.assert_allclose(mean, np.cos(np.deg2rad(target.lon)), atol=0.03)


def test_missing_values_lower_the_part_and_leave_the_mean():
    source, target = regular(0.5, BOX), regular(2.0, BOX)
    field = np.full(source.shape, 3.0)
    field[:, ::2] = np.nan
    mean, part = Regridder(source, target).mean(field)
    np.testing.assert_allclose(mean, 3.0, rtol=1e-14)
    np.testing.assert_allclose(part, 0.5, rtol=1e-12)
    assert np.isnan(Regridder(source, target).mean(field, min_fraction=0.6)[0]).all()
    field[:] = np.nan
    mean, part = Regridder(source, target).mean(field)
    assert np.isnan(mean).all()
    assert (part == 0.0).all()


def test_cells_outside_the_source_are_missing():
    source, target = regular(0.5, (44.0, 50.0, 0.0, 10.0)), regular(1.0, (46.0, 54.0, 4.0, 14.0))
    mean, part = Regridder(source, target).mean(np.ones(source.shape))
    inside = (target.lat < 50) & (target.lon < 10)
    np.testing.assert_array_equal(np.isfinite(mean), inside)
    np.testing.assert_array_equal(part, inside.astype(float))


@given(
    x=st.lists(st.integers(1, 39), min_size=1, max_size=5, unique=True),
    y=st.lists(st.integers(1, 39), min_size=1, max_size=5, unique=True),
    seed=st.integers(0, 1000),
    holes=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_totals_are_kept_whatever_the_cells(x, y, seed, holes):
    rng = np.random.default_rng(seed)
    source = Grid(CORDEX_POLE, -4.0 + np.sort([0, *x, 40]) / 5.0, -4.0 + np.sort([0, *y, 40]) / 5.0)
    target = regular(3.0, (42.0, 60.0, 3.0, 36.0))
    field = rng.normal(5.0, 2.0, source.shape)
    if holes:
        field[rng.random(source.shape) < 0.4] = np.nan
    regrid = Regridder(source, target)
    mean, _ = regrid.mean(field)
    valid = regrid.weights @ np.isfinite(field).ravel().astype(float)
    total = float(np.nansum(np.nan_to_num(mean).ravel() * valid))
    own = np.asarray(regrid.weights.sum(axis=0)).reshape(source.shape)
    assert total == pytest.approx(float(np.nansum(field * own)), rel=1e-10, abs=1e-3)
    # the target covers the source: nothing is lost but what chords cut off
    np.testing.assert_allclose(own, source.area, rtol=2e-3)


def test_shares_of_classes_sum_to_one_and_weigh_by_area():
    source, target = regular(0.5, BOX), regular(2.0, BOX)
    classes = np.random.default_rng(3).integers(0, 4, source.shape)
    regrid = Regridder(source, target)
    shares, part = regrid.share(classes, range(4))
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, rtol=1e-13)
    np.testing.assert_array_equal(part, 1.0)
    total = (shares[2] * target.area).sum()
    assert total == pytest.approx(source.area[classes == 2].sum(), rel=1e-12)
    assert regrid.share(classes, [1, 2])[1].max() < 1.0


def test_interpolation_is_exact_for_planes_and_round_the_earth():
    source, target = regular(1.0, BOX), cordex("EUR-44").subset(46.0, 52.0, 8.0, 18.0)
    carry = Interpolator(source, target)
    values, part = carry.mean(np.stack([3.0 * source.lat - source.lon, np.ones(source.shape)]))
    np.testing.assert_allclose(values[0], 3.0 * target.lat - target.lon, atol=1e-10)
    np.testing.assert_allclose(values[1], 1.0, rtol=1e-12)
    np.testing.assert_allclose(part, 1.0, rtol=1e-12)
    # Greenwich lies between the last and the first column
    whole = Grid(LatLon(), np.linspace(0.0, 360.0, 73), np.linspace(-90.0, 90.0, 37))
    near = regular(1.0, (40.0, 50.0, -5.0, 5.0))
    distance, _ = Interpolator(whole, near).mean(np.minimum(np.abs(whole.lon), 180.0))
    np.testing.assert_allclose(distance, np.maximum(np.abs(near.lon), 2.5), atol=1e-9)


def test_interpolation_leaves_gaps_out():
    source, target = regular(1.0, BOX), regular(0.25, (46.0, 54.0, 2.0, 18.0))
    field = np.full(source.shape, 5.0)
    field[4, :] = np.nan
    values, part = Interpolator(source, target).mean(field)
    np.testing.assert_allclose(values[np.isfinite(values)], 5.0)
    assert part.min() < 0.5
    outside = Interpolator(source, regular(1.0, (57.0, 58.0, 0.0, 20.0))).mean(field)[0]
    assert np.isnan(outside).all()


def test_nearest_finds_the_cell_of_each_centre():
    source, target = regular(1.0, BOX), cordex("EUR-44").subset(46.0, 52.0, 8.0, 18.0)
    index = nearest(source, target)
    lat, lon = source.lat.ravel()[index], source.lon.ravel()[index]
    assert np.abs(lat - target.lat).max() <= 0.5
    assert np.abs(lon - target.lon).max() <= 0.5
    assert (nearest(target, source) == -1).any()


def test_what_cannot_be_done_is_told():
    arctic = Grid.uniform(RotatedPole(6.55, 0.0), -10.0, -10.0, 2.0, 11, 11, "around the pole")
    with pytest.raises(InputError, match="around the pole of the second"):
        overlap_areas(arctic, regular(0.5, (60.0, 90.0, -30.0, 30.0)))
    with pytest.raises(InputError, match="different LAEA"):
        overlap_areas(laea(200_000.0, BOX), Grid(LambertAzimuthal(lat0=40.0), np.arange(3.0), np.arange(3.0)))
    with pytest.raises(InputError, match="does not fit"):
        Regridder(regular(1.0, BOX), regular(2.0, BOX)).mean(np.zeros((3, 3)))
