"""One time step of the land model: the order of calls, and the closure of its budgets."""

from __future__ import annotations

import jax.numpy as jnp

from elterra.land.balance import carbon_nitrogen_totals, residuals
from elterra.land.canopy import surface_fluxes
from elterra.land.canopy.interception import intercept
from elterra.land.config import NLEVSOI, Config
from elterra.land.fields import Fields
from elterra.land.outputs import collect
from elterra.land.photosynthesis import update_t10
from elterra.land.radiation import radiative_transfer
from elterra.land.soil_heat import ground_energy
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

    The order follows CLM5 (`clm_drv`); albedo is computed for the sun of this step instead of being stored at the
    end of the last one, which is the same and keeps it out of the state.
    """
    before = s
    veg = structure(p, s, f, cfg)
    s, wet = intercept(p, s, f, veg, cfg)
    grnd = ground_state(p, s, f, veg, cfg)
    rad = radiative_transfer(p, s, f, veg, grnd, wet, cfg)
    s, flx = surface_fluxes(p, s, f, veg, rad, grnd, wet, cfg)
    s, en = ground_energy(p, s, f, veg, rad, grnd, flx, cfg)
    s, wat = ground_water(p, s, f, veg, grnd, wet, flx, en, cfg)
    s = update_t10(p, s, flx, cfg)
    drivers = Fields(
        gpp_c=flx.gpp_c,
        lmr_c=flx.lmr_c,
        t_ref2m=flx.t_ref2m,
        btran=flx.btran,
        t_veg=s.t_veg,
        t_soil=s.t_soisno[cfg.nlevsno : cfg.nlevsno + NLEVSOI],
        h2osoi_liq=s.h2osoi_liq[cfg.nlevsno : cfg.nlevsno + NLEVSOI],
        h2osoi_vol=wat.h2osoi_vol,
        soilpsi=wat.soilpsi,
        qflx_drain_lyr=wat.qflx_drain_lyr,
        qflx_drain=wat.qflx_drain,
        qflx_surf=wat.qflx_surf,
        snow_depth=s.snow_depth,
    )
    if cfg.mode == "bgc":
        s, bgc = carbon_nitrogen(p, s, f, drivers, cfg)
    else:
        bgc = Fields()
    err = residuals(before, s, p, f, wet, rad, flx, en, wat, bgc, cfg)
    return s, collect(p, s, f, veg, rad, flx, en, wat, bgc, err, cfg)


__all__ = ["carbon_nitrogen_totals", "jnp", "step", "total_water"]
