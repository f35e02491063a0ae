"""Small files as CLM writes them: two grid cells, one with crops, made for the tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

CELLS = 2
LAYERS = 10


def surface(path: Path, **changes: np.ndarray) -> Path:
    """Cell 0: needleleaf 70 %, grass 30 % on 80 % of the cell, crop (type 15) on the rest. Cell 1: bare and grass."""
    nat = np.zeros((15, 1, CELLS))
    nat[[1, 13], 0, 0] = 70.0, 30.0
    nat[[0, 13], 0, 1] = 40.0, 60.0
    cft = np.zeros((2, 1, CELLS))
    cft[0] = 100.0
    grid = ("lsmlat", "lsmlon")
    month = np.arange(12.0)[:, None, None, None]
    kind = np.arange(17.0)[None, :, None, None]
    areas = np.broadcast_to(kind + 0.1 * month, (12, 17, 1, CELLS))
    data = {
        "PCT_NATVEG": (grid, [[80.0, 100.0]]),
        "PCT_CROP": (grid, [[20.0, 0.0]]),
        "PCT_NAT_PFT": (("natpft", *grid), nat),
        "PCT_CFT": (("cft", *grid), cft),
        "PCT_LAKE": (grid, [[0.0, 0.0]]),
        "PCT_URBAN": (("numurbl", *grid), np.zeros((3, 1, CELLS))),
        "PCT_SAND": (("nlevsoi", *grid), np.full((LAYERS, 1, CELLS), 40.0)),
        "PCT_CLAY": (("nlevsoi", *grid), np.full((LAYERS, 1, CELLS), 20.0)),
        "ORGANIC": (("nlevsoi", *grid), np.full((LAYERS, 1, CELLS), 10.0)),
        "SOIL_COLOR": (grid, np.array([[12, 18]], dtype=np.int32)),
        "FMAX": (grid, [[0.3, 0.4]]),
        "SLOPE": (grid, [[0.1, 5.0]]),
        "STD_ELEV": (grid, [[0.0, 30.0]]),
        "zbedrock": (grid, [[8.0, 2.0]]),
        "LATIXY": (grid, [[50.0, 51.0]]),
        "LONGXY": (grid, [[6.0, 7.0]]),
        "abm": (grid, np.array([[8, 13]], dtype=np.int32)),
        "gdp": (grid, [[35.0, 2.0]]),
        "peatf": (grid, [[0.0, 0.4]]),
    }
    data |= {
        f"MONTHLY_{n}": (("time", "lsmpft", *grid), areas) for n in ("LAI", "SAI", "HEIGHT_TOP", "HEIGHT_BOT")
    }
    for name, value in changes.items():
        data[name] = (data[name][0], value)
    xr.Dataset(data).to_netcdf(path, engine="h5netcdf")
    return path


def restart(path: Path) -> Path:
    """Columns and patches of `surface` in CLM's order, with one unused patch; cell 0 has one snow layer."""
    rng = np.random.default_rng(1)
    columns, patches = 3, 6
    levels = 12 + 25
    snow = np.zeros((columns, 12))
    snow[0, 11] = 0.2
    data = {
        "cols1d_ixy": ("column", np.array([1, 1, 2])),
        "cols1d_jxy": ("column", np.array([1, 1, 1])),
        "cols1d_ityplun": ("column", np.array([1, 2, 1])),
        "pfts1d_column_index": ("pft", np.array([1, 1, 1, 2, 3, 3])),
        "pfts1d_itypveg": ("pft", np.array([0, 1, 13, 15, 0, 13])),
        "SNLSNO": ("column", np.array([-1, 0, 0])),
        "H2OSNO": ("column", [20.0, 0.5, 0.0]),
        "SNOW_DEPTH": ("column", [0.2, 0.01, 0.0]),
        "INT_SNOW": ("column", [25.0, 0.5, 0.0]),
        "frac_sno": ("column", [0.9, 0.05, 0.0]),
        "DZSNO": (("column", "levsno"), snow),
        "snw_rds": (("column", "levsno"), 1000.0 * snow),
        "T_SOISNO": (("column", "levtot"), 270.0 + rng.random((columns, levels))),
        "H2OSOI_LIQ": (
            ("column", "levtot"),
            np.where(np.arange(levels) < 12, 1.0e36, 5.0) * np.ones((columns, 1)),
        ),
        "H2OSOI_ICE": (("column", "levtot"), 3.0 * np.ones((columns, levels))),
        "T_VEG": ("pft", 280.0 + np.arange(patches)),
        "LIQCAN": ("pft", 0.01 * np.arange(patches)),
        "leafc": ("pft", 10.0 * np.arange(patches)),
        "deadstemc": ("pft", np.arange(patches) * 1.0),
        "PREC10_VALUE": ("pft", np.full(patches, 2.0e-5)),
        "PREC60_VALUE": ("pft", np.full(patches, 3.0e-5)),
        "RH30_VALUE": ("pft", np.full(patches, 71.0)),
        "burndate": ("pft", np.array([10000, 10000, 10000, 4, 10000, 10000])),
        "spinup_state": ((), np.int32(2)),
    }
    for i, pool in enumerate(("litr1", "litr2", "litr3", "cwd", "soil1", "soil2", "soil3")):
        for element in "cn":
            data[f"{pool}{element}_vr"] = (("column", "levgrnd"), np.full((columns, 25), i + 1.0))
    xr.Dataset(data).to_netcdf(path, engine="h5netcdf")
    return path
