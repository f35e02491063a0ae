"""Turbulent surface fluxes of a step: vegetated and bare patches together."""

from __future__ import annotations

import jax.numpy as jnp

from elterra.land.canopy._air import air_and_ground
from elterra.land.canopy._bare import bare_ground_fluxes
from elterra.land.canopy._canopy import canopy_fluxes
from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.photosynthesis import plumbing, prepare_leaves, soil_moisture_stress, update_capacity


def surface_fluxes(
    p: Fields, s: Fields, f: Fields, veg: Fields, rad: Fields, grnd: Fields, wet: Fields, cfg: Config
) -> tuple[Fields, Fields]:
    """Fluxes of heat, water and CO2 between land and air with ground temperature of the last step.

    ``veg`` (tlai, tsai, elai, esai, htop, frac_veg_nosno), ``rad`` (sabv, laisun, laisha, parsun, parsha, vcmaxcintsun,
    vcmaxcintsha) and ``wet`` (fwet, fdry) are `[patch, column]`; ``grnd`` (t_grnd, emg, htvp, qg, qg_snow,
    qg_soil, qg_h2osfc, dqgdT, soilresis, z0mg, z0hg, frac_sno_eff, frac_h2osfc) is `[column]`.
    Returns the state with new ``t_veg``, ``liqcan``, ``snocan`` (with plant hydraulics ``vegwp``, with LUNA its
    climate and the capacity) and the fluxes `[patch, column]`: heat in W m-2, water in kg m-2 s-1, assimilation per
    leaf (psnsun, ..., umol m-2 s-1) and per ground area (gpp_c, gross, and lmr_c, gC m-2 s-1), and
    ``root_uptake`` `[soil_layer, patch, column]`, which sums to ``qflx_tran_veg`` over the layers.
    CLM5.0 tech note, chapters Fluxes, Photosynthesis, Plant_Hydraulics, Photosynthetic_Capacity; see
    docs/science/canopy_fluxes.md.
    """
    air = air_and_ground(s, f, grnd, cfg)
    if cfg.stress == "phs":
        supply = plumbing(p, s, veg, rad, cfg)
        leaves = prepare_leaves(p, s, f, veg, rad, 1.0, cfg)
    else:
        supply, rootr = soil_moisture_stress(p, s, cfg)
        leaves = prepare_leaves(p, s, f, veg, rad, supply, cfg)
    canopy, of_canopy = canopy_fluxes(p, s, f, veg, rad, grnd, wet, air, leaves, supply, cfg)
    if cfg.stress == "btran":
        of_canopy = of_canopy.add(btran=supply, root_uptake=rootr * of_canopy.qflx_tran_veg)
    of_bare = bare_ground_fluxes(p, s, f, veg, grnd, air)

    vegetated = veg.frac_veg_nosno > 0
    out = {name: jnp.where(vegetated, value, of_bare.get(name, 0.0)) for name, value in of_canopy.items()}
    new = s.replace(
        t_veg=jnp.where(vegetated, canopy.t_veg, f.forc_t),
        liqcan=jnp.where(vegetated, canopy.liqcan, s.liqcan),
        snocan=jnp.where(vegetated, canopy.snocan, s.snocan),
    )
    if cfg.stress == "phs":
        new = new.replace(vegwp=jnp.where(vegetated, of_canopy.vegwp, s.vegwp))
    if cfg.capacity == "luna":
        new = update_capacity(p, new, f, veg, rad, of_canopy, cfg)
    return new, Fields(out)
