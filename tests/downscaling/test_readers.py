"""Fields from files: the reference system is told, never guessed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from elterra.downscaling import Fields, Grid, read_fields, sample
from elterra.errors import InputError


def write(path, axes=("y", "x"), **attrs):
    values = np.arange(12.0).reshape(3, 4)
    data = xr.Dataset(
        {"a": (axes, values, {"units": "m"}), "b": (("time", *axes), np.stack([values, -values]))},
        coords={axes[0]: [30.0, 20.0, 10.0], axes[1]: [1.0, 2.0, 3.0, 4.0]},
        attrs=attrs,
    )
    data.to_netcdf(path, engine="h5netcdf")
    return path


def test_netcdf_with_its_reference_system(tmp_path):
    found = read_fields(write(tmp_path / "f.nc", crs="EPSG:3035"), names=("a",), classes=("a",))
    assert (found.grid.crs, found.grid.geographic, found.grid.shape) == ("EPSG:3035", False, (3, 4))
    assert found.units == {"a": "m"}
    assert found.classes == {"a"}


def test_degrees_are_geographic_and_areas_shrink_to_the_north(tmp_path):
    grid = read_fields(write(tmp_path / "f.nc", axes=("lat", "lon")), names=("a",)).grid
    assert grid.crs == "EPSG:4326"
    assert grid.geographic
    assert grid.area[0, 0] < grid.area[2, 0]


def test_a_file_without_reference_system_is_refused_until_told(tmp_path):
    path = write(tmp_path / "f.nc")
    with pytest.raises(InputError, match="no reference system"):
        read_fields(path, names=("a",))
    assert read_fields(path, names=("a",), crs="EPSG:25833").grid.crs == "EPSG:25833"


def test_a_told_reference_system_that_contradicts_the_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="the file says EPSG:3035"):
        read_fields(write(tmp_path / "f.nc", crs="EPSG:3035"), names=("a",), crs="EPSG:4326")


def test_other_axes_need_an_index(tmp_path):
    path = write(tmp_path / "f.nc", crs="EPSG:3035")
    with pytest.raises(InputError, match="axis time"):
        read_fields(path)
    np.testing.assert_array_equal(
        read_fields(path, select={"time": 1}).values["b"], -np.arange(12.0).reshape(3, 4)
    )


def test_archives_and_tables_give_the_same_fields(tmp_path):
    values = np.arange(12.0).reshape(3, 4)
    y, x = np.array([10.0, 20.0, 30.0]), np.array([1.0, 2.0, 3.0, 4.0])
    np.savez(tmp_path / "f.npz", y=y, x=x, a=values, crs="EPSG:3067")
    yy, xx = np.meshgrid(y, x, indexing="ij")
    table = pd.DataFrame({"x": xx.ravel(), "y": yy.ravel(), "a": values.ravel()}).drop(index=[0])
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow (pip install elterra[parquet])")
    table.to_parquet(tmp_path / "f.parquet")
    archive = read_fields(tmp_path / "f.npz")
    parquet = read_fields(tmp_path / "f.parquet", crs="EPSG:3067")
    assert archive.grid.same_as(parquet.grid)
    assert np.isnan(parquet.values["a"][0, 0])
    np.testing.assert_array_equal(parquet.values["a"].ravel()[1:], archive.values["a"].ravel()[1:])
    with pytest.raises(InputError, match="tells no reference system"):
        read_fields(tmp_path / "f.parquet")


def test_a_geotiff_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "f.tif").write_bytes(b"II*\0")
    with pytest.raises(InputError, match="gdal_translate"):
        read_fields(tmp_path / "f.tif")


def test_sampling_is_exact_for_planes_and_takes_the_nearest_class():
    coarse = Grid(np.arange(5) * 10.0, np.arange(6) * 10.0, "EPSG:3035", False)
    fine = Grid(np.arange(1.0, 39.0, 2.0), np.arange(1.0, 49.0, 2.0), "EPSG:3035", False)
    plane = coarse.y[:, None] + 3 * coarse.x[None, :]
    codes = (coarse.x[None, :] > 25) * np.ones((5, 1))
    found = sample(Fields(coarse, {"p": plane, "c": codes}, frozenset({"c"})), fine)
    np.testing.assert_allclose(found.values["p"], fine.y[:, None] + 3 * fine.x[None, :])
    assert set(np.unique(found.values["c"])) == {0.0, 1.0}
    with pytest.raises(InputError, match="project the fields first"):
        sample(Fields(coarse, {}), Grid(fine.y, fine.x, "EPSG:4326", False))
    with pytest.raises(InputError, match="different grids"):
        Fields(coarse, {}).joined(Fields(fine, {}))


def test_an_irregular_axis_is_refused():
    with pytest.raises(InputError, match="not regular"):
        Grid(np.array([0.0, 1.0, 3.0]), np.arange(3.0), "EPSG:3035", False)
