"""Make the packaged default Europe (monthly climate and land cover) from the shared reference data.

    python tools/make_europe_extract.py [SHARED_DIR]

Only files that the data catalogue marks as free to carry are read: the ERA5 monthly climatology, the MODIS
land cover and the land mask of global-land-mask. Climate values keep the two (temperature) or one
(precipitation) decimals of the source. Of the land cover, water (class 0) that the land mask counts as land
becomes class 17, inland water; nothing else changes.
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "src" / "elterra" / "data"
INLAND_WATER = 17
CLASSES = (
    "sea evergreen_needleleaf_forest evergreen_broadleaf_forest deciduous_needleleaf_forest "
    "deciduous_broadleaf_forest mixed_forest closed_shrubland open_shrubland woody_savanna savanna "
    "grassland permanent_wetland cropland urban cropland_natural_mosaic snow_and_ice barren "
    "inland_water"
)


def _axis(name: str, values: np.ndarray) -> tuple:
    units = {"lat": "degrees_north", "lon": "degrees_east"}[name]
    long_name = {"lat": "latitude", "lon": "longitude"}[name]
    return (name, values, {"standard_name": long_name, "long_name": long_name, "units": units})


def climate(source: Path) -> None:
    """Write `europe_climate_0p25.nc`."""
    era5 = xr.open_dataset(source).load().sortby("latitude")
    days = xr.DataArray([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dims="month")
    out = xr.Dataset(
        coords={
            "month": (
                "month",
                np.arange(1, 13, dtype="i4"),
                {"long_name": "month of the year", "units": "1"},
            ),
            "lat": _axis("lat", np.round(era5.latitude.values, 6)),
            "lon": _axis("lon", np.round(era5.longitude.values, 6)),
        }
    )
    dims = ("month", "lat", "lon")
    out["tas"] = (
        dims,
        era5.t2m.values,
        {
            "standard_name": "air_temperature",
            "long_name": "2 m air temperature, monthly mean of 2000-2025",
            "units": "degC",
        },
    )
    out["pr_month"] = (
        dims,
        era5.tp.values,
        {
            "long_name": "precipitation, monthly sum, mean of 2000-2025",
            "units": "mm",
            "comment": "of the whole month",
        },
    )
    out["days"] = (
        "month",
        days.values,
        {"long_name": "days of the month, mean of leap and other years", "units": "day"},
    )
    out.attrs = {
        "Conventions": "CF-1.11",
        "title": "Monthly climate of Europe 2000-2025 at 0.25 degrees, land and sea",
        "elterra_format": "europe_climate_1",
        "source": "ERA5 monthly means, " + era5.attrs["source"],
        "license": "Licence to use Copernicus Products",
        "comment": "Generated using Copernicus Climate Change Service information [2025]. "
        + era5.attrs["comment"],
        "references": "Hersbach et al. 2020, doi:10.1002/qj.3803. See NOTICE.md beside this file.",
    }
    packed = {"dtype": "i2", "zlib": True, "complevel": 9, "shuffle": True, "_FillValue": np.int16(-32768)}
    encoding = {
        "tas": {**packed, "scale_factor": 0.01},
        "pr_month": {**packed, "scale_factor": 0.1},
    }
    for name in ("tas", "pr_month"):
        assert bool(np.isfinite(out[name]).all())
    _write(out, "europe_climate_0p25.nc", encoding)


def land_cover(source: Path, mask: Path) -> None:
    """Write `europe_land_cover_0p05.nc`."""
    modis = xr.open_dataset(source).load().sortby("latitude")
    land = xr.open_dataset(mask).load().land.sortby("lat")
    igbp = modis.igbp.values.astype("u1")
    lat, lon = np.round(modis.latitude.values, 6), np.round(modis.longitude.values, 6)
    # the mask is sampled at points 1/60 degree off the centres; beyond its rows (34-72 N) water is sea
    inside = (lat > land.lat.values[0] - 0.05) & (lat < land.lat.values[-1] + 0.05)
    near = land.reindex(lat=lat[inside], lon=lon, method="nearest", tolerance=0.04)
    counts_as_land = np.zeros(igbp.shape, bool)
    counts_as_land[inside] = near.values == 1
    igbp[(igbp == 0) & counts_as_land] = INLAND_WATER
    out = xr.Dataset(coords={"lat": _axis("lat", lat), "lon": _axis("lon", lon)})
    out["land_cover"] = (
        ("lat", "lon"),
        igbp,
        {
            "long_name": "majority IGBP land cover class 2019",
            "flag_values": np.arange(18, dtype="u1"),
            "flag_meanings": CLASSES,
            "comment": "class 17 is water (0) that global-land-mask 1.0.0 counts as land",
        },
    )
    out.attrs = {
        "Conventions": "CF-1.11",
        "title": "MODIS land cover of Europe 2019 (MCD12C1 v006) at 0.05 degrees",
        "elterra_format": "europe_land_cover_1",
        "source": modis.attrs["source"] + "; land mask: " + xr.open_dataset(mask).attrs["source"],
        "license": "NASA LP DAAC: no restriction on use; land mask: MIT",
        "references": "Friedl and Sulla-Menashe, doi:10.5067/MODIS/MCD12C1.006. See NOTICE.md beside this file.",
    }
    _write(
        out, "europe_land_cover_0p05.nc", {"land_cover": {"zlib": True, "complevel": 9, "_FillValue": None}}
    )


def _write(data: xr.Dataset, name: str, encoding: dict) -> None:
    path = DATA / name
    data.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    print(f"{name}: {path.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Write both files into the package."""
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared"
    gridded = shared / "data" / "gridded"
    climate(gridded / "era5_monthly_climatology_eu_0p25.nc")
    land_cover(gridded / "modis_mcd12c1_2019_eu_0p05.nc", gridded / "landmask_eu_0p05.nc")


if __name__ == "__main__":
    main()
