"""Real fields for bench ``downscaling``: fine truth, features that are no target, and the law, by name of the data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elterra.downscaling import Fields, Grid, Law, Scene, read_fields, sample, terrain


@dataclass(frozen=True)
class Task:
    """Scenes of one data set; `block`: side of a region in coarse cells."""

    scenes: list[Scene]
    block: int


def hwsd_oc(folder: Path) -> Task:
    """Subsoil organic carbon (%), 0.05 degrees from 0.5; zeros (water, ice, rock, towns) are no soil and left out."""
    return _hwsd(folder, "S_OC", Law("positive"))


def hwsd_clay(folder: Path) -> Task:
    """Subsoil clay (%), 0.05 degrees from 0.5."""
    return _hwsd(folder, "S_CLAY", Law("bounded", 0.0, 100.0))


def _hwsd(folder: Path, name: str, law: Law) -> Task:
    soil = read_fields(folder / "gridded" / "hwsd_subsoil_eu_0p05.nc", names=(name,))
    grid, truth = soil.grid, soil.values[name]
    height = sample(
        read_fields(folder / "gridded" / "eudem_stats_eu_0p11.nc", names=("altitude_mean", "altitude_sd")),
        grid,
    )
    cover = read_fields(folder / "gridded" / "modis_mcd12c1_2019_eu_0p05.nc", classes=("igbp",))
    parts = [height, sample(cover, grid)]
    for month in (0, 3, 6, 9):
        climate = sample(
            read_fields(
                folder / "gridded" / "era5_monthly_climatology_eu_0p25.nc",
                names=("t2m", "tp"),
                select={"month": month},
            ),
            grid,
        )
        parts.append(Fields(grid, {f"{n}_{month + 1}": v for n, v in climate.values.items()}))
    east_north = terrain(height.values["altitude_mean"], grid)
    parts.append(
        Fields(grid, {n: east_north.values[n] for n in ("slope", "tpi2", "tpi8", "twi", "insolation")})
    )
    return Task([Scene.of_truth(_joined(parts), np.where(truth > 0, truth, np.nan), law, 10)], 8)


def swiss_chelsa(folder: Path) -> Task:
    """CHELSA precipitation of May (mm), 1 km from 10 km, with the terrain."""
    data = read_fields(folder / "downscaling_pairs" / "swiss_1km_dem_chelsa_may.nc")
    features = terrain(data.values["dem"], data.grid, latitude=46.95)
    return Task([Scene.of_truth(features, data.values["chelsa_may_precip"], Law("positive"), 10)], 5)


def sentinel2_ndvi(folder: Path) -> Task:
    """NDVI, 10 m from 100 m, on the dates whose pixels are all valid; features are terrain and land use of one map."""
    import xarray as xr

    with xr.open_dataset(folder / "highres" / "sentinel2_ndvi_slovenia_10m_2015_2017.nc") as data:
        data = data.isel(y=slice(0, 100))
        full = np.flatnonzero(data["valid"].values.all(axis=(1, 2)))
        ndvi = data["ndvi"].values[full]
        days = data["time"].dt.dayofyear.values[full]
        dem, lulc = (data[n].values.astype(float) for n in ("dem", "lulc"))
    # EPSG:32633; lower edge and left edge of the bounding box that the file tells
    steps = np.asarray(10.0 * (np.arange(100) + 0.5), dtype=np.float64)
    grid = Grid(
        5_080_254.6 - steps,
        465_181.05 + steps,
        "EPSG:32633",
        False,
    )
    land = terrain(dem, grid, latitude=45.87)
    names = ("elevation", "slope", "northness", "eastness", "tpi2", "tpi8", "twi", "insolation")
    scenes = []
    for field, day in zip(ndvi, days, strict=True):
        season = {
            "season_sin": np.sin(2 * np.pi * day / 365.25),
            "season_cos": np.cos(2 * np.pi * day / 365.25),
        }
        values = {n: land.values[n] for n in names} | {n: np.full(grid.shape, v) for n, v in season.items()}
        features = Fields(grid, values | {"lulc": lulc}, frozenset({"lulc"}))
        scenes.append(Scene.of_truth(features, field, Law("bounded", -1.0, 1.0), 10))
    return Task(scenes, 3)


def bavaria_forest(folder: Path) -> Task:
    """Forest cover fraction of 2018, 300 m from 3 km, with the shares of CORINE classes in each pixel."""
    forest = read_fields(
        folder / "highres" / "forest_disturbance_bavaria_300m.nc", names=("forest_cover_fraction",)
    )
    corine = read_fields(
        folder / "highres" / "corine2018_bavaria_100m.nc", select={"year": 0}, classes=("clc",)
    )
    grid, truth = forest.grid, forest.values["forest_cover_fraction"]
    fine = corine.values["clc"]
    # a 300 m pixel holds the 100 m pixels whose centres lie in it
    rows, columns = (
        np.floor((a - e[0]) / s).astype(int)
        for a, e, s in zip((corine.grid.y, corine.grid.x), grid.edges, grid.step, strict=True)
    )
    inside = ((rows >= 0) & (rows < grid.shape[0]))[:, None] & ((columns >= 0) & (columns < grid.shape[1]))[
        None, :
    ]
    flat = np.where(inside, rows[:, None] * grid.shape[1] + columns[None, :], 0)
    known = inside & np.isfinite(fine)
    count = np.bincount(flat[known], minlength=truth.size)
    codes = np.unique(fine[known])
    shares = np.stack(
        [np.bincount(flat[known & (fine == c)], minlength=truth.size) / np.maximum(count, 1) for c in codes]
    )
    dominant = np.where(count > 0, codes[shares.argmax(axis=0)], np.nan).reshape(truth.shape)
    common = shares[:, count > 0].mean(axis=1) > 0.005
    values = {
        f"clc{int(c)}": np.where(count > 0, s, np.nan).reshape(truth.shape)
        for c, s in zip(codes[common], shares[common], strict=True)
    }
    features = Fields(grid, values | {"clc": dominant}, frozenset({"clc"}))
    return Task([Scene.of_truth(features, truth, Law("bounded"), 10)], 12)


DATASETS: dict[str, Callable[[Path], Task]] = {
    "swiss_chelsa": swiss_chelsa,
    "sentinel2_ndvi": sentinel2_ndvi,
    "hwsd_oc": hwsd_oc,
    "hwsd_clay": hwsd_clay,
    "bavaria_forest": bavaria_forest,
}


def _joined(parts: list[Fields]) -> Fields:
    out = parts[0]
    for part in parts[1:]:
        out = out.joined(part)
    return out
