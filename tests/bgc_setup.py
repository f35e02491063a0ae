"""A small site for the tests of carbon and nitrogen: parameters of the registry, drivers of a cool
climate."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.vegetation import cold_start_vegetation
from elterra.registry._reader import parameters

CFG = Config()
_SOIL = (0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.2, 0.24, 0.28, 0.32)
_DEEP = (0.36, 0.4, 0.44, 0.54, 0.64, 0.74, 0.84, 0.94, 1.04, 1.14)
_ROCK = (2.39, 4.676, 7.635, 11.14, 15.115)
DZ = np.array([*_SOIL, *_DEEP, *_ROCK])
ROOMS = ("vegetation", "phenology", "allocation", "mortality", "decomposition", "nitrogen", "photosynthesis")


def make_p(pfts=((1, 1, 7, 13),), wt=None, **changed) -> Fields:
    """Prepared parameters; ``pfts`` ``[patch][column]``."""
    pft = np.asarray(pfts)
    npatch, ncol = pft.shape
    zi = np.concatenate([[0.0], np.cumsum(DZ)])
    z = 0.5 * (zi[1:] + zi[:-1])
    rootfr = 0.5 * (0.943 ** (100 * zi[:20]) - 0.943 ** (100 * zi[1:21]))
    rootfr = rootfr / rootfr.sum()
    full = np.ones((25, ncol))
    p = {
        "pft": jnp.asarray(pft, jnp.int32),
        "wt": jnp.full((npatch, ncol), 1.0 / npatch) if wt is None else jnp.asarray(wt),
        "zsoi": jnp.asarray(z[:, None] * full),
        "dzsoi": jnp.asarray(DZ[:, None] * full),
        "zisoi": jnp.asarray(zi[:, None] * np.ones((26, ncol))),
        "sand": jnp.asarray(50.0 * full),
        "watsat": jnp.asarray(0.45 * full),
        "bsw": jnp.asarray(6.0 * full),
        "bd": jnp.asarray(1485.0 * full),
        "watfc": jnp.asarray(0.3 * full),
        "organic": jnp.asarray(0.0 * full),
        "organic_max": jnp.full(ncol, 130.0),
        "nbedrock": jnp.full(ncol, 20, jnp.int32),
        "crootfr": jnp.asarray(rootfr[:, None, None] * np.ones((20, npatch, ncol)) * (pft > 0)),
    }
    for name, item in parameters().items():
        if item.room in ROOMS:
            value = np.asarray(item.default)
            p[name] = jnp.asarray(value[pft] if item.per_pft else np.full(ncol, float(value)))
    for name, value in changed.items():
        p[name] = jnp.broadcast_to(jnp.asarray(value, dtype=p[name].dtype), p[name].shape)
    return Fields(p)


def make_s(p: Fields, **changed) -> Fields:
    s = cold_start_vegetation(p)
    s["memory_steps"] = jnp.zeros(p.wt.shape[1])
    s["snow_depth"] = jnp.zeros(p.wt.shape[1])
    s["frac_sno"] = jnp.ones(p.wt.shape[1])
    return Fields(s, **changed)


def drivers(p: Fields, t_days=150.0, *, warm=8.0, swing=12.0, gpp_max=9.0e-5, psi=-0.03, drain=1.0e-5):
    """Forcing and physics of one step at day ``t_days`` (may be traced): sinusoidal year at 47 deg N."""
    ncol, shape = p.wt.shape[1], p.wt.shape
    phase = 2 * jnp.pi * (t_days - 110.0) / 365.0
    air = 273.15 + warm + swing * jnp.sin(phase)
    soil = 273.15 + warm + (swing * 0.8) * jnp.sin(phase - p.zsoi[:20] / 2.5) * jnp.exp(-p.zsoi[:20] / 2.5)

    def length(day):
        decl = -0.409 * jnp.cos(2 * jnp.pi * (day + 10.0) / 365.0)
        return 86400.0 / jnp.pi * jnp.arccos(-jnp.tan(0.82) * jnp.tan(decl))

    hour = (t_days % 1.0) * 24.0
    sun = jnp.clip(jnp.sin(jnp.pi * (hour - 6.0) / 12.0), 0.0, 1.0)
    season = jnp.clip((air - 271.0) / 15.0, 0.0, 1.0)
    one = jnp.ones(ncol)
    f = Fields(
        ndep=one * 0.5 / (365 * 86400.0),
        dayl=one * length(jnp.floor(t_days)),
        prev_dayl=one * length(jnp.floor(t_days) - 1.0),
        end_of_day=jnp.asarray(hour > 23.4),
        forc_pbot=one * 9.0e4,
        forc_rain=one * 3.0e-5,
        forc_snow=one * 0.0,
    )
    vol = one * jnp.full((20, 1), 0.28)
    drv = Fields(
        gpp_c=jnp.ones(shape) * gpp_max * sun * season,
        lmr_c=jnp.ones(shape) * 6.0e-6 * jnp.exp(0.07 * (air - 288.0)),
        t_ref2m=jnp.ones(shape) * air,
        t_soil=soil * one,
        h2osoi_vol=vol,
        h2osoi_liq=vol * 1000.0 * p.dzsoi[:20],
        soilpsi=jnp.full((20, ncol), psi),
        qflx_drain=one * drain,
        qflx_surf=one * 1.0e-6,
        qflx_evap_tot=one * 1.5e-5,
    )
    return f, drv


def canopy_gpp(s: Fields, drv: Fields) -> Fields:
    """Lets GPP and leaf respiration follow the leaves that there are."""
    cover = 1.0 - jnp.exp(-0.008 * s.leafc)
    return drv.replace(gpp_c=drv.gpp_c * cover, lmr_c=drv.lmr_c * cover)


def simulate(p, s, start_day, nsteps, cfg=CFG, collect=("gpp",), **kw):
    """Scan ``nsteps`` from ``start_day`` with GPP that follows leaf carbon; returns state and outputs."""
    from elterra.land.vegetation import carbon_nitrogen

    def body(s, i):
        f, drv = drivers(p, start_day + i * (cfg.dt / 86400.0), **kw)
        s, out = carbon_nitrogen(p, s, f, canopy_gpp(s, drv), cfg)
        return s, {k: out[k] if k in out else s[k] for k in collect}

    return jax.jit(lambda s: jax.lax.scan(body, s, jnp.arange(nsteps)))(s)
