"""Downscaling from files to files: features of a height model, a score card, a map with intervals."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.downscaling.evaluate import evaluate, learn
from elterra.downscaling.features import terrain
from elterra.downscaling.grid import Fields, Grid, describe
from elterra.downscaling.laws import Law
from elterra.downscaling.readers import read_fields
from elterra.downscaling.rivals import METHODS
from elterra.downscaling.scene import LEVELS, Method, Scene
from elterra.errors import InputError
from elterra.files import write_json

Array = NDArray[np.float64]

#: edges of coarse cells and fine pixels may differ by this share of a pixel
_ALIGNED = 0.02


@dataclass(frozen=True)
class Source:
    """A file, the variable in it, and the reference system where the file does not tell it."""

    path: Path
    name: str
    crs: str | None = None

    def read(self) -> Fields:
        return read_fields(self.path, names=(self.name,), crs=self.crs)


def method_of(name: str) -> Method:
    """The method of that name; an error with the names there are."""
    if name not in METHODS:
        raise InputError(f"method {name!r} of downscaling is unknown; there are {', '.join(METHODS)}")
    return METHODS[name]


def make_features(dem: Source, out: Path, latitude: float | None = None) -> dict[str, Any]:
    """Terrain features of a height model as NetCDF; gives a summary."""
    heights = dem.read()
    found = terrain(heights.values[dem.name], heights.grid, latitude)
    write_fields(out, found, title="Terrain features", source=f"elterra downscale features {dem.path.name}")
    return describe(found.grid) | {"fields": sorted(found.values), "out": str(out)}


def read_features(paths: list[Path], crs: str | None, classes: tuple[str, ...]) -> Fields:
    """Features of several files on one grid; `classes` name the fields that hold codes."""
    if not paths:
        raise InputError("no features: give at least one file of fields on the fine grid")
    out: Fields | None = None
    missing = set(classes)
    for path in paths:
        found = read_fields(path, crs=crs)
        here = frozenset(missing & found.values.keys())
        missing -= here
        part = Fields(found.grid, found.values, here, found.units)
        out = part if out is None else out.joined(part)
    assert out is not None
    if missing:
        there = ", ".join(sorted(out.values))
        raise InputError(f"no feature {', '.join(sorted(missing))} for --class; there are {there}")
    return out


def score_files(
    features: Fields,
    truth: Source,
    law: Law,
    factor: int,
    block: int,
    folds: int,
    methods: list[str],
    out: Path | None,
) -> dict[str, Any]:
    """Score card of methods on held-out regions of a fine truth that is made coarse by `factor`."""
    scene = Scene.of_truth(features, _on(features.grid, truth), law, factor)
    cards = {name: evaluate(method_of(name), [scene], block, folds).scores for name in methods}
    told: dict[str, Any] = {"variable": truth.name, "factor": factor, "block": block, "folds": folds}
    told |= {"grid": describe(features.grid), "scores": cards}
    if out is not None:
        write_json(out, told)
    return told


def map_files(
    features: Fields,
    truth: Source,
    coarse: Source,
    law: Law,
    block: int,
    method: str,
    out: Path,
    land: Source | None = None,
) -> dict[str, Any]:
    """Learn where the fine truth is known, give the coarse field at every pixel of the features, as NetCDF.

    Pixels without truth are predicted as well. `land`: fraction of land of each pixel (0 to 1); all is land without it.
    Gives what the constraint changed and the factor on the intervals.
    """
    cells, factor = nested_cells(coarse, features.grid)
    share = np.ones(features.grid.shape) if land is None else np.nan_to_num(_on(features.grid, land))
    taught = Scene.of_truth(features, _on(features.grid, truth), law, factor, share)
    learned = learn(method_of(method), [taught], [taught.aggregation.has_land], block)
    scene = Scene(features, cells, law, factor, share)
    done = learned.downscale(scene)
    values = {truth.name: done.prediction.mean}
    values |= {
        f"{truth.name}_q{round(100 * level):02d}": q
        for level, q in zip(LEVELS, done.prediction.quantiles, strict=True)
    }
    fields = Fields(features.grid, values)
    write_fields(
        out,
        fields,
        title=f"{truth.name} downscaled by {method}",
        source=f"elterra downscale run, coarse {coarse.path.name}",
    )
    return done.report | {
        "widen": learned.widen,
        "factor": float(factor),
        "pixels": float(scene.known.sum()),
        "out": str(out),
    }


def nested_cells(coarse: Source, grid: Grid) -> tuple[Array, int]:
    """The coarse field on the cells that cover `grid`, rows the same way round, and the pixels a cell has a side.

    Refuses grids whose edges do not meet.
    """
    found = coarse.read()
    if found.grid.crs != grid.crs:
        raise InputError(f"{coarse.path}: reference system {found.grid.crs}; the features have {grid.crs}")
    value, axes = found.values[coarse.name], [found.grid.y, found.grid.x]
    for axis in (0, 1):
        if np.sign(found.grid.step[axis]) != np.sign(grid.step[axis]):
            value, axes[axis] = np.flip(value, axis), axes[axis][::-1]
    whole = Grid(axes[0], axes[1], grid.crs, grid.geographic)
    factors = [c / f for c, f in zip(whole.step, grid.step, strict=True)]
    factor = round(factors[0])
    if factor < 2 or max(abs(f - factor) for f in factors) > _ALIGNED / 10 * factor:
        raise InputError(
            f"{coarse.path}: a cell is {factors[0]:.4g} x {factors[1]:.4g} pixels; expected the same whole number from 2 on"
        )
    window = []
    for axis in (0, 1):
        begin = (grid.edges[axis][0] - whole.edges[axis][0]) / whole.step[axis]
        first = round(begin)
        count = -(-grid.shape[axis] // factor)
        if abs(begin - first) * factor > _ALIGNED or first < 0 or first + count > whole.shape[axis]:
            raise InputError(
                f"{coarse.path}: along {'yx'[axis]} the first pixel begins {begin:.3f} cells into the coarse grid and the "
                f"pixels need {count} of {whole.shape[axis]} cells; cut the features at an edge of a coarse cell"
            )
        window.append(slice(first, first + count))
    return value[tuple(window)], factor


def write_fields(path: Path, fields: Fields, **attributes: str) -> None:
    """NetCDF, written beside and renamed, that `read_fields` reads."""
    import xarray as xr

    grid = fields.grid
    y, x = ("lat", "lon") if grid.geographic else ("y", "x")
    units = ("degrees_north", "degrees_east") if grid.geographic else ("m", "m")
    data = xr.Dataset(
        {
            n: ((y, x), v.astype(np.float32), {"units": fields.units.get(n, "")})
            for n, v in fields.values.items()
        },
        coords={y: (y, grid.y, {"units": units[0]}), x: (x, grid.x, {"units": units[1]})},
        attrs={"crs": grid.crs, "Conventions": "CF-1.11", **attributes},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    data.to_netcdf(
        aside, engine="h5netcdf", encoding={n: {"zlib": True, "complevel": 4} for n in fields.values}
    )
    os.replace(aside, path)


def _on(grid: Grid, source: Source) -> Array:
    found = source.read()
    if not found.grid.same_as(grid):
        raise InputError(
            f"{source.path}: {source.name} lies on another grid ({found.grid.crs}, {found.grid.shape}) than the features "
            f"({grid.crs}, {grid.shape}); bring both to one grid first"
        )
    return found.values[source.name]
