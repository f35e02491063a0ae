"""A small land point for tests of the canopy and photosynthesis rooms."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from elterra.land.config import NLEVGRND, NLEVSOI, Config
from elterra.land.fields import Fields
from elterra.land.numerics.humidity import saturation
from elterra.registry import parameters, variables

ROOMS = ("canopy", "photosynthesis", "radiation", "soil_water")
DZ = [0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.20, 0.24, 0.28, 0.32, 0.36, 0.40, 0.44, 0.54, 0.64, 0.74, 0.84]
DZ += [0.94, 1.04, 1.14, 2.39, 4.676, 7.635, 11.14, 15.115]


def prepared(pft: Any, columns: int, **changes: Any) -> Fields:
    """Parameters of ``pft`` (one number per patch) in ``columns`` columns of a loam."""
    pft = np.atleast_1d(pft)
    out: dict[str, Any] = {}
    for name, item in parameters().items():
        if item.room in ROOMS:
            if item.per_pft:
                out[name] = jnp.asarray(np.tile(np.array(item.default)[pft][:, None], (1, columns)))
            else:
                out[name] = jnp.full(columns, item.default)
    dz = np.tile(np.array(DZ)[:, None], (1, columns))
    depth = np.cumsum(DZ[:NLEVSOI])
    root = np.diff(1.0 - np.exp(-2.0 * np.concatenate([[0.0], depth])))
    edges = np.concatenate([[0.0], np.cumsum(DZ)])
    out |= {
        "pft": jnp.asarray(np.tile(pft[:, None], (1, columns))),
        "slatop": jnp.full((len(pft), columns), 0.01),
        "leafcn": jnp.full((len(pft), columns), 58.0),
        "froot_leaf": jnp.full((len(pft), columns), 1.5),
        "zsoi": jnp.asarray(np.tile((0.5 * (edges[1:] + edges[:-1]))[:, None], (1, columns))),
        "nbedrock": jnp.full(columns, NLEVSOI, dtype=jnp.int32),
        "hksat": jnp.full((NLEVGRND, columns), 0.004),
        "forc_hgt": jnp.full(columns, 30.0),
        "dzsoi": jnp.asarray(dz),
        "watsat": jnp.full((NLEVGRND, columns), 0.43),
        "bsw": jnp.full((NLEVGRND, columns), 5.77),
        "sucsat": jnp.full((NLEVGRND, columns), 207.0),
        "rootfr": jnp.asarray(np.tile((root / root.sum())[:, None, None], (1, len(pft), columns))),
    }
    return Fields(out | changes)


def state(
    cfg: Config, patches: int, columns: int, *, t: float = 288.0, wetness: float = 0.7, **changes: Any
) -> Fields:
    """Soil of uniform temperature ``t`` and relative ``wetness``, dry leaves, no snow."""
    layers = cfg.nlevtot
    water = np.zeros((layers, columns))
    water[cfg.nlevsno :] = 0.43 * wetness * 1000.0 * np.array(DZ)[:, None]
    shape = (patches, columns)
    base = {
        "t_soisno": jnp.full((layers, columns), t),
        "h2osoi_liq": jnp.asarray(water),
        "h2osoi_ice": jnp.zeros((layers, columns)),
        "snl": jnp.zeros(columns, dtype=jnp.int32),
        "snow_depth": jnp.zeros(columns),
        "memory_steps": jnp.zeros(columns),
        "t_h2osfc": jnp.full(columns, t),
        "t_veg": jnp.full(shape, t),
        "liqcan": jnp.zeros(shape),
        "snocan": jnp.zeros(shape),
        "t10": jnp.full(shape, t),
        "acclim_s": jnp.full(shape, t),
        "frootc": jnp.full(shape, 200.0),
        "leafn": jnp.full(shape, 5.0),
    }
    for name, item in variables().items():  # water potentials, capacity, remembered climate
        if item.kind == "state" and item.room == "photosynthesis" and name not in base:
            segments = (4,) if "segment" in item.dims else ()
            dims = (*segments, *(shape if "patch" in item.dims else (columns,)))
            base[name] = jnp.full(dims, item.initial)
    return Fields(base | changes)


def forcing(columns: int, *, t: float = 288.0, rh: float = 0.6, wind: float = 3.0, **changes: Any) -> Fields:
    """Air at 90 kPa without rain."""
    pbot = jnp.full(columns, 9.0e4)
    q = rh * saturation(jnp.full(columns, t), pbot)[2]
    base = {
        "forc_t": jnp.full(columns, t),
        "forc_q": q,
        "forc_pbot": pbot,
        "forc_wind": jnp.full(columns, wind),
        "forc_lwrad": jnp.full(columns, 0.8 * 5.67e-8 * t**4),
        "forc_pco2": 400.0e-6 * pbot,
        "dayl": jnp.full(columns, 50000.0),
        "max_dayl": jnp.full(columns, 57000.0),
        "end_of_day": jnp.asarray(False),
    }
    return Fields(base | changes)


def vegetation(
    patches: int, columns: int, *, elai: float = 3.0, esai: float = 1.0, htop: float = 18.0, **changes: Any
) -> Fields:
    shape = (patches, columns)
    base = {
        "tlai": jnp.full(shape, elai),
        "tsai": jnp.full(shape, esai),
        "elai": jnp.full(shape, elai),
        "esai": jnp.full(shape, esai),
        "htop": jnp.full(shape, htop),
        "frac_veg_nosno": jnp.full(shape, 1 if elai + esai > 0 else 0, dtype=jnp.int32),
    }
    return Fields(base | changes)


def light(veg: Fields, *, par: float = 100.0, sabv: float = 300.0, **changes: Any) -> Fields:
    """Absorbed radiation: ``par`` W m-2 by sunlit leaf area, a fifth of it by shaded."""
    elai = veg.elai
    safe = jnp.where(elai > 0, elai, 1.0)
    fsun = jnp.where(elai > 0, (1.0 - jnp.exp(-0.5 * elai)) / (0.5 * safe), 0.0)
    depth = (1.0 - jnp.exp(-0.8 * elai)) / 0.8
    total = (1.0 - jnp.exp(-0.3 * elai)) / 0.3
    sun, sha = fsun * elai, (1.0 - fsun) * elai
    base = {
        "sabv": jnp.full(elai.shape, sabv),
        "laisun": sun,
        "laisha": sha,
        "parsun": jnp.full(elai.shape, par),
        "parsha": jnp.full(elai.shape, par / 5.0),
        "vcmaxcintsun": depth / jnp.where(sun > 0, sun, 1.0),
        "vcmaxcintsha": (total - depth) / jnp.where(sha > 0, sha, 1.0),
    }
    return Fields(base | changes)


def ground(s: Fields, f: Fields, *, moisture: float = 0.9, **changes: Any) -> Fields:
    """Snow-free ground with relative surface humidity ``moisture``."""
    t = s.t_soisno[-NLEVGRND]
    _, _, qs, dqs = saturation(t, f.forc_pbot)
    q, one = moisture * qs, jnp.ones_like(t)
    base = {
        "t_grnd": t,
        "emg": 0.96 * one,
        "htvp": 2.501e6 * one,
        "qg": q,
        "qg_snow": q,
        "qg_soil": q,
        "qg_h2osfc": q,
        "dqgdT": moisture * dqs,
        "soilresis": 100.0 * one,
        "z0mg": 0.01 * one,
        "z0hg": 0.002 * one,
        "frac_sno_eff": 0.0 * one,
        "frac_h2osfc": 0.0 * one,
    }
    return Fields(base | changes)


def leaf_water(veg: Fields, *, fwet: float = 0.0, **changes: Any) -> Fields:
    area = veg.elai + veg.esai
    dry = (1.0 - fwet) * veg.elai / jnp.where(area > 0, area, 1.0)
    return Fields({"fwet": jnp.full(veg.elai.shape, fwet), "fdry": dry} | changes)
