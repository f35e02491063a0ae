"""Domains as a whole: default Europe, files, tiles, real sources."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import elterra.domain as domain
from elterra.domain import (
    Builder,
    cordex,
    load_default_europe,
    packaged_europe,
    regular,
    summarise,
    write_domain,
)
from elterra.domain.ground_part import on_layers
from elterra.domain.summary import open_domain
from elterra.errors import InputError
from elterra.experiment import Region, load_region

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ELTERRA_SHARED", ROOT.parent / "shared")) / "data" / "gridded"


def region(grid=None, **domain_settings):
    grid = grid or {"kind": "regular", "step": 1.0, "box": [44, 52, 4, 16]}
    return Region.from_plain({"name": "test", "domain": {"grid": grid, **domain_settings}})


@pytest.fixture(scope="module")
def europe():
    return load_default_europe(regular(1.0))


def test_the_default_europe_has_what_the_page_promises(europe):
    page = (ROOT / "docs" / "science" / "domain.md").read_text(encoding="utf-8")
    for name, array in europe.data_vars.items():
        if "elterra_origin" in array.attrs:
            assert f"`{name}`" in page, name
            assert array.attrs["units"], name
            assert array.attrs["source"], name
            assert array.attrs["elterra_origin"] in ("packaged", "default")
    assert europe.tas.dims == ("month", "lat", "lon")
    assert set(europe.attrs["elterra_defaults"].split()) == {
        n for n in europe.data_vars if europe[n].attrs.get("elterra_origin") == "default"
    }
    assert "Copernicus" in europe.attrs["acknowledgement"]


def test_sums_and_ranges_of_the_default_europe(europe):
    land = europe.land_mask.values > 0.5
    assert 1000 < land.sum() < 1700
    np.testing.assert_allclose(europe.pft_fraction.values.sum(axis=0)[land], 1.0, rtol=1e-12)
    np.testing.assert_allclose(europe.landunit_fraction.values.sum(axis=0)[land], 1.0, rtol=1e-12)
    for name, low, high in (
        ("tas", 240, 315),
        ("pr", 0, 2e-4),
        ("rsds", 0, 380),
        ("hurs", 30, 100),
        ("ps", 7e4, 1.02e5),
        ("sand", 0, 100),
    ):
        values = europe[name].values[..., land]
        assert low <= values.min(), name
        assert values.max() <= high, name


def test_places_have_what_grows_there(europe):
    def share(lat, lon, *types):
        here = europe.sel(lat=lat, lon=lon, method="nearest")
        return float(here.landunit_fraction[0] * here.pft_fraction.values[list(types)].sum())

    assert share(60.5, 40.5, 1, 2, 7, 8) > 0.4  # taiga of the Vologda region
    assert share(68.5, 24.5, 2, 8, 11, 12) > 0.8  # Lapland
    assert share(33.5, 6.5, 0) > 0.6  # Sahara
    here = europe.sel(lat=50.5, lon=34.5, method="nearest")
    assert float(here.landunit_fraction[1]) > 0.5  # fields of Ukraine
    assert float(europe.land_fraction.sel(lat=45.5, lon=-20.5, method="nearest")) == 0.0  # Atlantic
    assert float(europe.landunit_fraction.sel(lat=61.5, lon=31.5, method="nearest")[3]) > 0.5  # Lake Ladoga
    baltic = float(europe.land_fraction.sel(lat=57.5, lon=20.5, method="nearest"))
    assert baltic < 0.1


def test_the_climate_is_the_packaged_one_where_the_cells_are_the_same():
    data = load_default_europe()
    assert data.cell_area.shape == (161, 281)
    np.testing.assert_allclose(data.tas.values, packaged_europe().climate.tas.values, rtol=1e-12)
    np.testing.assert_allclose(data.pr.values, packaged_europe().climate.pr.values, rtol=1e-9, atol=1e-14)


def test_regridding_keeps_the_rain_of_europe():
    fine = packaged_europe()
    data = load_default_europe(regular(2.0, (34.0, 72.0, -24.0, 44.0)))
    inside = fine.climate_grid.subset(34.0, 72.0, -24.0, 44.0)
    rain = float((data.pr.values * data.cell_area.values).sum())
    again = load_default_europe(inside)
    # the cells of ERA5 lie half outside the box at its edges: compare with the part inside
    assert rain == pytest.approx(float((again.pr.values * again.cell_area.values).sum()), rel=0.02)


def test_a_file_in_tiles_is_the_dataset_in_memory(tmp_path):
    checked = region({"kind": "cordex", "name": "EUR-44", "box": [46, 52, 5, 15]})
    builder = Builder(checked)
    seen = []
    path = write_domain(builder, tmp_path / "d.nc", tile_cells=60, told=lambda n, of: seen.append((n, of)))
    assert seen[-1][0] == seen[-1][1] > 3
    whole = builder.dataset()
    with open_domain(path) as data:
        for name in whole.data_vars:
            if name in data and whole[name].dims:
                np.testing.assert_allclose(
                    data[name].values, whole[name].values, rtol=3e-7, err_msg=str(name)
                )
        assert data.attrs["elterra_settings_sha256"] == checked.content_hash()
        assert data["lat"].dims == ("rlat", "rlon")
        assert data["tas"].attrs["grid_mapping"] == "crs"
        figures = summarise(data)
    assert figures["pft_sum_error"] < 1e-6
    assert figures["cells"] == builder.grid.size
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "grid",
    [
        {"kind": "cordex", "name": "EUR-44", "box": [46, 50, 5, 12]},
        {"kind": "regular", "step": 1.0, "box": [46, 50, 5, 12]},
        {"kind": "laea", "step": 100_000.0, "box": [46, 50, 5, 12]},
    ],
)
def test_the_cf_checker_is_satisfied(tmp_path, grid):
    runner = pytest.importorskip("compliance_checker.runner")
    path = write_domain(Builder(region(grid)), tmp_path / "domain.nc")
    suite = runner.CheckSuite()
    suite.load_all_available_checkers()
    found, errors = suite.run_all(suite.load_dataset(str(path)), ["cf"], skip_checks=[])["cf"]
    assert not errors
    assert [(g.name, g.msgs) for g in found if g.value[0] < g.value[1]] == []


def test_cells_beyond_the_climate_are_masked_and_counted():
    data = Builder(region({"kind": "cordex", "name": "EUR-44"})).dataset()
    beyond = ~np.isfinite(data.tas.values).all(axis=0)
    assert beyond.any()
    assert not (data.land_mask.values[beyond] > 0).any()


def test_the_example_is_the_packaged_one_and_names_real_things():
    text = (ROOT / "examples" / "europe.yaml").read_text()
    assert (ROOT / "src" / "elterra" / "examples" / "europe.yaml").read_text() == text
    checked = load_region(ROOT / "examples" / "europe.yaml")
    assert domain.grid_of(checked.domain.grid).shape == (80, 140)


def test_packaged_files_are_small_and_attributed():
    folder = ROOT / "src" / "elterra" / "data"
    files = [folder / "europe_climate_0p25.nc", folder / "europe_land_cover_0p05.nc", folder / "NOTICE.md"]
    assert sum(f.stat().st_size for f in files) < 4_000_000
    notice = files[2].read_text()
    assert all(f.name in notice for f in files[:2])
    for file in files[:2]:
        attrs = xr.open_dataset(file).attrs
        assert attrs["license"]
        assert attrs["source"]


def test_layers_are_means_over_depth():
    bounds = np.array([[0.0, 0.3], [0.3, 1.0]])
    values = np.array([10.0, 20.0])[:, None]
    depth = np.array([0.1, 0.5, 1.0, 2.0])
    np.testing.assert_allclose(on_layers(values, bounds, depth)[:, 0], [10.0, 15.0, 20.0, 20.0])
    values[0] = np.nan
    np.testing.assert_allclose(on_layers(values, bounds, depth)[:, 0], [np.nan, 20.0, 20.0, 20.0])


def test_a_climate_file_of_several_years_in_era5_s_units(tmp_path):
    import pandas as pd

    time = pd.date_range("2001-01-01", periods=24, freq="MS")
    lat, lon = np.arange(52.5, 43.0, -0.5), np.arange(3.5, 17.0, 0.5)
    shape = (24, lat.size, lon.size)
    warm = 280.0 + np.arange(24)[:, None, None] + np.zeros(shape)
    data = xr.Dataset(
        {
            "t2m": (("time", "latitude", "longitude"), warm, {"units": "K"}),
            "tp": (("time", "latitude", "longitude"), np.full(shape, 0.002), {"units": "m"}),
            "ssrd": (("time", "latitude", "longitude"), np.full(shape, 8.64e6), {"units": "J m**-2"}),
            "d2m": (("time", "latitude", "longitude"), warm - 3.0, {"units": "K"}),
        },
        coords={"time": time, "latitude": lat, "longitude": lon},
    )
    data["tp"][:, :, :4] = np.nan  # a gap in the west
    data.to_netcdf(tmp_path / "era5.nc", engine="h5netcdf")
    checked = Region.from_plain(
        {
            "name": "test",
            "domain": {
                "grid": {"kind": "regular", "step": 1.0, "box": [44, 52, 4, 16]},
                "climate": {"path": "era5.nc"},
            },
        },
        folder=tmp_path,
    )
    out = Builder(checked).dataset()
    np.testing.assert_allclose(out.tas.values[:, 3, 5], 286.0 + np.arange(12), rtol=1e-12)
    np.testing.assert_allclose(out.pr.values[:, 3, 5], 2.0 / 86400, rtol=1e-12)
    np.testing.assert_allclose(out.rsds.values[:, 3, 5], 100.0, rtol=1e-12)
    assert 70 < float(out.hurs.values[0, 3, 5]) < 90
    assert out.pr.attrs["elterra_origin"] == "file"
    assert out.pr.attrs["elterra_filled_cells"] > 0
    assert "ERA5" in out.pr.attrs["elterra_filled_with"]
    assert out.sfcWind.attrs["elterra_origin"] == "default"


def test_real_sources_give_a_domain_of_the_alps(tmp_path):
    needed = ("esacci_landcover_fraction_eu_0p28.nc", "hwsd_subsoil_eu_0p05.nc", "eudem_stats_eu_0p11.nc")
    if not all((SHARED / n).exists() for n in needed):
        pytest.skip("shared reference data not here")
    checked = region(
        {"kind": "cordex", "name": "EUR-44", "box": [45, 48, 5, 14]},
        land_cover={"kind": "esa_cci", "path": str(SHARED / needed[0]), "year": 2018},
        soil={"kind": "hwsd", "path": str(SHARED / needed[1])},
        terrain={"kind": "statistics", "path": str(SHARED / needed[2])},
    )
    data = Builder(checked).dataset()
    assert data.elevation.values.max() > 1800
    assert data.elevation_sd.values.max() > 400
    assert data.clay.attrs["elterra_origin"] == "file"
    assert data.sand.attrs["elterra_origin"] == "default"
    deep = data.soil_depth.values > 0.3
    assert np.ptp(data.clay.values[deep]) > 5.0
    assert np.nanmax(data.landunit_fraction.values[4]) > 0.02  # glaciers
    # pressure follows the real terrain
    low = data.elevation.values.argmin()
    assert data.ps.values.ravel()[low] > data.ps.values.min()


def test_climate_between_cells_and_by_elevation(tmp_path):
    """A plane of temperature and a ridge: interpolation finds the plane, the lapse puts the ridge on it."""
    lat, lon = np.arange(43.0, 54.0), np.arange(3.0, 18.0)
    plane = 280.0 + 0.5 * (lat[:, None] - 48.0) + 0.2 * (lon[None, :] - 10.0)
    axes = {"lat": lat, "lon": lon}
    xr.Dataset(
        {
            "tas": (("month", "lat", "lon"), np.broadcast_to(plane, (12, *plane.shape)), {"units": "K"}),
            "pr": (("month", "lat", "lon"), np.full((12, *plane.shape), 60.0), {"units": "mm month-1"}),
        },
        coords=axes,
    ).to_netcdf(tmp_path / "climate.nc", engine="h5netcdf")
    fine = np.arange(42.05, 55.0, 0.1), np.arange(2.05, 19.0, 0.1)
    z = 1000.0 * np.exp(-(((fine[1] - 10.0) / 0.4) ** 2)) + np.zeros((fine[0].size, 1))
    xr.Dataset({"z": (("lat", "lon"), z)}, coords={"lat": fine[0], "lon": fine[1]}).to_netcdf(
        tmp_path / "dem.nc", engine="h5netcdf"
    )

    def domain_of(detail, grid=None):
        plain = {
            "grid": {"kind": "regular", "step": 0.2, "box": [46, 50, 7, 13]},
            "climate": {"path": "climate.nc"},
            "terrain": {"kind": "dem", "path": "dem.nc"},
            "climate_detail": detail,
        }
        return Builder(Region.from_plain({"name": "t", "domain": plain}, folder=tmp_path), grid=grid)

    builder = domain_of("smooth")
    smooth = builder.dataset()
    lat2, lon2 = builder.grid.lat, builder.grid.lon
    exact = 280.0 + 0.5 * (lat2 - 48.0) + 0.2 * (lon2 - 10.0)
    np.testing.assert_allclose(smooth.tas.values[0], exact, atol=1e-9)
    lapsed = domain_of("elevation").dataset()
    ridge, aside = int(np.argmin(np.abs(builder.grid.x - 10.0))), int(np.argmin(np.abs(builder.grid.x - 8.0)))
    colder = (smooth.tas - lapsed.tas).values[0]
    # 980 m against some 600 m of the climate's cells there
    np.testing.assert_allclose(colder[:, ridge], 0.0065 * 355.0, rtol=0.1)
    # the valley beside it is warmer than the cell that holds both
    assert np.abs(colder[:, aside]).max() < 0.2
    assert colder.min() < -0.5
    assert "6.5 K km-1" in lapsed.tas.attrs["source"]
    # a tile of it is the same
    part = domain_of("elevation", builder.grid.window(slice(5, 12), slice(10, 22))).dataset()
    np.testing.assert_allclose(part.tas.values, lapsed.tas.values[:, 5:12, 10:22], atol=1e-9)
    with pytest.raises(InputError, match="needs a terrain file"):
        Builder(region(climate_detail="elevation"))


def test_corine_and_igbp_agree_on_the_forests_of_central_europe():
    path = SHARED / "corine_fraction_eu_0p44.nc"
    if not path.exists():
        pytest.skip("shared reference data not here")
    grid = {"kind": "regular", "step": 1.0, "box": [46, 53, 6, 20]}
    packaged = Builder(region(grid)).dataset()
    corine = Builder(region(grid, land_cover={"kind": "corine", "path": str(path)})).dataset()
    trees = [
        (d.landunit_fraction.values[0] * d.pft_fraction.values[1:9].sum(axis=0)).ravel()
        for d in (packaged, corine)
    ]
    known = np.isfinite(trees[0]) & np.isfinite(trees[1])
    assert np.corrcoef(trees[0][known], trees[1][known])[0, 1] > 0.6
    early = Builder(region(grid, land_cover={"kind": "corine", "path": str(path), "year": 1950}))
    with pytest.raises(InputError, match="no year 1950"):
        early.dataset()


def test_a_modis_file_agrees_with_the_packaged_map_and_the_mask_finds_its_lakes():
    path = SHARED / "modis_igbp_eu_0p25.nc"
    if not path.exists():
        pytest.skip("shared reference data not here")
    grid = {"kind": "regular", "step": 1.0, "box": [54, 64, 8, 35]}
    packaged = Builder(region(grid)).dataset()
    modis = Builder(region(grid, land_cover={"kind": "igbp", "path": str(path), "shift": -1})).dataset()
    land = packaged.land_fraction.values
    assert np.abs(modis.land_fraction.values - land).mean() < 0.05
    ladoga = modis.landunit_fraction.sel(lat=61.5, lon=31.5, method="nearest")
    assert float(ladoga[3]) > 0.4


def test_a_mask_file_takes_land_away(tmp_path):
    lat, lon = np.arange(43.5, 53.0), np.arange(3.5, 17.0)
    land = np.ones((lat.size, lon.size))
    land[:, lon < 8.0] = 0.0
    xr.Dataset({"land": (("lat", "lon"), land)}, coords={"lat": lat, "lon": lon}).to_netcdf(
        tmp_path / "m.nc", engine="h5netcdf"
    )
    plain = {
        "grid": {"kind": "regular", "step": 1.0, "box": [44, 52, 4, 16]},
        "mask": {"path": "m.nc", "variable": "land"},
    }
    data = Builder(Region.from_plain({"name": "t", "domain": plain}, folder=tmp_path)).dataset()
    west = data.lon.values < 8.0
    assert float(data.land_fraction.values[:, west].max()) == 0.0
    assert float(data.land_mask.values[:, ~west].sum()) > 50


def test_faults_of_the_file_are_told():
    with pytest.raises(InputError, match="a cordex grid needs"):
        region({"kind": "cordex", "step": 1.0})
    with pytest.raises(InputError, match="no such file"):
        Builder(region(soil={"kind": "hwsd", "path": "nowhere.nc"}))
    with pytest.raises(InputError, match="is no domain file"):
        open_domain(ROOT / "src" / "elterra" / "data" / "europe_climate_0p25.nc")
    with pytest.raises(InputError, match="pass `clm`"):
        Builder(region(soil={"kind": "clm", "path": "surfdata.nc"}))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        # sand, clay 40 and 20 %, carbon 2 %, bulk density 1300 kg m-3 in the units of each source
        (
            "soilgrids",
            {
                f"{name}_{layer}_mean": value
                for layer in ("0-5cm", "5-15cm", "15-30cm", "30-60cm", "60-100cm", "100-200cm")
                for name, value in (("sand", 400.0), ("clay", 200.0), ("soc", 200.0), ("bdod", 130.0))
            },
        ),
        (
            "hwsd",
            {
                f"{layer}_{name}": value
                for layer in ("T", "S")
                for name, value in (("SAND", 40.0), ("CLAY", 20.0), ("OC", 2.0), ("BULK_DEN", 1.3))
            },
        ),
    ],
)
def test_soil_files_in_their_own_units(tmp_path, kind, fields):
    lat, lon = np.arange(43.5, 53.0, 0.5), np.arange(3.5, 17.0, 0.5)
    whole = np.ones((lat.size, lon.size))
    data = xr.Dataset(
        {n: (("lat", "lon"), v * whole) for n, v in fields.items()}, coords={"lat": lat, "lon": lon}
    )
    data.to_netcdf(tmp_path / "soil.nc", engine="h5netcdf")
    plain = {
        "grid": {"kind": "regular", "step": 1.0, "box": [44, 52, 4, 16]},
        "soil": {"kind": kind, "path": "soil.nc"},
    }
    out = Builder(Region.from_plain({"name": "t", "domain": plain}, folder=tmp_path)).dataset()
    np.testing.assert_allclose(out.sand.values, 40.0, rtol=1e-12)
    np.testing.assert_allclose(out.clay.values, 20.0, rtol=1e-12)
    np.testing.assert_allclose(out.organic.values, 0.02 * 1300.0 / 0.58, rtol=1e-12)
    assert "elterra_filled_cells" not in out.sand.attrs


def test_tiles_shrink_with_fine_sources(tmp_path):
    fine = 1.0 / 360.0
    lat, lon = 46.0 + fine * np.arange(360), 7.0 + fine * np.arange(360)
    classes = np.full((360, 360), 70, "u1")
    axes = {"lat": lat, "lon": lon}
    xr.Dataset({"lccs_class": (("lat", "lon"), classes)}, coords=axes).to_netcdf(
        tmp_path / "c.nc", engine="h5netcdf"
    )
    plain = {
        "grid": {"kind": "regular", "step": 0.5, "box": [46, 47, 7, 8]},
        "land_cover": {"kind": "esa_cci", "path": "c.nc", "year": 2018},
    }
    builder = Builder(Region.from_plain({"name": "t", "domain": plain}, folder=tmp_path))
    assert 100 < builder.tile_cells() < 200  # 180 x 180 classes a cell
    data = builder.dataset()
    trees = data.pft_fraction.values[1:3].sum(axis=0)
    np.testing.assert_allclose(trees, 0.7, rtol=1e-6)


def test_the_3_km_grid_is_worked_on_in_pieces():
    grid = cordex("EUR-0275")
    part = grid.window(slice(700, 720), slice(800, 830))
    fields = Builder(region({"kind": "cordex", "name": "EUR-0275"})).fields(part)
    assert fields["pft_fraction"].values.shape == (15, 20, 30)
    assert np.isfinite(fields["tas"].values).all()
