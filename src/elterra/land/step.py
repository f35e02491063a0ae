"""One time step of the land model: the order of calls, and the closure of its budgets."""

from __future__ import annotations

import jax.numpy as jnp

from elterra.land.canopy import surface_fluxes
from elterra.land.canopy.interception import intercept
from elterra.land.config import NLEVSOI, Config
from elterra.land.fields import Fields
from elterra.land.memory import count_step
from elterra.land.outputs import collect
from elterra.land.photosynthesis import update_t10
from elterra.land.radiation import absorbed_by_ground, radiative_transfer
from elterra.land.snow import snowfall
from elterra.land.soil_heat import ground_energy
from elterra.land.soil_water import share_area
from elterra.land.soil_water.ground_water import ground_water, total_water
from elterra.land.surface.ground_state import ground_state
from elterra.land.vegetation import carbon_nitrogen, structure


def step(p: Fields, s: Fields, f: Fields, cfg: Config) -> tuple[Fields, Fields]:
    """Advance the state ``s`` by ``cfg.dt`` seconds.

    Args:
        p: prepared parameters (see docs/architecture.md), ``[..., column]``.
        s: state.
        f: forcing of this step.
        cfg: static configuration.

    Returns:
        The new state, and outputs by registry name: fluxes as means over the step, states at its end, and the
        residuals of the balances (names starting with ``err``).

    The order follows CLM5 (`clm_drv`); albedo is computed from the state at the start of the step instead of being
    stored at the end of the last one, which is the same and keeps it out of the state. The snow-covered share of the
    canopy is the one thing it needs of the last step (``fcansno``).
    """
    water_before = total_water(p, s, cfg)
    veg = structure(p, s, f, cfg)
    rad = radiative_transfer(p, s, f, veg, cfg)
    s, wet = intercept(p, s, f, veg, cfg)
    s, fall = snowfall(p, s.replace(fcansno=wet.fcansno), f, wet, cfg)
    s = share_area(p, s, cfg)
    rad = absorbed_by_ground(p, rad, s, cfg)
    grnd = ground_state(p, s, f, veg, cfg)
    s, flx = surface_fluxes(p, s, f, veg, rad, grnd, wet, cfg)
    s, en = ground_energy(p, s, f, veg, rad, grnd, flx, cfg, dz_nodes=fall.dz_old)
    s, wat = ground_water(p, s, f, wet, fall, flx, _of_columns(en), cfg)
    s = update_t10(p, s, flx.t_ref2m, cfg)
    bgc = Fields()
    if cfg.mode == "bgc":
        soil = slice(cfg.nlevsno, cfg.nlevsno + NLEVSOI)
        drivers = Fields(
            gpp_c=flx.gpp_c,
            lmr_c=flx.lmr_c,
            t_ref2m=flx.t_ref2m,
            btran=flx.btran,
            t_veg=s.t_veg,
            t_soil=s.t_soisno[soil],
            h2osoi_liq=s.h2osoi_liq[soil],
            h2osoi_vol=wat.h2osoi_vol,
            soilpsi=wat.soilpsi,
            qflx_drain_lyr=wat.qflx_drain_lyr,
            qflx_drain=wat.qflx_drain,
            qflx_surf=wat.qflx_surf,
            qflx_evap_tot=(p.wt * en.qflx_evap_tot).sum(axis=0),
            snow_depth=s.snow_depth,
        )
        if cfg.fire == "li":
            drivers = drivers.add(fsat=wat.fsat)
        s, bgc = carbon_nitrogen(p, s, f, drivers, cfg)
    s = count_step(s, cfg.dt)
    out = collect(p, s, f, veg, rad, flx, en, wat, bgc, cfg)
    supply = out["PRECIP"] - out["EVAP"] - out["RUNOFF"]
    incident = (f.forc_solad + f.forc_solai).sum(axis=0)
    out |= {
        "errh2o": wat.total_water - water_before - cfg.dt * supply,
        "errsol": (p.wt * (rad.sabv + rad.sabg + rad.fsr)).sum(axis=0) - incident,
        "errseb": out["RNET"] - out["LE"] - out["H"] - out["G"] - out["sabg_lost"],
        "errsoi": en.errsoi,
        "errlon": (p.wt * flx.err_longwave).sum(axis=0)
        if "err_longwave" in flx
        else jnp.zeros_like(incident),
    }
    if cfg.mode == "bgc":
        out |= {"errcb": bgc.errcb, "errnb": bgc.errnb}
        out |= {name: bgc[name] for name in bgc if name.startswith("sasu_")}
    return s, Fields(out)


def _of_columns(en: Fields) -> Fields:
    """Ground fluxes as column means under their plain names: the water rooms know columns, not patches."""
    means = {name.removesuffix("_col"): value for name, value in en.items() if name.endswith("_col")}
    return Fields({**{n: v for n, v in en.items() if not n.endswith("_col")}, **means})
