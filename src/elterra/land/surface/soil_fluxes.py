"""Ground fluxes corrected for the new ground temperature.

Source: CLM5 tech note, Fluxes 2.5.4 (update of ground sensible and latent heat fluxes) and
Soil_Snow_Temperatures 2.6.1; CLM5 SoilFluxes.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import HVAP, SB, TFRZ
from elterra.land.fields import Fields


def patch_mean(wt: jax.Array, x: jax.Array) -> jax.Array:
    """Column mean of ``x`` ``[patch, column]`` with the patch weights."""
    return jnp.sum(wt * x, axis=0)


def soil_fluxes(
    p: Fields, f: Fields, veg: Fields, rad: Fields, grnd: Fields, flx: Fields, heat: Fields, cfg: Config
) -> Fields:
    """Surface fluxes at the end of the step.

    ``flx`` holds the fluxes at the old ground temperature, ``heat`` what `ground_energy` knows:
    ``t_grnd_before``, ``t_grnd`` (K), ``t4_grnd`` (area mean of the fourth power of the old surface
    temperatures, K4), ``has_snow`` (bool), ``liq_top``, ``ice_top`` (kg m-2, top snow or soil layer
    after phase change), all ``[column]``.

    Evaporation is limited to the water of the top layer; the energy of the evaporation that could
    not happen goes into sensible heat (``eflx_evap_excess``). Returns ``[patch, column]`` unless said:

    - W m-2: ``eflx_sh_grnd``, ``eflx_sh_tot``, ``eflx_lh_tot``, ``eflx_lh_grnd``, ``eflx_lh_vege``,
      ``eflx_lh_vegt``, ``eflx_soil_grnd`` (G), ``eflx_lwrad_out``, ``eflx_lwrad_net``,
      ``eflx_evap_excess``, ``errseb``
    - kg m-2 s-1: ``qflx_evap_soi``, ``qflx_evap_tot``, ``qflx_evap_can``, ``qflx_ev_snow``, ``qflx_ev_soil``,
      ``qflx_ev_h2osfc``, ``qflx_evap_grnd``, ``qflx_sub_snow``, ``qflx_dew_snow``, ``qflx_dew_grnd``; the
      same names, except ``qflx_evap_tot`` and ``qflx_evap_can``, with ``_col`` are column means ``[column]``.
    """
    tinc = heat.t_grnd - heat.t_grnd_before
    bare = 1.0 - veg.frac_veg_nosno
    htvp = grnd.htvp

    sh_grnd = flx.eflx_sh_grnd + tinc * flx.cgrnds
    dq = tinc * flx.cgrndl
    evap = flx.qflx_evap_soi + dq
    ev_soil = flx.qflx_ev_soil + dq
    ev_h2osfc = flx.qflx_ev_h2osfc + dq
    ev_snow = flx.qflx_ev_snow + dq

    available = jnp.maximum(heat.liq_top + heat.ice_top, 0.0)
    demand = patch_mean(p.wt, evap) * cfg.dt
    short = demand > available
    ratio = jnp.where(short, available / jnp.where(short, demand, 1.0), 1.0)
    excess = evap * (1.0 - ratio) * htvp
    sh_grnd = sh_grnd + excess
    evap, ev_snow, ev_soil, ev_h2osfc = (x * ratio for x in (evap, ev_snow, ev_soil, ev_h2osfc))

    lw_down = bare * f.forc_lwrad
    lw_emitted = grnd.emg * SB * heat.t4_grnd
    lw_change = 4.0 * grnd.emg * SB * heat.t_grnd_before**3 * tinc
    lh_grnd = evap * htvp
    absorbed = rad.sabg - rad.sabg_lost
    ground = absorbed + flx.dlrad + grnd.emg * lw_down - lw_emitted - lw_change - (sh_grnd + lh_grnd)
    lw_out = flx.ulrad + (1.0 - grnd.emg) * lw_down + bare * lw_emitted + lw_change
    lw_net = lw_out - f.forc_lwrad
    sh_tot = flx.eflx_sh_veg + sh_grnd
    lh_tot = HVAP * flx.qflx_evap_veg + lh_grnd

    water = heat.liq_top + heat.ice_top
    wet = water > 0.0
    liquid_share = jnp.where(wet, heat.liq_top / jnp.where(wet, water, 1.0), 0.0)
    # the top layer is snow or, where snow has no layer, soil
    ev_top = jnp.where(heat.has_snow, ev_snow, ev_soil)
    loss = jnp.maximum(ev_top, 0.0)
    gain = jnp.maximum(-ev_top, 0.0)
    cold = heat.t_grnd < TFRZ
    grounded = {
        "qflx_evap_soi": evap,
        "qflx_ev_snow": ev_snow,
        "qflx_ev_soil": ev_soil,
        "qflx_ev_h2osfc": ev_h2osfc,
        "qflx_evap_grnd": loss * liquid_share,
        "qflx_sub_snow": loss * (1.0 - liquid_share),
        "qflx_dew_snow": jnp.where(cold, gain, 0.0),
        "qflx_dew_grnd": jnp.where(cold, 0.0, gain),
    }
    return Fields(
        grounded,
        **{f"{name}_col": patch_mean(p.wt, x) for name, x in grounded.items()},
        eflx_sh_grnd=sh_grnd,
        eflx_sh_tot=sh_tot,
        eflx_lh_grnd=lh_grnd,
        eflx_lh_tot=lh_tot,
        eflx_lh_vege=HVAP * (flx.qflx_evap_veg - flx.qflx_tran_veg),
        eflx_lh_vegt=HVAP * flx.qflx_tran_veg,
        eflx_soil_grnd=ground,
        eflx_lwrad_out=lw_out,
        eflx_lwrad_net=lw_net,
        eflx_evap_excess=excess,
        qflx_evap_tot=flx.qflx_evap_veg + evap,
        qflx_evap_can=flx.qflx_evap_veg - flx.qflx_tran_veg,
        errseb=rad.sabv + absorbed - lw_net - sh_tot - lh_tot - ground,
    )
