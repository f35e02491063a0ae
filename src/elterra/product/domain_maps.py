"""Maps of a domain: vegetation, land units, climate, terrain, soil."""

from __future__ import annotations

import numpy as np
import xarray as xr

from elterra.domain.bioclimate import SECONDS_PER_DAY, bioclimate
from elterra.domain.europe import DAYS
from elterra.domain.grid import CRS, Grid
from elterra.domain.mappings import LatLon, mapping_from_attrs
from elterra.product.maps import Panel, figure

_PFT_COLOURS = (
    (214, 202, 170),
    (31, 92, 60),
    (16, 58, 66),
    (98, 72, 130),
    (60, 160, 60),
    (92, 140, 40),
    (150, 200, 90),
    (70, 170, 90),
    (110, 190, 160),
    (200, 120, 60),
    (220, 160, 90),
    (150, 120, 170),
    (170, 200, 225),
    (236, 226, 120),
    (240, 170, 40),
)
#: CLM's abbreviations: needle/broad, evergreen/deciduous, tree/shrub
_PFT_SHORT = (
    "bare ground",
    "NET temperate",
    "NET boreal",
    "NDT boreal",
    "BET tropical",
    "BET temperate",
    "BDT tropical",
    "BDT temperate",
    "BDT boreal",
    "BES temperate",
    "BDS temperate",
    "BDS boreal",
    "C3 arctic grass",
    "C3 grass",
    "C4 grass",
)
_CROP, _URBAN, _LAKE, _ICE = (230, 190, 190), (190, 40, 40), (60, 110, 200), (250, 250, 255)


def domain_figure(data: xr.Dataset) -> str:
    """The text of an SVG file with nine maps of a domain dataset."""
    grid = grid_in(data)
    lines = graticule(grid)
    # cells of a latitude-longitude grid are drawn as wide as they are in the middle
    narrow = isinstance(grid.mapping, LatLon)
    stretch = 1.0 / float(np.cos(np.deg2rad(grid.y.mean()))) if narrow else 1.0
    land = data["land_mask"].values > 0.5

    def masked(values: np.ndarray) -> np.ndarray:
        return np.where(land, values, np.nan)

    def panel(name: str, title: str, values: np.ndarray, units: str, **more: object) -> Panel:
        words = title + (" (assumed)" if data[name].attrs.get("elterra_origin") == "default" else "")
        return Panel(words, masked(values), units, lines=lines, stretch=stretch, **more)  # type: ignore[arg-type]

    weight = DAYS / DAYS.sum()
    mean = lambda name: np.tensordot(weight, data[name].values.astype(float), axes=1)  # noqa: E731
    indices = bioclimate(data["tas"].values, data["pr"].values)
    natural, crops = data["landunit_fraction"].values[:2]
    trees = natural * data["pft_fraction"].values[1:9].sum(axis=0)
    panels = [
        _dominant(data, lines, stretch),
        panel("pft_fraction", "Trees", trees, "part of the land", limits=(0, 1)),
        panel("landunit_fraction", "Crops", crops, "part of the land", limits=(0, 1)),
        panel("tas", "Temperature, annual mean", mean("tas") - 273.15, "°C"),
        panel("pr", "Precipitation of the year", mean("pr") * SECONDS_PER_DAY * DAYS.sum(), "mm"),
        panel("tas", "Growing-degree days above 5 °C", indices["gdd"], "K day"),
        panel("rsds", "Short-wave radiation", mean("rsds"), "W m⁻²"),
        panel("elevation", "Elevation", data["elevation"].values, "m"),
        panel("organic", "Organic matter to 1 m", _to_1_m(data, "organic"), "kg m⁻²"),
    ]
    note = "Grey: not modelled. (assumed): stated default, no data. " + str(data.attrs.get("source", ""))
    return figure(panels, str(data.attrs.get("title", "")), note)


def _to_1_m(data: xr.Dataset, name: str) -> np.ndarray:
    """Sum of a density by layer down to 1 m ``[y, x]``."""
    bottom = np.minimum(data["soil_depth"].values, 1.0)
    thick = np.diff(np.concatenate([[0.0], bottom]))
    return np.tensordot(thick, data[name].values.astype(float), axes=1)


def grid_in(data: xr.Dataset) -> Grid:
    """The grid of a dataset in the CF form of `Grid.to_dataset`."""
    mapping = mapping_from_attrs(data[CRS].attrs)
    ydim, xdim = (str(d) for d in data["cell_area"].dims)
    edges = [
        np.append(data[f"{dim}_bnds"].values[:, 0], data[f"{dim}_bnds"].values[-1, 1]) for dim in (xdim, ydim)
    ]
    return Grid(mapping, edges[0], edges[1], str(data.attrs.get("title", "")))


def _dominant(data: xr.Dataset, lines: list[np.ndarray], stretch: float) -> Panel:
    """The largest of all types and land units of each cell with at least half land."""
    units, types = data["landunit_fraction"].values, data["pft_fraction"].values
    whole = np.concatenate([types * units[:1], units[1:]])
    land = data["land_fraction"].values >= 0.5
    number = np.where(land, np.nan_to_num(whole, nan=-1.0).argmax(axis=0).astype(float), np.nan)
    names = [*_PFT_SHORT, *str(data["landunit"].attrs["flag_meanings"]).split()[1:]]
    palette = [*_PFT_COLOURS, _CROP, _URBAN, _LAKE, _ICE]
    present = np.unique(number[np.isfinite(number)]).astype(int)
    classes = [(int(k), names[k], palette[k]) for k in present]
    return Panel("Largest part of the land", number, classes=classes, lines=lines, stretch=stretch)


def graticule(grid: Grid, step: float = 10.0) -> list[np.ndarray]:
    """Meridians and parallels each `step` degrees inside a grid, as polylines in fractional cells."""
    lat0, lat1 = max(float(grid.lat.min()) - step, -89.0), min(float(grid.lat.max()) + step, 89.0)
    lon0, lon1 = float(grid.lon.min()) - step, float(grid.lon.max()) + step
    out = []
    lats, lons = np.linspace(lat0, lat1, 181), np.linspace(lon0, lon1, 361)
    curves = [(np.full(lons.size, v), lons) for v in np.arange(np.ceil(lat0 / step) * step, lat1, step)]
    curves += [(lats, np.full(lats.size, v)) for v in np.arange(np.ceil(lon0 / step) * step, lon1, step)]
    for lat, lon in curves:
        x, y = grid.mapping.forward(lat, lon)
        cx = np.interp(x, grid.x_edges, np.arange(grid.x_edges.size), left=-1, right=-1)
        cy = np.interp(y, grid.y_edges, np.arange(grid.y_edges.size), left=-1, right=-1)
        inside = (cx >= 0) & (cy >= 0)
        for part in np.split(np.arange(x.size), np.flatnonzero(np.diff(inside.astype(int))) + 1):
            if inside[part[0]] and part.size > 1:
                out.append(np.stack([cx[part], cy[part]], axis=-1))
    return out
