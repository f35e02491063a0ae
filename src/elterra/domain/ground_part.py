"""Soil and terrain of a domain: from files, or stated assumptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from elterra.domain import defaults
from elterra.domain.grid import Grid
from elterra.domain.mappings import RADIUS, LambertAzimuthal
from elterra.domain.parts import Field, Fields, Opened, filled
from elterra.errors import InputError
from elterra.experiment import SoilFile, TerrainFile

#: kg of organic matter a kg of carbon (van Bemmelen), as in CLM's surface data
ORGANIC_PER_CARBON = 1.0 / 0.58
#: kg m-3, what CLM counts as pure organic soil
ORGANIC_MAX = 130.0

ATTRS: dict[str, dict[str, Any]] = {
    "sand": {"long_name": "sand, mass of the fine earth", "units": "%"},
    "clay": {"long_name": "clay, mass of the fine earth", "units": "%"},
    "organic": {"long_name": "organic matter density", "units": "kg m-3"},
    "bedrock_depth": {"long_name": "depth to bedrock", "units": "m"},
    "soil_color": {"long_name": "CLM soil colour class (1 light, 20 dark)", "units": "1"},
    "elevation": {"standard_name": "surface_altitude", "long_name": "mean elevation", "units": "m"},
    "elevation_sd": {"long_name": "standard deviation of the elevation within the cell", "units": "m"},
    "slope": {"long_name": "mean slope", "units": "degree"},
}


@dataclass(frozen=True)
class SoilLayer:
    """A layer of a soil file: bounds (m) and names of variables; a name may be missing from the file."""

    top: float
    bottom: float
    sand: str
    clay: str
    carbon: str
    bulk_density: str


def _soilgrids() -> tuple[SoilLayer, ...]:
    bounds = ((0, 5), (5, 15), (15, 30), (30, 60), (60, 100), (100, 200))
    names = [f"{a}-{b}cm" for a, b in bounds]
    return tuple(
        SoilLayer(a / 100, b / 100, f"sand_{n}_mean", f"clay_{n}_mean", f"soc_{n}_mean", f"bdod_{n}_mean")
        for (a, b), n in zip(bounds, names, strict=True)
    )


#: layers, and factors to % (sand, clay, carbon) and kg m-3 (bulk density)
_KINDS: dict[str, tuple[tuple[SoilLayer, ...], float, float, float]] = {
    "hwsd": (
        (
            SoilLayer(0.0, 0.3, "T_SAND", "T_CLAY", "T_OC", "T_BULK_DEN"),
            SoilLayer(0.3, 1.0, "S_SAND", "S_CLAY", "S_OC", "S_BULK_DEN"),
        ),
        1.0,
        1.0,
        1000.0,  # kg dm-3
    ),
    # g kg-1 of sand and clay, dg kg-1 of carbon, cg cm-3: ISRIC, SoilGrids 2.0 (Poggio et al. 2021)
    "soilgrids": (_soilgrids(), 0.1, 0.01, 10.0),
}


def soil(target: Grid, opened: Opened | None, settings: SoilFile | None) -> Fields:
    """`sand`, `clay`, `organic` ``[soil_depth, y, x]``, `bedrock_depth`, `soil_color` ``[y, x]``."""
    table = defaults.table()["soil"]
    assumed = defaults.soil(target.shape)
    statements = {
        "sand": table["statement_texture"],
        "clay": table["statement_texture"],
        "organic": table["statement_organic"],
        "bedrock_depth": table["statement_bedrock"],
        "soil_color": table["statement_color"],
    }
    lead = {"sand": ("soil_depth",), "clay": ("soil_depth",), "organic": ("soil_depth",)}
    out = {
        name: Field(values, lead.get(name, ()), dict(ATTRS[name]), "default", statements[name])
        for name, values in assumed.items()
    }
    if opened is None or settings is None:
        return out
    known = _clm_soil(target, opened) if settings.kind == "clm" else _layered(target, opened, settings.kind)
    for name, values in known.items():
        whole, gaps = filled(values, assumed[name])
        if name in ("sand", "clay"):
            whole = np.clip(whole, 0.0, 100.0)
        if name == "organic":
            whole = np.clip(whole, 0.0, ORGANIC_MAX)
        source = f"{settings.kind} {opened.source.name}"
        out[name] = Field(
            whole, lead.get(name, ()), dict(ATTRS[name]), "file", source, gaps, statements[name]
        )
    # where one of sand and clay is data and the other is not, they must still fit
    excess = np.maximum(out["sand"].values + out["clay"].values - 100.0, 0.0)
    loose = "sand" if out["sand"].origin == "default" else "clay"
    out[loose].values = out[loose].values - excess
    return out


def _layered(target: Grid, opened: Opened, kind: str) -> dict[str, np.ndarray]:
    """Layers of a file on the layers of a domain ``[soil_depth, y, x]``, NaN where the file has none."""
    layers, texture, carbon, density = _KINDS[kind]
    data = opened.source.data
    present = [layer for layer in layers if any(n in data for n in (layer.sand, layer.clay, layer.carbon))]
    if not present:
        raise InputError(
            f"{opened.source.name}: no soil variable of kind {kind!r}; expected names such as "
            f"{layers[0].sand}, {layers[0].clay}, {layers[0].carbon}; it holds {', '.join(map(str, data.data_vars))}."
        )
    stacks: dict[str, list[np.ndarray | None]] = {"sand": [], "clay": [], "organic": []}
    for layer in layers:
        for name, variable in (("sand", layer.sand), ("clay", layer.clay)):
            values = opened.mean(variable, target) if variable in data else None
            stacks[name].append(None if values is None else values * texture)
        organic = None
        if layer.carbon in data and layer.bulk_density in data:
            regrid, window = opened.regridder(target)
            if regrid is not None:
                part = opened.source.read(layer.carbon, window) * carbon / 100.0
                mass = part * opened.source.read(layer.bulk_density, window) * density
                organic = regrid.mean(mass * ORGANIC_PER_CARBON)[0]
        stacks["organic"].append(organic)
    bounds = np.array([[layer.top, layer.bottom] for layer in layers])
    out = {}
    for name, stack in stacks.items():
        if all(s is None for s in stack):
            continue
        filled_stack = np.stack([np.full(target.shape, np.nan) if s is None else s for s in stack])
        out[name] = on_layers(filled_stack, bounds, defaults.soil_depth())
    return out


def on_layers(values: np.ndarray, bounds: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Layers ``[source, ...]`` between `bounds` (m, ``[source, 2]``) as means over the layers that end at
    `depth` (m): exact overlaps in depth; below the last source layer its values hold; NaN above or
    between."""
    tops = np.concatenate([[0.0], depth[:-1]])
    out = np.full((depth.size, *values.shape[1:]), np.nan)
    ends = bounds[:, 1].copy()
    ends[-1] = max(ends[-1], depth[-1])
    for k, (top, bottom) in enumerate(zip(tops, depth, strict=True)):
        overlap = np.maximum(np.minimum(ends, bottom) - np.maximum(bounds[:, 0], top), 0.0)
        weight = overlap.reshape(-1, *(1,) * (values.ndim - 1)) * np.isfinite(values)
        total = weight.sum(axis=0)
        sums = (np.nan_to_num(values) * weight).sum(axis=0)
        np.divide(sums, total, out=out[k], where=total > 0.0)
    return out


def _clm_soil(target: Grid, opened: Opened) -> dict[str, np.ndarray]:
    """Soil of a CLM surface data set in neutral form (`pipeline/domain_clm.py`)."""
    bounds = np.asarray(opened.source.data["soil_bounds"].values, float)
    out = {}
    for name in ("sand", "clay", "organic"):
        values = opened.mean(name, target)
        if values is not None:
            out[name] = on_layers(values, bounds, defaults.soil_depth())
    for name in ("bedrock_depth", "soil_color"):
        if name in opened.source.data:
            values = opened.mean(name, target)
            if values is not None:
                out[name] = np.round(values) if name == "soil_color" else values
    return out


_MEAN_NAMES = ("altitude_mean", "elevation", "height", "orog", "z", "dem", "topo", "Band1")
_SD_NAMES = ("altitude_sd", "elevation_sd", "STD_ELEV")


def terrain(target: Grid, opened: Opened | None, settings: TerrainFile | None, tas: np.ndarray) -> Fields:
    """`elevation`, `elevation_sd` (m), `slope` (degrees) ``[y, x]``."""
    table = defaults.table()
    z = defaults.elevation(tas, target.lat, target.lon)
    words = {n: " ".join(table[n]["statement"].split()) for n in ("elevation", "elevation_sd", "slope")}
    known: dict[str, np.ndarray | None] = {}
    source = ""
    if opened is not None and settings is not None:
        source = f"{settings.kind} {opened.source.name}"
        if settings.kind == "dem":
            known = _from_dem(target, opened, settings.variable)
        else:
            known = _from_statistics(target, opened, settings.variable, settings.kind != "clm")
    out: Fields = {}
    stand_in = z
    for name in ("elevation", "elevation_sd", "slope"):
        if name == "elevation_sd":
            stand_in = defaults.elevation_sd(out["elevation"].values)
        elif name == "slope":
            stand_in = defaults.slope(out["elevation_sd"].values)
        values = known.get(name)
        if values is None:
            out[name] = Field(stand_in, (), dict(ATTRS[name]), "default", words[name])
        else:
            whole, gaps = filled(values, stand_in)
            out[name] = Field(whole, (), dict(ATTRS[name]), "file", source, gaps, words[name])
    return out


def mean_elevation(target: Grid, opened: Opened, settings: TerrainFile) -> np.ndarray | None:
    """Mean elevation of a file over the cells of `target`, m ``[y, x]``, NaN where it is silent; None where
    it has none or does not reach."""
    name = _find(opened, settings.variable, _MEAN_NAMES, settings.kind != "clm")
    return None if name is None else opened.mean(name, target)


def _find(opened: Opened, variable: str | None, names: tuple[str, ...], needed: bool) -> str | None:
    data = opened.source.data
    found = variable or next((n for n in names if n in data), None)
    if needed and found is None:
        raise InputError(
            f"{opened.source.name}: no elevation found; it holds {', '.join(map(str, data.data_vars))}. Name one "
            "under domain.terrain.variable."
        )
    return found


def _from_statistics(
    target: Grid, opened: Opened, variable: str | None, needed: bool = True
) -> dict[str, np.ndarray | None]:
    """Mean and spread of source cells put together: variance within cells plus variance between them. Where
    there is no mean (not `needed`: CLM's surface data), the variance within cells alone."""
    mean_name = _find(opened, variable, _MEAN_NAMES, needed)
    sd_name = _find(opened, None, _SD_NAMES, False)
    out: dict[str, np.ndarray | None] = {}
    between = np.zeros(target.shape)
    if mean_name is not None:
        mean, square = opened.mean(mean_name, target), opened.mean(mean_name, target, np.square)
        out["elevation"] = mean
        if mean is not None and square is not None:
            between = np.maximum(square - mean**2, 0.0)
    within = None if sd_name is None else opened.mean(sd_name, target, np.square)
    if within is not None:
        out["elevation_sd"] = np.sqrt(np.where(np.isfinite(between), between, 0.0) + within)
    if "slope" in opened.source.data:
        out["slope"] = opened.mean("slope", target)
    return out


def _from_dem(target: Grid, opened: Opened, variable: str | None) -> dict[str, np.ndarray | None]:
    """Mean, standard deviation and mean slope of a finer elevation grid. The slope is that between the
    centres of its cells: it falls with their size."""
    name = _find(opened, variable, _MEAN_NAMES, True)
    assert name is not None
    regrid, window = opened.regridder(target)
    if regrid is None:
        return {"elevation": None, "elevation_sd": None, "slope": None}
    z = opened.source.read(name, window).astype(float)
    z = z.reshape(-1, *z.shape[-2:])[-1]
    grid = window.grid
    dy, dx = spacing(grid)
    along_y, along_x = np.gradient(z, axis=0) / dy, np.gradient(z, axis=1) / dx
    steep = np.rad2deg(np.arctan(np.hypot(along_y, along_x)))
    mean, square = regrid.mean(z)[0], regrid.mean(z * z)[0]
    return {
        "elevation": mean,
        "elevation_sd": np.sqrt(np.maximum(square - mean**2, 0.0)),
        "slope": regrid.mean(steep)[0],
    }


def spacing(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Distances between neighbouring centres, m: along y ``[ny, 1]`` and along x ``[ny, 1]``."""
    step_y = np.gradient(grid.y)[:, None] if grid.shape[0] > 1 else np.full((1, 1), grid.step)
    if isinstance(grid.mapping, LambertAzimuthal):
        return step_y, np.full_like(step_y, grid.step)
    per_degree = np.pi / 180.0 * RADIUS
    return step_y * per_degree, grid.step * per_degree * np.cos(np.deg2rad(grid.y))[:, None]
