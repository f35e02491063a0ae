"""CLM surface data as a source of a domain."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from elterra.domain import Builder
from elterra.errors import InputError
from elterra.experiment import Region
from elterra.pipeline.domain_clm import clm_source
from elterra.pipeline.domain_make import make_domain

SHARED = Path(os.environ.get("ELTERRA_SHARED", Path(__file__).resolve().parents[3] / "shared"))


@pytest.fixture
def surfdata(tmp_path):
    lat, lon = np.meshgrid(np.arange(43.5, 54.0), np.arange(2.5, 18.0), indexing="ij")
    two, shape = ("lsmlat", "lsmlon"), lat.shape
    rng = np.random.default_rng(0)
    pft = rng.dirichlet(np.ones(15), shape).transpose(2, 0, 1) * 100.0
    units = rng.dirichlet(np.ones(5), shape).transpose(2, 0, 1) * 100.0
    data = xr.Dataset(
        {
            "LATIXY": (two, lat),
            "LONGXY": (two, lon),
            "PCT_NAT_PFT": (("natpft", *two), pft),
            "PCT_NATVEG": (two, units[0]),
            "PCT_CROP": (two, units[1]),
            "PCT_URBAN": (("numurbl", *two), np.stack([units[2] / 2, units[2] / 2])),
            "PCT_LAKE": (two, units[3]),
            "PCT_WETLAND": (two, np.zeros(shape)),
            "PCT_GLACIER": (two, units[4]),
            "LANDFRAC_PFT": (two, np.ones(shape)),
            "PCT_SAND": (("nlevsoi", *two), np.full((10, *shape), 30.0)),
            "PCT_CLAY": (("nlevsoi", *two), np.full((10, *shape), 25.0)),
            "ORGANIC": (("nlevsoi", *two), np.linspace(100, 10, 10)[:, None, None] + np.zeros((10, *shape))),
            "SOIL_COLOR": (two, np.full(shape, 17)),
            "zbedrock": (two, np.full(shape, 3.5)),
            "SLOPE": (two, np.full(shape, 2.5)),
            "STD_ELEV": (two, np.full(shape, 120.0)),
        }
    )
    path = tmp_path / "surfdata.nc"
    data.to_netcdf(path, engine="h5netcdf")
    return path, pft / 100.0, units / 100.0


def test_a_surface_data_set_becomes_a_domain_on_its_own_cells(surfdata):
    path, pft, units = surfdata
    part = {"kind": "clm", "path": str(path)}
    grid = {"kind": "regular", "step": 1.0, "box": [44, 52, 4, 16]}
    region = Region.from_plain({"name": "t", "domain": {"grid": grid, "soil": part, "land_cover": part}})
    data = Builder(region, clm=clm_source).dataset()
    # cells 44..52 N, 4..16 E are rows 1..8, columns 2..13 of the file
    np.testing.assert_allclose(data.pft_fraction.values, pft[:, 1:9, 2:14], rtol=1e-9)
    np.testing.assert_allclose(data.landunit_fraction.values, units[:, 1:9, 2:14], rtol=1e-9)
    np.testing.assert_allclose(data.sand.values, 30.0)
    np.testing.assert_allclose(data.soil_color.values, 17)
    np.testing.assert_allclose(data.bedrock_depth.values, 3.5)
    assert (np.diff(data.organic.values, axis=0) < 0).all()
    assert data.sand.attrs["elterra_origin"] == "file"


def test_types_are_weighted_by_the_area_of_natural_land(surfdata):
    path, pft, units = surfdata
    part = {"kind": "clm", "path": str(path)}
    grid = {"kind": "regular", "step": 2.0, "box": [44, 52, 4, 16]}
    region = Region.from_plain({"name": "t", "domain": {"grid": grid, "land_cover": part}})
    data = Builder(region, clm=clm_source).dataset()
    np.testing.assert_allclose(data.pft_fraction.values.sum(axis=0), 1.0, rtol=1e-12)
    four = units[0, 1:3, 2:4] * pft[3, 1:3, 2:4]
    expected = four.sum() / units[0, 1:3, 2:4].sum()
    assert float(data.pft_fraction[3, 0, 0]) == pytest.approx(
        expected, rel=0.02
    )  # cells differ a little in area


def test_slope_and_spread_of_the_terrain_are_taken_and_the_elevation_is_assumed(surfdata):
    path, _, _ = surfdata
    grid = {"kind": "regular", "step": 1.0, "box": [44, 52, 4, 16]}
    terrain = {"kind": "clm", "path": str(path)}
    data = Builder(
        Region.from_plain({"name": "t", "domain": {"grid": grid, "terrain": terrain}}), clm=clm_source
    ).dataset()
    np.testing.assert_allclose(data.slope.values, 2.5)
    np.testing.assert_allclose(data.elevation_sd.values, 120.0)
    assert data.elevation.attrs["elterra_origin"] == "default"


def test_a_real_surface_data_set_on_its_own_cells():
    path = SHARED / "reference" / "clm5" / "bgc40" / "surfdata.nc"
    if not path.exists():
        pytest.skip("shared reference data not here")
    source = clm_source(path)
    region = Region.from_plain(
        {
            "name": "rur",
            "domain": {
                "grid": {"kind": "regular", "step": 0.11, "box": [50.625, 51.175, 5.86, 6.74]},
                "land_cover": {"kind": "clm", "path": str(path)},
                "soil": {"kind": "clm", "path": str(path)},
            },
        }
    )
    data = Builder(region, clm=clm_source).dataset()
    assert source.grid.shape == data.cell_area.shape == (5, 8)
    units, types = source.data.landunit_fraction.values, source.data.pft_fraction.values
    np.testing.assert_allclose(data.landunit_fraction.values, units, atol=1e-9)
    natural = units[0] > 0
    np.testing.assert_allclose(data.pft_fraction.values[:, natural], types[:, natural], atol=1e-9)
    # the first layer of a domain holds the first two of CLM and a little of the third
    low, high = source.data.sand.values[:3].min(axis=0), source.data.sand.values[:3].max(axis=0)
    assert (data.sand.values[0] >= low - 1e-9).all()
    assert (data.sand.values[0] <= high + 1e-9).all()


def test_make_domain_reads_clm_and_says_what_it_cannot(surfdata, tmp_path):
    path, _, _ = surfdata
    (tmp_path / "r.yaml").write_text(
        "name: r\ndomain:\n  grid: {kind: regular, step: 1.0, box: [44, 52, 4, 16]}\n"
        f"  terrain: {{kind: clm, path: {path.name}, variable: elevation}}\n"
    )
    with pytest.raises(InputError, match="no variable 'elevation'"):
        make_domain(tmp_path / "r.yaml", tmp_path / "out.nc")
    single = xr.open_dataset(path).isel(lsmlat=slice(0, 1), lsmlon=slice(0, 1))
    single.to_netcdf(tmp_path / "one.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="at least 2 x 2"):
        clm_source(tmp_path / "one.nc")
