"""A domain as a NetCDF file, written tile by tile in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import xarray as xr

from elterra.domain.build import Builder
from elterra.domain.tiles import tiling_for
from elterra.errors import ElterraError


def write_domain(
    builder: Builder,
    path: Path,
    tile_cells: int | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes the domain of `builder` to `path` (new, then renamed). Fields are float32, compressed, areas and axes
    float64; `tile_cells` is chosen for bounded memory where it is not given; `told` is called with tiles done and
    their number."""
    grid = builder.grid
    tiling = tiling_for(grid, tile_cells or builder.tile_cells())
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = grid.to_dataset(corners=True)
    counts: dict[str, int] = {}
    try:
        with h5netcdf.File(aside, "w") as file:
            for number, tile in enumerate(tiling):
                part = builder.dataset(grid.window(tile.rows, tile.columns))
                if number == 0:
                    _create(file, frame, part, grid.shape, grid.dims)
                place = {grid.dims[0]: tile.rows, grid.dims[1]: tile.columns}
                for name in part.data_vars:
                    array = part[name]
                    if str(name) in frame or not set(grid.dims) <= set(map(str, array.dims)):
                        continue
                    where = tuple(place.get(str(d), slice(None)) for d in array.dims)
                    file.variables[str(name)][where] = array.values.astype("f4")
                    counts[str(name)] = counts.get(str(name), 0) + int(
                        array.attrs.get("elterra_filled_cells", 0)
                    )
                    if array.attrs.get("elterra_filled_with"):
                        file.variables[str(name)].attrs["elterra_filled_with"] = array.attrs[
                            "elterra_filled_with"
                        ]
                if told is not None:
                    told(number + 1, len(tiling))
            for name, count in counts.items():
                if count:
                    file.variables[name].attrs["elterra_filled_cells"] = np.int64(count)
        os.replace(aside, path)
    except OSError as error:
        raise ElterraError(f"{path}: cannot write: {error.strerror or error}") from error
    finally:
        aside.unlink(missing_ok=True)
    return path


def _create(
    file: h5netcdf.File, frame: xr.Dataset, part: xr.Dataset, shape: tuple[int, int], dims: tuple[str, str]
) -> None:
    """Dimensions, axes, variables and attributes of the file."""
    sizes = {str(d): n for d, n in {**part.sizes, **frame.sizes}.items()}
    sizes |= dict(zip(dims, shape, strict=True))
    file.dimensions = sizes
    for name, array in frame.variables.items():
        dtype = array.dtype
        variable = file.create_variable(
            str(name),
            tuple(map(str, array.dims)),
            dtype,
            **({"compression": "gzip"} if array.ndim > 1 else {}),
        )
        variable[...] = array.values
        _attributes(variable, array.attrs)
    for name, array in part.variables.items():
        if str(name) in frame.variables:
            continue
        names = tuple(map(str, array.dims))
        if set(dims) <= set(names):
            chunks = tuple(min(128, sizes[d]) if d in dims else 1 for d in names)
            variable = file.create_variable(
                str(name),
                names,
                np.dtype("f4"),
                chunks=chunks,
                compression="gzip",
                shuffle=True,
                fillvalue=np.float32(np.nan),
            )
        else:
            variable = file.create_variable(str(name), names, array.dtype)
            variable[...] = array.values
        attrs = {k: v for k, v in array.attrs.items() if not k.startswith("elterra_filled")}
        _attributes(variable, attrs)
    for key, value in part.attrs.items():
        file.attrs[key] = value


def _attributes(variable: Any, attrs: dict[Any, Any]) -> None:
    for key, value in attrs.items():
        variable.attrs[str(key)] = value
