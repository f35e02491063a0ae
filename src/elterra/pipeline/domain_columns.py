"""Modelled cells of a domain as columns of the land model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from elterra.errors import InputError
from elterra.land import Surface
from elterra.land.soil_heat import ZSOI

#: height of the forcing above displacement height plus roughness, m: CLM's for gridded forcing
FORCING_HEIGHT = 30.0
#: largest saturated part of a cell, as at stations
SATURATED_MAX = 0.4
#: least slope, degrees, as in CLM
LEAST_SLOPE = 0.2


@dataclass(frozen=True)
class DomainColumns:
    """One column of natural vegetation a modelled cell, in the order of the cells.

    Attributes
    ----------
    surface : facts of the columns, patches ``[patch, column]``, the largest first
    cell : number of the cell, ``y * nx + x`` ``[column]``
    kept : part of the natural vegetation that the patches stand for ``[column]``; the rest was too small
    natural : part of the land of the cell that the column stands for ``[column]``
    shape : (ny, nx) of the domain
    """

    surface: Surface
    cell: np.ndarray
    kept: np.ndarray
    natural: np.ndarray
    shape: tuple[int, int]

    def on_grid(self, values: np.ndarray, fill: float = np.nan) -> np.ndarray:
        """``[..., column]`` as a map ``[..., y, x]``, `fill` where there is no column."""
        array = np.asarray(values)
        out = np.full((*array.shape[:-1], self.shape[0] * self.shape[1]), fill, dtype=float)
        out[..., self.cell] = array
        return out.reshape(*array.shape[:-1], *self.shape)


def domain_columns(data: xr.Dataset, patches: int = 4, cells: np.ndarray | None = None) -> DomainColumns:
    """Columns of the land model for a domain dataset (`load_default_europe`, `open_domain`).

    Parameters
    ----------
    patches : largest types of each cell that are kept; their weights are scaled to sum 1 (`kept` books the rest)
    cells : numbers of the cells wanted (all modelled ones where absent). Raises InputError for a cell that is not
        modelled.
    """
    if not 1 <= patches <= data.sizes["pft"]:
        raise InputError(f"patches: {patches}; expected 1 to {data.sizes['pft']}")
    mask = data["land_mask"].values.ravel() > 0.5
    at = np.flatnonzero(mask) if cells is None else np.asarray(cells, int)
    if at.size == 0 or np.any((at < 0) | (at >= mask.size)) or not mask[at].all():
        raise InputError(
            f"cells: {at.size} wanted, of which some are not modelled (land_mask) or not in the domain"
        )

    def of(name: str) -> np.ndarray:
        values = data[name].values.astype(float)
        return values.reshape(*values.shape[:-2], -1)[..., at]

    share = of("pft_fraction")
    order = np.argsort(-share, axis=0, kind="stable")[:patches]
    weight = np.take_along_axis(share, order, axis=0)
    kept = weight.sum(axis=0)
    # a domain gives layers by their lower bound; below the last one it goes on
    layer = np.searchsorted(data["soil_depth"].values, np.asarray(ZSOI), side="left")
    layer = np.minimum(layer, data.sizes["soil_depth"] - 1)
    lat, lon = (np.broadcast_to(v, data["land_mask"].shape).ravel()[at] for v in _centres(data))
    surface = Surface(
        lat=lat,
        lon=lon,
        elevation=of("elevation"),
        forc_hgt=np.full(at.size, FORCING_HEIGHT),
        topo_slope=np.maximum(of("slope"), LEAST_SLOPE),
        fmax=np.full(at.size, SATURATED_MAX),
        zbedrock=of("bedrock_depth"),
        soil_color=np.round(of("soil_color")).astype(int),
        sand=of("sand")[layer],
        clay=of("clay")[layer],
        organic=of("organic")[layer],
        pft=order,
        wt=weight / kept,
    )
    natural = of("landunit_fraction")[0]
    return DomainColumns(surface, at, kept, natural, (data.sizes[_dims(data)[0]], data.sizes[_dims(data)[1]]))


def _dims(data: xr.Dataset) -> tuple[str, str]:
    y, x = data["land_mask"].dims
    return str(y), str(x)


def _centres(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    lat, lon = data["lat"].values, data["lon"].values
    return (lat[:, None], lon[None, :]) if lat.ndim == 1 else (lat, lon)
