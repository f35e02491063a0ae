"""Random but consistent states and fluxes of `ground_energy` for the tests of this room."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from elterra.land.config import Config
from elterra.land.constants import HSUB, HVAP, SB
from elterra.land.fields import Fields
from elterra.land.soil_heat import layer_geometry, soil_properties

PARAMETERS = Fields(
    organic_max=130.0,
    om_frac_sf=1.0,
    pcalpha=0.5,
    pcbeta=0.139,
    zsapric=0.5,
    om_tkm=0.25,
    om_csol=2.5,
    om_tkd=0.05,
    watsat_sf=1.0,
    bsw_sf=1.0,
    sucsat_sf=1.0,
    hksat_sf=1.0,
)
ROCK = {
    "thk_bedrock": 3.0,
    "csol_bedrock": 2.0e6,
    "capr": 0.34,
    "tk_snow_linear": 7.75e-5,
    "tk_snow_quadratic": 1.105e-6,
}
CFG = Config(nlevsno=5)


def parameters(ncol: int, npatch: int = 2, sand: float = 43.0, clay: float = 18.0) -> Fields:
    soil = soil_properties(
        jnp.full((25, ncol), sand), jnp.full((25, ncol), clay), jnp.zeros((25, ncol)), PARAMETERS
    )
    wt = jnp.broadcast_to(jnp.linspace(0.3, 0.7, npatch)[:, None], (npatch, ncol))
    return layer_geometry(ncol).add(**soil, **ROCK, wt=wt / wt.sum(0), nbedrock=jnp.full(ncol, 18, jnp.int32))


def case(seed: int, ncol: int = 8, npatch: int = 2, cfg: Config = CFG, noise: float | None = None):
    """(p, s, f, veg, rad, grnd, flx). ``noise`` fills the inactive snow layers with that value."""
    rng = np.random.default_rng(seed)
    n = cfg.nlevsno
    p = parameters(ncol, npatch)
    snl = np.concatenate([[0, 0, 1, n], rng.integers(0, n + 1, max(ncol - 4, 0))])[:ncol]
    active = np.arange(n)[:, None] >= n - snl
    t = rng.normal(272.5, 4.0, (n + 25, ncol))
    t[:n] = np.where(active, np.minimum(t[:n], 273.15), np.nan)
    dz = np.where(active, rng.uniform(0.01, 0.3, (n, ncol)), 0.0)
    frac_sno = np.where(snl > 0, rng.uniform(0.2, 1.0, ncol), rng.uniform(0.0, 0.3, ncol))
    frac_sno[-1] = 1.0 if snl[-1] else frac_sno[-1]
    mass = dz * frac_sno * rng.uniform(60.0, 500.0, (n, ncol))
    share = np.where(rng.random((n, ncol)) < 0.5, rng.uniform(0.0, 0.2, (n, ncol)), 0.0)
    water = rng.uniform(0.02, 0.95, (25, ncol)) * np.asarray(p.watsat * p.dzsoi) * 1000.0
    water[0, 1] = 0.02  # a top layer that cannot feed the evaporation
    water[18:] = 0.0
    ice_share = np.where(rng.random((25, ncol)) < 0.6, rng.random((25, ncol)), 0.0)
    wet = rng.random(ncol) < 0.5
    wet[0], wet[3] = True, True
    frac_h2osfc = np.where(wet, (1.0 - frac_sno) * rng.uniform(0.01, 0.9, ncol), 0.0)
    h2osfc = frac_h2osfc * rng.choice([0.01, 0.5, 5.0, 50.0], ncol)
    fill = 0.0 if noise is None else noise
    top = np.take_along_axis(t, (n - snl)[None], axis=0)[0]
    t[:n] = np.where(active, t[:n], top if noise is None else 250.0 + noise)
    s = Fields(
        t_soisno=t,
        h2osoi_liq=np.concatenate([np.where(active, mass * share, fill), water * (1 - ice_share)]),
        h2osoi_ice=np.concatenate([np.where(active, mass * (1 - share), fill), water * ice_share]),
        dz_snow=np.where(active, dz, fill),
        snl=jnp.asarray(snl, jnp.int32),
        h2osno_no_layers=np.where((snl == 0) & (rng.random(ncol) < 0.7), rng.uniform(0.01, 4.0, ncol), 0.0),
        snow_depth=np.where(snl > 0, dz.sum(0), 0.01),
        int_snow=np.full(ncol, 50.0),
        frac_sno=frac_sno,
        frac_h2osfc=frac_h2osfc,
        h2osfc=h2osfc,
        t_h2osfc=np.where(wet, rng.normal(273.3, 2.0, ncol), t[n]),
    )
    f_sno = np.where(snl > 0, frac_sno, 0.0)
    f_soil = 1.0 - f_sno - frac_h2osfc
    bare = (rng.random((npatch, ncol)) < 0.3).astype(float)
    veg = Fields(frac_veg_nosno=1.0 - bare)
    sabg_snow = rng.uniform(0.0, 300.0, (npatch, ncol))
    depth = np.arange(n + 1)[:, None, None] - (n - snl)
    lyr = np.where(depth >= 0, np.exp(-1.5 * depth), 0.0)
    lyr = lyr / lyr.sum(0) * sabg_snow
    sabg_soil = np.where(snl > 0, rng.uniform(0.0, 500.0, (npatch, ncol)), sabg_snow)
    lyr = lyr * np.where(snl > 0, f_sno, 1.0)
    lyr[n] += np.where(snl > 0, (1 - f_sno) * sabg_soil, 0.0)
    rad = Fields(
        sabg_lyr=lyr,
        sabg=lyr.sum(0),
        sabg_lost=np.zeros_like(lyr.sum(0)),
        sabg_bare=sabg_soil,
        sabv=np.zeros((npatch, ncol)),
    )

    emg = np.full(ncol, 0.96)
    cgrnds = rng.uniform(0.5, 25.0, (npatch, ncol))
    cgrndl = rng.uniform(0.0, 1.5e-5, (npatch, ncol))
    flux = {}
    for name, size in (("eflx_sh_{}", 60.0), ("qflx_ev_{}", 2.0e-4)):
        for surface in ("snow", "soil", "h2osfc"):
            flux[name.format(surface)] = rng.normal(0.0, size, (npatch, ncol))

    def mean(name: str) -> np.ndarray:
        return (
            frac_sno * flux[f"{name}_snow"]
            + (1.0 - frac_sno - frac_h2osfc) * flux[f"{name}_soil"]
            + frac_h2osfc * flux[f"{name}_h2osfc"]
        )

    # a canopy in balance, so that the surface energy balance is that of the ground alone
    forc_lwrad = rng.uniform(180.0, 380.0, ncol)
    t4 = f_sno * top**4 + f_soil * t[n] ** 4 + frac_h2osfc * np.asarray(s.t_h2osfc) ** 4
    dlrad = (1 - bare) * rng.uniform(200.0, 400.0, (npatch, ncol))
    evap_veg = rng.normal(0.0, 3.0e-5, (npatch, ncol)) * (1 - bare)
    sh_veg = rng.normal(0.0, 40.0, (npatch, ncol)) * (1 - bare)
    ulrad = (1 - bare) * (forc_lwrad - dlrad + emg * SB * t4 - sh_veg - HVAP * evap_veg)
    flx = Fields(
        flux, cgrnds=cgrnds, cgrndl=cgrndl, dlrad=dlrad, ulrad=ulrad, eflx_sh_grnd=mean("eflx_sh"),
        qflx_evap_soi=mean("qflx_ev"), qflx_evap_veg=evap_veg, qflx_tran_veg=0.5 * evap_veg,
        eflx_sh_veg=sh_veg,
    )  # fmt: skip
    grnd = Fields(emg=emg, htvp=np.where(rng.random(ncol) < 0.5, HVAP, HSUB), frac_sno_eff=frac_sno)
    return tuple(_arrays(x) for x in (p, s, Fields(forc_lwrad=forc_lwrad), veg, rad, grnd, flx))


def _arrays(x: Fields) -> Fields:
    return Fields({k: jnp.asarray(v) for k, v in x.items()})
