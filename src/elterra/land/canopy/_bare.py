"""Turbulent fluxes of ground without exposed vegetation."""

from __future__ import annotations

import jax.numpy as jnp

from elterra.land import constants as c
from elterra.land.canopy._air import AirGround
from elterra.land.canopy._monin_obukhov import first_stability, heat_profile, profiles, update_stability
from elterra.land.fields import Fields

STABILITY_ITERATIONS = 3  #: as CLM
AIR_VISCOSITY = 1.5e-5  #: m2 s-1


def bare_ground_fluxes(p: Fields, s: Fields, f: Fields, veg: Fields, grnd: Fields, air: AirGround) -> Fields:
    """Fluxes between bare ground and air, `[patch, column]`: over buried plants the reference height is that much higher.

    CLM5.0 tech note, chapter Fluxes, section on non-vegetated surfaces: ground temperature of the
    previous step, three stability iterations, roughness of heat from the roughness Reynolds number,
    dry-layer resistance on evaporation but not on dew.
    """
    z0m = grnd.z0mg
    z = p.forc_hgt + z0m + p.displar * veg.htop
    thm = f.forc_t + 0.0098 * z
    dth = thm - grnd.t_grnd
    dqh = f.forc_q - grnd.qg
    virtual = 1.0 + 0.61 * f.forc_q
    z0m_ratio = z0m / z
    log_m = -jnp.log(z0m_ratio)
    log_h = jnp.log(z / grnd.z0hg)
    dthv = dth * virtual + 0.61 * f.forc_t * dqh
    um, zeta = first_stability(air.wind, air.thv, dthv, z, log_m, p.zeta_max_stable)
    for _ in range(STABILITY_ITERATIONS):
        used_zeta, used_log_h = zeta, log_h
        prof = profiles(zeta, z0m_ratio, log_m, jnp.exp(-log_h), log_h)
        ustar = c.VKC * um / prof.momentum
        temp1 = c.VKC / prof.heat
        thvstar = temp1 * dthv
        um, zeta = update_stability(air.wind, air.thv, thvstar, ustar, z, p.zeta_max_stable)
        log_h = log_m + 0.13 * jnp.exp(0.45 * jnp.log(ustar * z0m / AIR_VISCOSITY))

    ram = um / (ustar * ustar)
    rah = 1.0 / (temp1 * ustar)
    raih = air.rho * c.CPAIR / rah
    raiw = air.rho / jnp.where(dqh > 0.0, rah, rah + grnd.soilresis)  # dew meets no dry layer
    z0h = z * jnp.exp(-used_log_h)
    two = 2.0 + z0h
    heat_2m = heat_profile(used_zeta * two / z, z0h / two, jnp.log(two / z0h))
    at_2m = temp1 * heat_2m / c.VKC - 1.0
    cgrnds, cgrndl = raih, raiw * grnd.dqgdT
    return Fields(
        eflx_sh_grnd=-raih * dth,
        eflx_sh_snow=-raih * (thm - air.t_snow),
        eflx_sh_soil=-raih * (thm - air.t_soil),
        eflx_sh_h2osfc=-raih * (thm - s.t_h2osfc),
        qflx_evap_soi=-raiw * dqh,
        qflx_ev_snow=-raiw * (f.forc_q - grnd.qg_snow),
        qflx_ev_soil=-raiw * (f.forc_q - grnd.qg_soil),
        qflx_ev_h2osfc=-raiw * (f.forc_q - grnd.qg_h2osfc),
        cgrnds=cgrnds,
        cgrndl=cgrndl,
        cgrnd=cgrnds + grnd.htvp * cgrndl,
        t_ref2m=thm + dth * at_2m,
        q_ref2m=f.forc_q + dqh * at_2m,
        u_star=ustar,
        ram1=ram,
        rah1=rah,
        zeta=used_zeta,
    )
