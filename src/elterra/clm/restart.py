"""CLM5 restart files as the state of the model, and CLM5's cold start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from elterra.clm._files import ClmFile
from elterra.clm.namelist import Report
from elterra.clm.surface import SurfaceData
from elterra.errors import InputError
from elterra.land import Config, Fields, cold_start
from elterra.land.config import NLEVSOI, POOLS
from elterra.land.constants import DENH2O
from elterra.land.decomposition import ACCELERATED_POOLS, ACCELERATED_WOOD, latitude_term
from elterra.land.memory import LONGEST
from elterra.land.snow import SPECIES
from elterra.registry import variables

#: state of the registry -> variable of the restart file, where the lower-case names differ
NAMES = {
    "t_soisno": "T_SOISNO",
    "t_h2osfc": "TH2OSFC",
    "dz_snow": "DZSNO",
    "int_snow": "INT_SNOW",
    "frac_h2osfc": "FH2OSFC",
    "t10": "T10_VALUE",
    "acclim_s": "T10_VALUE",  # the state of acclimation follows air temperature
    "prec10": "PREC10_VALUE",
    "prec60": "PREC60_VALUE",
    "rh30": "RH30_VALUE",
    "lag_npp": "col_lag_npp",
    "tsai_memory": "tsai",
    "annet": "AnnET_VALUE",
    "conc_o2": "CONC_O2_UNSAT",
    "vcmx25": "vcmx25_z",
    "jmx25": "jmx25_z",
    "pco2_10": "pco2_240",
    "pbot_10": "pbot240",
    "luna_pnlc": "pnlc_z",
    "luna_enzyme": "enzs_z",
    "luna_gpp": "gpp24",
    "luna_par_sum": "par24d",
    "luna_par_max": "par24x",
    "luna_par10": "par240d",
    "luna_parmax10": "par240x",
    "luna_day_t": "tvegd",
    "luna_night_t": "tvegn",
    "luna_day_t10": "tvegd10",
    "luna_night_t10": "tvegn10",
    "luna_day_steps": "ndaysteps",
    "luna_night_steps": "nnightsteps",
    "luna_rh10": "rh10",
    "luna_rb10": "rb10",
    "smin_nh4": "smin_nh4_vr",
    "smin_no3": "smin_no3_vr",
}
#: states made from several variables of the file
_SPECIAL = ("snow_aerosols", "snl", "memory_steps", "h2osno_no_layers", "decomp_cpools", "decomp_npools")
_WOOD = ("deadstemc", "deadstemn", "deadcrootc", "deadcrootn")
#: CLM5's cold start: soil at 274 K with 0.15 m3 m-3 of water, leaves at 283 K, memory of air temperature 20 degC
COLD_SOIL, COLD_WATER, COLD_LEAF, COLD_AIR = 274.0, 0.15, 283.0, 293.15


@dataclass(frozen=True)
class Index:
    """Where the columns and patches of a surface stand in a restart file."""

    column: np.ndarray  # [column]
    patch: np.ndarray  # [patch, column]; -1 for a patch that only fills up


def find(file: ClmFile, data: SurfaceData) -> Index:
    """Match columns by cell and land unit (1 natural, 2 crop) and patches by type."""
    nx = data.shape[1]
    kind = file["cols1d_ityplun"]
    cell = (file["cols1d_jxy"] - 1) * nx + file["cols1d_ixy"] - 1
    pft_column = file["pfts1d_column_index"] - 1
    pft_type = file["pfts1d_itypveg"]
    columns = np.zeros(data.cell.size, int)
    patches = np.full(data.surface.pft.shape, -1)
    for i, (at, crop) in enumerate(zip(data.cell, data.crop, strict=True)):
        found = np.flatnonzero((cell == at) & (kind == (2 if crop else 1)))
        if found.size != 1:
            raise InputError(
                f"{file.path}: cell {at} has {found.size} columns of "
                f"{'crops' if crop else 'natural vegetation'}; expected one"
            )
        columns[i] = found[0]
        for j, (pft, weight) in enumerate(zip(data.surface.pft[:, i], data.surface.wt[:, i], strict=True)):
            if weight == 0.0:
                continue
            here = np.flatnonzero((pft_column == found[0]) & (pft_type == pft))
            if here.size != 1:
                raise InputError(f"{file.path}: {here.size} patches of type {pft} in cell {at}; expected one")
            patches[j, i] = here[0]
    return Index(columns, patches)


def read_restart_state(
    path: Path, data: SurfaceData, start: Fields, cfg: Config, normal: bool = True
) -> tuple[Fields, Report]:
    """The state in a CLM restart file for the columns of ``data``.

    ``start`` gives shapes and the values of what the file does not have (listed as missing in the report). With
    ``normal`` a restart of an accelerated spin-up is brought to normal units as CLM does on reading it.
    """
    report = Report()
    table = variables()
    new: dict[str, Any] = {}
    with ClmFile(path) as file:
        if file["SNLSNO"].size and file["H2OSOI_LIQ"].shape[1] != cfg.nlevtot:
            raise InputError(
                f"{path}: {file['H2OSOI_LIQ'].shape[1]} snow and ground layers, the model has {cfg.nlevtot}"
            )
        at = find(file, data)
        lower = {str(n).lower(): str(n) for n in file}
        snl = -file["SNLSNO"][at.column]
        for name in start:
            if name in _SPECIAL:
                continue
            source = NAMES.get(name) or lower.get(name)
            if source is None or source not in file:
                report.missing.append(name)
                continue
            value = _take(file, source, table[name].dims, at, np.asarray(start[name]))
            if value is None:
                report.unsupported[source] = (
                    f"has dimensions {file.dims(source)}, the state {name} has {table[name].dims}"
                )
                continue
            new[name] = value
        new["snl"] = snl
        counted = [n for n in ("AnnET_NSTEPS", "T10_NSTEPS") if n in file]  # the longest memory the file has
        steps = (
            float(np.max(file[counted[0]])) if counted else LONGEST / cfg.dt
        )  # older files do not say: long ago
        new["memory_steps"] = np.full(snl.shape, steps)
        new["h2osno_no_layers"] = np.where(snl == 0, file["H2OSNO"][at.column], 0.0)
        if "snow_aerosols" in start and "mss_bcphi" in file:
            masses = [file[f"mss_{name}"].astype(float)[at.column].T for name in SPECIES]
            new["snow_aerosols"] = np.nan_to_num(np.stack(masses))
        for element in "cn":
            if f"litr1{element}_vr" in file:
                pools = [
                    file[f"{pool if pool != 'cwd' else 'cwd'}{element}_vr"][at.column, :NLEVSOI].T
                    for pool in POOLS
                ]
                new[f"decomp_{element}pools"] = np.nan_to_num(np.stack(pools))
        spinup = int(file["spinup_state"]) if "spinup_state" in file else 0
    if normal and spinup == 2:
        _leave_accelerated(new, data.surface.lat)
        report.used["spinup_state"] = "pools of an accelerated spin-up are brought to normal units"
    for name in set(new) & {"onset_gddflag"}:
        new[name] = np.nan_to_num(new[name])
    state = {n: np.asarray(new.get(n, start[n])).astype(np.asarray(start[n]).dtype) for n in start}
    return Fields(_empty_snow(state, cfg)), report


def _take(
    file: ClmFile, source: str, dims: tuple[str, ...], at: Index, default: np.ndarray
) -> np.ndarray | None:
    """A variable of the file in the order of the model, or None where its dimensions do not fit."""
    theirs = file.dims(source)
    values = file[source].astype(float)
    if not theirs:
        return None
    if theirs[0] == "pft":
        if "patch" not in dims:  # a mean over the column given on its patches (they are equal)
            first = values[np.maximum(at.patch[0], 0)]
            return first if dims == ("column",) and values.ndim == 1 else None
        picked = values[np.maximum(at.patch, 0)]  # [patch, column, ...]
        picked = np.moveaxis(picked, -1, 0) if picked.ndim == 3 else picked
        if picked.ndim == 3 and default.ndim == 2 and picked.shape[0] == 1:
            picked = picked[0]  # one canopy layer
        if picked.shape != default.shape:
            return None
        fill = (at.patch < 0) | ~np.isfinite(picked)
        return np.where(fill, default, picked)
    if theirs[0] == "column" and "patch" not in dims:
        picked = values[at.column].T
        if picked.ndim == 2 and default.ndim == 2 and picked.shape[0] > default.shape[0]:
            picked = picked[: default.shape[0]]
        return np.where(np.isfinite(picked), picked, default) if picked.shape == default.shape else None
    return None


def _empty_snow(s: dict[str, np.ndarray], cfg: Config) -> dict[str, np.ndarray]:
    """Snow layers that do not exist hold nothing and have the temperature of the top layer that does."""
    n = cfg.nlevsno
    layer = np.arange(n)[:, None]
    gone = layer < n - s["snl"]
    top = np.take_along_axis(s["t_soisno"], (n - s["snl"])[None], axis=0)[0]
    for name in ("h2osoi_liq", "h2osoi_ice"):
        s[name] = np.concatenate([np.where(gone, 0.0, s[name][:n]), s[name][n:]])
    s["t_soisno"] = np.concatenate([np.where(gone, top, s["t_soisno"][:n]), s["t_soisno"][n:]])
    for name in {"dz_snow", "snow_aerosols"} & set(s):
        s[name] = np.where(gone, 0.0, s[name])
    s["snw_rds"] = np.where(gone, float(variables()["snw_rds"].initial or 0.0), s["snw_rds"])
    return s


def _leave_accelerated(new: dict[str, Any], lat: np.ndarray) -> None:
    term = np.asarray(latitude_term(jnp.asarray(lat)))
    factor = np.stack(
        [
            ACCELERATED_POOLS.get(pool, 1.0)
            * (term if pool in ACCELERATED_POOLS else 1.0)
            * np.ones_like(lat)
            for pool in POOLS
        ]
    )
    for name in ("decomp_cpools", "decomp_npools"):
        if name in new:
            new[name] = new[name] * factor[:, None]
    for name in _WOOD:
        if name in new:
            new[name] = new[name] * ACCELERATED_WOOD


def clm_cold_start(p: Fields, cfg: Config, stocks: tuple[float, float, float] | None = None) -> Fields:
    """CLM5's cold start: no snow, soil at 274 K with 0.15 m3 m-3 of liquid water above bedrock, leaves at 283 K.

    ``stocks`` (g m-3) are the three soil pools of ``initial_cstocks``, down to ``initial_cstocks_depth``.
    """
    s = cold_start(p, cfg, temperature=COLD_SOIL)
    n = cfg.nlevsno
    layer = np.arange(p.dzsoi.shape[0])[:, None]
    inside = (layer < np.asarray(p.nbedrock)) & (layer < NLEVSOI)
    water = np.where(inside, np.minimum(COLD_WATER, p.watsat), 0.0) * np.asarray(p.dzsoi) * DENH2O
    liq = np.concatenate([np.zeros((n, water.shape[1])), water])
    new: dict[str, Any] = {
        "h2osoi_liq": liq,
        "h2osoi_ice": np.zeros_like(liq),
        "t_veg": np.full(p.wt.shape, COLD_LEAF),
        "t10": np.full(p.wt.shape, COLD_AIR),
    }
    if stocks is not None:
        near = np.asarray(p.zsoi[:NLEVSOI] <= p.initial_cstocks_depth)
        for element, ratio in (("c", (1.0, 1.0, 1.0)), ("n", (p.cn_s1, p.cn_s2, p.cn_s3))):
            pools = np.array(s[f"decomp_{element}pools"])
            for i, (stock, cn) in enumerate(zip(stocks, ratio, strict=True)):
                pools[POOLS.index("soil1") + i] = np.where(near, stock / np.asarray(cn), 0.0)
            new[f"decomp_{element}pools"] = pools
    return Fields({k: np.asarray(new.get(k, s[k])) for k in s})
