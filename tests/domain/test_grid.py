"""Coordinate systems and grids: exact positions, areas, subsets, CF form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elterra.domain.grid import Grid
from elterra.domain.mappings import (
    CORDEX_POLE,
    RADIUS,
    LambertAzimuthal,
    LatLon,
    RotatedPole,
    mapping_from_attrs,
    wrap,
)
from elterra.domain.named_grids import cordex, laea, regular
from elterra.errors import InputError

SPHERE = 4.0 * np.pi * RADIUS**2
LAT, LON = np.meshgrid(np.linspace(30, 74, 23), np.linspace(-40, 60, 31), indexing="ij")


@pytest.mark.parametrize("mapping", [LatLon(), CORDEX_POLE, RotatedPole(20.0, 100.0), LambertAzimuthal()])
def test_forward_and_inverse_undo_each_other(mapping):
    lat, lon = mapping.inverse(*mapping.forward(LAT, LON))
    np.testing.assert_allclose(lat, LAT, atol=1e-11)
    np.testing.assert_allclose(lon, LON, atol=1e-10)


def test_the_rotated_pole_is_where_it_is_said_to_be():
    x, y = CORDEX_POLE.forward(np.array([39.25]), np.array([-162.0]))
    assert y[0] == pytest.approx(90.0)
    # the origin of the rotated system lies on the meridian opposite the pole
    lat, lon = CORDEX_POLE.inverse(np.array([0.0]), np.array([0.0]))
    assert (lat[0], lon[0]) == (pytest.approx(50.75), pytest.approx(18.0))
    assert np.isfinite(x).all()


def test_positions_agree_with_proj():
    pyproj = pytest.importorskip("pyproj")
    to_geographic = pyproj.Transformer.from_crs(3035, 4258, always_xy=True)
    grid = laea(200_000.0)
    lon, lat = to_geographic.transform(*np.meshgrid(grid.x, grid.y))
    np.testing.assert_allclose(grid.lat, lat, atol=1e-7)
    np.testing.assert_allclose(grid.lon, lon, atol=1e-7)
    rotated = cordex("EUR-44")
    to_rotated = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad "
        "+step +proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39.25 +lon_0=18 +R=6371007.181 "
        "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    x, y = to_rotated.transform(rotated.lon, rotated.lat)
    np.testing.assert_allclose(x, np.broadcast_to(rotated.x, x.shape), atol=1e-9)
    np.testing.assert_allclose(y, np.broadcast_to(rotated.y[:, None], y.shape), atol=1e-9)


def test_the_corner_of_eur_11_is_that_of_published_files():
    grid = cordex("EUR-11")
    assert grid.shape == (412, 424)
    # first cell of EURO-CORDEX EUR-11 output
    assert grid.lat[0, 0] == pytest.approx(21.98783, abs=1e-5)
    assert grid.lon[0, 0] == pytest.approx(-10.064, abs=1e-3)


def test_the_grids_of_cordex_nest_and_the_3_km_grid_has_its_cells():
    eleven, fortyfour = cordex("EUR-11"), cordex("EUR-44")
    assert np.abs(eleven.x_edges[::4] - fortyfour.x_edges[:107]).max() < 1e-9
    assert cordex("EUR-0275").shape == (1544, 1592)
    with pytest.raises(InputError, match="EUR-44, EUR-22"):
        cordex("EUR-12")


@pytest.mark.parametrize("mapping", [LatLon(), CORDEX_POLE])
@given(
    cuts=st.lists(st.integers(1, 99), min_size=0, max_size=6, unique=True),
    turns=st.lists(st.integers(1, 99), min_size=0, max_size=6, unique=True),
)
@settings(max_examples=30, deadline=None)
def test_the_cells_of_a_sphere_have_its_area(mapping, cuts, turns):
    y = -90.0 + 180.0 * np.array([0, *sorted(cuts), 100]) / 100
    x = -180.0 + 360.0 * np.array([0, *sorted(turns), 100]) / 100
    grid = Grid(mapping, x, y)
    assert grid.area.sum() == pytest.approx(SPHERE, rel=1e-14)
    assert grid.is_global


def test_areas_of_laea_are_those_of_the_sphere():
    grid = laea(25_000.0, (45.0, 55.0, 0.0, 20.0))
    lat, lon = grid.corners()
    # spherical excess by l'Huilier's theorem on two triangles, an independent formula
    points = np.stack(
        [
            np.cos(np.deg2rad(lat)) * np.cos(np.deg2rad(lon)),
            np.cos(np.deg2rad(lat)) * np.sin(np.deg2rad(lon)),
            np.sin(np.deg2rad(lat)),
        ],
        axis=-1,
    )

    def triangle(a, b, c):
        triple = np.einsum("...i,...i", a, np.cross(b, c))
        dots = [np.einsum("...i,...i", p, q) for p, q in ((a, b), (b, c), (c, a))]
        return 2.0 * np.arctan2(triple, 1.0 + sum(dots))

    p = [points[..., k, :] for k in range(4)]
    excess = triangle(p[0], p[1], p[2]) + triangle(p[0], p[2], p[3])
    # edges of LAEA cells are no great circles: the difference falls with the square of the step, 3e-5 at 100 km
    np.testing.assert_allclose(grid.area, excess * RADIUS**2, rtol=2.5e-6)


def test_the_ratio_of_sphere_and_ellipsoid_has_mean_one_over_the_ellipsoid():
    mapping = LambertAzimuthal()
    lat = np.linspace(-90, 90, 20001)
    mid = 0.5 * (lat[1:] + lat[:-1])
    on_sphere = np.diff(np.sin(np.deg2rad(lat)))
    on_ellipsoid = on_sphere / mapping.sphere_over_ellipsoid(mid)
    assert on_ellipsoid.sum() == pytest.approx(2.0, rel=1e-8)


def test_windows_and_boxes_cut_out_the_same_cells():
    grid = regular(0.5)
    part = grid.subset(45.0, 50.0, 5.0, 12.0)
    assert part.shape == (10, 14)
    assert (part.lat.min(), part.lat.max()) == (45.25, 49.75)
    rotated = cordex("EUR-44")
    rows, columns = rotated.box_window(45.0, 50.0, 5.0, 12.0)
    part = rotated.window(rows, columns)
    np.testing.assert_array_equal(part.lat, rotated.lat[rows, columns])
    np.testing.assert_array_equal(part.area, rotated.area[rows, columns])
    inside = (rotated.lat >= 45) & (rotated.lat <= 50) & (rotated.lon >= 5) & (rotated.lon <= 12)
    assert inside.sum() == inside[rows, columns].sum()
    with pytest.raises(InputError, match="holds no cell centre"):
        grid.subset(-10.0, -5.0, 5.0, 12.0)


def test_a_grid_comes_back_from_its_cf_form():
    for grid in (regular(5.0, (30.0, 70.0, -20.0, 40.0)), cordex("EUR-44"), laea(500_000.0)):
        data = grid.to_dataset(corners=True)
        assert mapping_from_attrs(data["crs"].attrs) == grid.mapping
        ydim, xdim = grid.dims
        np.testing.assert_array_equal(data[f"{xdim}_bnds"].values[:, 0], grid.x_edges[:-1])
        assert data["cell_area"].dims == (ydim, xdim)
        assert data["cell_area"].attrs["standard_name"] == "cell_area"


def test_mistakes_are_told():
    with pytest.raises(InputError, match="increasing"):
        Grid(LatLon(), np.array([0.0, 0.0]), np.array([0.0, 1.0]))
    with pytest.raises(InputError, match="more than one turn"):
        Grid(LatLon(), np.array([0.0, 200.0, 400.0]), np.array([0.0, 1.0]))
    with pytest.raises(InputError, match="whole number"):
        regular(0.3, (33.0, 73.0, -25.0, 45.0))
    with pytest.raises(InputError, match="is not known"):
        mapping_from_attrs({"grid_mapping_name": "mercator"})


def test_longitudes_wrap_into_the_turn_about_the_centre():
    np.testing.assert_allclose(wrap(np.array([190.0, -181.0, 360.0])), [-170.0, 179.0, 0.0])
    np.testing.assert_allclose(wrap(np.array([-10.0]), 180.0), [350.0])
