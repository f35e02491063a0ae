"""Gridded files as sources: grids understood, windows read the right way round, real files."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from elterra.domain.mappings import LambertAzimuthal, LatLon, RotatedPole
from elterra.domain.named_grids import cordex, laea, regular
from elterra.domain.sources import open_source, source_of
from elterra.errors import InputError

SHARED = (
    Path(os.environ.get("ELTERRA_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    / "data"
    / "gridded"
)


def shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip("shared reference data not here")
    return path


def ramp(lat, lon):
    values = 100.0 * lat[:, None] + lon[None, :]
    return xr.Dataset({"v": (("lat", "lon"), values)}, coords={"lat": lat, "lon": lon})


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_rows_and_columns_come_from_south_to_north_and_west_to_east(down, turned):
    lat, lon = np.arange(40.0, 60.0), np.arange(-10.0, 20.0)
    data = ramp(lat[::-1] if down else lat, lon[::-1] if turned else lon)
    source = source_of(data, "made up")
    target = regular(0.5, (45.0, 50.0, 0.0, 10.0))
    window = source.window(target)
    values = source.read("v", window)
    np.testing.assert_array_equal(values, 100.0 * window.grid.lat + window.grid.lon)
    assert window.grid.y_edges[0] <= 45.0
    assert window.grid.y_edges[-1] >= 50.0
    assert window.grid.x_edges[0] <= 0.0
    assert window.grid.x_edges[-1] >= 10.0
    assert window.grid.size < source.grid.size


def test_a_window_across_the_edge_of_0_360_takes_all_columns():
    data = ramp(np.arange(30.0, 70.0), np.arange(0.5, 360.0))
    window = source_of(data, "made up").window(regular(1.0, (40.0, 50.0, -5.0, 5.0)))
    assert window.grid.shape[1] == 360
    assert window.grid.is_global
    east = source_of(data, "made up").window(regular(1.0, (40.0, 50.0, 5.0, 15.0)))
    assert east.grid.shape[1] < 20


def test_there_is_no_window_where_source_and_target_are_apart():
    data = ramp(np.arange(40.0, 60.0), np.arange(-10.0, 20.0))
    assert source_of(data, "made up").window(regular(1.0, (62.0, 65.0, 0.0, 5.0))) is None


def test_rotated_and_projected_grids_are_understood():
    for grid, kind in ((cordex("EUR-44"), RotatedPole), (laea(100_000.0), LambertAzimuthal)):
        data = grid.to_dataset()
        data["v"] = (grid.dims, grid.lat)
        source = source_of(data, "made up")
        assert isinstance(source.grid.mapping, kind)
        assert source.grid.same_cells(grid)
        window = source.window(grid.window(slice(20, 30), slice(30, 35)), margin=0)
        np.testing.assert_allclose(source.read("v", window), window.grid.lat)


def test_single_precision_axes_are_even():
    lat = np.arange(40.0, 60.0, 0.1).astype("f4")
    grid = source_of(ramp(lat, np.arange(0.0, 5.0, 0.1).astype("f4")), "made up").grid
    assert np.ptp(np.diff(grid.y_edges)) < 1e-9


def test_what_is_not_understood_is_told():
    with pytest.raises(InputError, match="no such file"):
        open_source("nowhere.nc")
    with pytest.raises(InputError, match="no y axis"):
        source_of(xr.Dataset({"v": ("time", np.zeros(3))}, coords={"time": np.arange(3)}), "made up")
    odd = xr.Dataset({"v": (("y", "x"), np.zeros((3, 3)))}, coords={"y": np.arange(3.0), "x": np.arange(3.0)})
    with pytest.raises(InputError, match="coordinate system is not said"):
        source_of(odd, "made up")
    source = source_of(ramp(np.arange(40.0, 45.0), np.arange(5.0)), "made up")
    with pytest.raises(InputError, match="no variable 'w'"):
        source.read("w", source.window(source.grid))


@pytest.mark.parametrize(
    ("name", "kind", "shape"),
    [
        ("era5_monthly_climatology_eu_0p25.nc", LatLon, (161, 281)),
        ("hwsd_subsoil_eu_0p05.nc", LatLon, (760, 1080)),
        ("eudem_stats_eu_0p11.nc", LatLon, (329, 383)),
        ("corine_fraction_eu_0p44.nc", LatLon, (82, 115)),
        ("esacci_landcover_fraction_eu_0p28.nc", LatLon, (131, 183)),
        ("landmask_eu_0p05.nc", LatLon, (760, 1400)),
        ("wfde5_monthly_eu_0p5.nc", LatLon, (72, 101)),
        ("landsystem_eu_1km.nc", LambertAzimuthal, (4029, 3319)),
        ("biogeographic_regions_eu_10km.nc", LambertAzimuthal, (680, 746)),
    ],
)
def test_real_files_are_sources(name, kind, shape):
    source = open_source(shared(name))
    assert isinstance(source.grid.mapping, kind)
    assert source.grid.shape == shape
    target = regular(0.5, (45.0, 50.0, 5.0, 15.0))
    window = source.window(target)
    variable = next(v for v in source.data.data_vars if set(source.dims) <= set(source.data[v].dims))
    values = source.read(str(variable), window)
    assert values.shape[-2:] == window.grid.shape
    assert np.isfinite(values).any()
