"""What is on a domain file, in figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from elterra.errors import InputError


def open_domain(path: str | Path) -> xr.Dataset:
    """Opens a domain file lazily. Raises InputError where it is none."""
    try:
        data = xr.open_dataset(path, engine="h5netcdf", decode_timedelta=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `elterra domain make` writes one") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as NetCDF: {error}") from None
    if data.attrs.get("elterra_format") != "domain_1":
        raise InputError(f"{path}: is no domain file (elterra_format); `elterra domain make` writes one")
    return data


def summarise(data: xr.Dataset) -> dict[str, Any]:
    """Cells, areas by land unit and type (km2), ranges over modelled land, and what is assumed.

    `data`: a domain dataset (`load_default_europe`, `open_domain`).
    """
    area = data["cell_area"].values / 1e6
    land = np.nan_to_num(data["land_fraction"].values) * area
    mask = data["land_mask"].values > 0.5
    units = str(data["landunit"].attrs["flag_meanings"]).split()
    types = str(data["pft"].attrs["flag_meanings"]).split()
    natural = np.nan_to_num(data["landunit_fraction"].values[0]) * land
    out: dict[str, Any] = {
        "title": data.attrs.get("title", ""),
        "mapping": data["crs"].attrs["grid_mapping_name"],
        "shape": list(area.shape),
        "cells": int(area.size),
        "modelled_cells": int(mask.sum()),
        "land_cells_without_climate": int(
            ((data["land_fraction"].values >= 0.5) & ~np.isfinite(data["tas"].values).all(axis=0)).sum()
        ),
        "area_km2": float(area.sum()),
        "land_km2": float(land.sum()),
        "modelled_land_km2": float(land[mask].sum()),
        "landunit_km2": {
            name: float((np.nan_to_num(data["landunit_fraction"].values[i]) * land).sum())
            for i, name in enumerate(units)
        },
        "pft_km2": {
            name: float((np.nan_to_num(data["pft_fraction"].values[i]) * natural).sum())
            for i, name in enumerate(types)
        },
        "pft_sum_error": _sum_error(data["pft_fraction"].values),
        "landunit_sum_error": _sum_error(data["landunit_fraction"].values),
        "variables": {},
    }
    weight = np.where(mask, land, 0.0)
    for name in data.data_vars:
        origin = data[name].attrs.get("elterra_origin")
        if origin is None or name in ("pft_fraction", "landunit_fraction", "land_mask", "land_fraction"):
            continue
        values = data[name].values
        at = values.reshape(-1, values.shape[-2] * values.shape[-1])[:, mask.ravel()].astype(float)
        w = weight.ravel()[mask.ravel()]
        out["variables"][str(name)] = {
            "units": data[name].attrs.get("units", ""),
            "origin": origin,
            "source": data[name].attrs.get("source", ""),
            "filled_cells": int(data[name].attrs.get("elterra_filled_cells", 0)),
            "least": float(at.min()) if at.size else None,
            "mean": float((at.mean(axis=0) * w).sum() / w.sum()) if at.size else None,
            "greatest": float(at.max()) if at.size else None,
        }
    return out


def _sum_error(values: np.ndarray) -> float:
    total = values.astype(float).sum(axis=0)
    known = np.isfinite(total)
    return float(np.abs(total[known] - 1.0).max()) if known.any() else 0.0
