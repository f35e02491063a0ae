"""The carbon and nitrogen step: all pools of plants, litter, soil and mineral nitrogen (order of CLM's
CNDriverNoLeaching and CNDriverLeaching)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land import decomposition as dec
from elterra.land import nitrogen as nit
from elterra.land.allocation import maintenance_respiration, nitrogen_demand
from elterra.land.config import NLEVSOI, Config
from elterra.land.constants import MOLAR_MASS_C, SECSPDAY
from elterra.land.fields import Fields
from elterra.land.memory import running_mean
from elterra.land.mortality import litter_to_soil, root_profile, surface_profile
from elterra.land.phenology import phenology
from elterra.land.vegetation._burn import burn
from elterra.land.vegetation._plants import grow, input_names
from elterra.land.vegetation._pools import SOIL1, ecosystem_totals, to_column
from elterra.land.vegetation._structure import leaf_area, stem_area
from elterra.land.vegetation._uptake import Microbes, take_up

_YEAR = 365.0 * SECSPDAY
O2_PER_N = 2.0 / 14.0  #: oxygen that nitrification uses, mol gN-1


def _annual_memory(
    s: Fields, drv: Fields, gpp: jax.Array, retransn: jax.Array, dt: float
) -> dict[str, jax.Array]:
    """Sums and means over a year of each column's own counter (CLM's CNAnnualUpdate), and the running mean
    of evapotranspiration."""
    counter = s.annsum_counter + dt
    done = counter >= _YEAR - 0.5 * dt
    tempavg = s.tempavg_t2m + drv.t_ref2m * (dt / _YEAR)
    tempsum = s.tempsum_potential_gpp + gpp * dt
    tempmax = jnp.maximum(s.tempmax_retransn, retransn)
    return {
        "annsum_counter": jnp.where(done, 0.0, counter),
        "annavg_t2m": jnp.where(done, tempavg, s.annavg_t2m),
        "tempavg_t2m": jnp.where(done, 0.0, tempavg),
        "annsum_potential_gpp": jnp.where(done, tempsum, s.annsum_potential_gpp),
        "tempsum_potential_gpp": jnp.where(done, 0.0, tempsum),
        "annmax_retransn": jnp.where(done, tempmax, s.annmax_retransn),
        "tempmax_retransn": jnp.where(done, 0.0, tempmax),
        "annet": running_mean(s, "annet", drv.qflx_evap_tot, 365.0, dt),
    }


def carbon_nitrogen(p: Fields, s: Fields, f: Fields, drv: Fields, cfg: Config) -> tuple[Fields, Fields]:
    """Advance all carbon and nitrogen pools by one step.

    ``drv`` comes from the physics of the same step: ``gpp_c`` (potential gross photosynthesis), ``lmr_c``
    (leaf maintenance respiration), gC m-2 s-1, ``t_ref2m`` (K), all ``[patch, column]``; ``t_soil`` (K),
    ``h2osoi_vol``
    (with ice), ``h2osoi_liq`` (kg m-2), ``soilpsi`` (MPa, < 0) ``[soil_layer, column]``; ``qflx_drain``,
    ``qflx_surf``, ``qflx_evap_tot`` (kg m-2 s-1) ``[column]``; with fire ``fsat`` (saturated part) ``[column]``.

    Returns the new state and the results: see the registry entries of the rooms vegetation, decomposition,
    nitrogen and spinup. ``errcb`` (gC m-2) and ``errnb`` (gN m-2) are what the balance of the step does not
    explain. ``nee`` is positive to the atmosphere and holds what burns.
    """
    dt = cfg.dt
    soil = slice(0, NLEVSOI)
    dz = p.dzsoi[soil]
    drv = drv.replace(**{k: drv[k][soil] for k in ("t_soil", "h2osoi_vol", "h2osoi_liq", "soilpsi")})
    before = ecosystem_totals(p, s)

    # plants: what they want
    season, moved = phenology(p, s, f, drv, cfg)
    mr = maintenance_respiration(p, s, drv)
    potential_gpp = drv.gpp_c
    demand = nitrogen_demand(p, s, potential_gpp, mr.mr, cfg)
    if cfg.nitrogen == "fun":  # nitrogen taken back is used at once, not kept
        demand = demand._replace(retrans=jnp.zeros_like(demand.retrans))

    # soil: what decomposers and nitrifiers want
    t_scalar = dec.temperature_scalar(p, drv.t_soil)
    w_scalar = dec.water_scalar(p, drv.soilpsi)
    con = dec.cascade(p)
    climate = t_scalar * w_scalar * dec.depth_scalar(p)
    c, n = s.decomp_cpools, s.decomp_npools
    k_aerobic = dec.base_rates(p)[:, None, :] * climate
    aerobic = dec.potential_decomposition(con, c, n, k_aerobic)
    roots_respire = jnp.sum(p.crootfr[soil] * (mr.froot_mr * p.wt), axis=1) / dz
    nitrifiers = jnp.maximum(s.smin_nh4, 0.0) * nit.nitrification_rate(p, t_scalar, w_scalar)
    o2_demand = (aerobic.respiration + roots_respire) / MOLAR_MASS_C + O2_PER_N * nitrifiers
    ox = dec.oxygen(s.conc_o2, o2_demand, dt)
    o_scalar = jnp.maximum(ox.stress, p.mino2lim)
    rates = k_aerobic * o_scalar
    pot = dec.Potential(
        carbon=tuple(x * o_scalar for x in aerobic.carbon),
        mineral_n=tuple(None if x is None else x * o_scalar for x in aerobic.mineral_n),
        donor_nc=aerobic.donor_nc,
        immobilisation=aerobic.immobilisation * o_scalar,
        respiration=aerobic.respiration * o_scalar,
    )
    npot = nit.nitrification_potential(p, s, drv, ox, t_scalar, w_scalar, pot.respiration)

    # competition and growth
    surface, roots = surface_profile(p), root_profile(p)
    root_column = jnp.sum(roots * p.wt, axis=1)
    microbes = Microbes(pot.immobilisation, npot.nitrification, npot.denitrification)
    got = take_up(p, s, moved, drv, potential_gpp, demand, microbes, root_column, cfg)
    won, growth = got.won, got.growth
    plants = grow(p, s, moved, demand, growth, got.back, cfg)

    # litter and decomposition
    no_litter = jnp.zeros_like(c[SOIL1:])
    litter_c, litter_n = (
        jnp.concatenate([litter_to_soil(p, surface, roots, **dead._asdict()), no_litter])
        for dead in (plants.dead_c, plants.dead_n)
    )
    act = dec.actual_fluxes(con, pot, won.fpi)
    c = c + (dt * act.dc + litter_c)
    n = n + (dt * act.dn + litter_n)
    c, n = jax.lax.cond(f.end_of_day, lambda x: dec.mix(p, x[0], x[1], SECSPDAY), lambda x: x, (c, n))
    if cfg.fire == "li":
        burnt = burn(p, s, f, drv, plants.state, c, n, surface, roots, cfg)
        plants, c, n = plants._replace(state=burnt.plants), burnt.c, burnt.n

    # mineral nitrogen
    autotrophic = mr.mr + plants.growth_respiration + got.carbon_cost
    npp = growth.gpp - autotrophic
    npp_column = to_column(p, npp)
    lag_npp = s.lag_npp + (npp_column - s.lag_npp) * (1.0 - jnp.exp(-dt / (p.nfix_timeconst * SECSPDAY)))
    free_living = nit.free_living_fixation(p, s.annet) if cfg.nitrogen == "fun" else nit.fixation(p, lag_npp)
    n2o_nit = won.nitrification * p.nitrif_n2o_loss_frac
    n2o_denit = won.denitrification / (1.0 + npot.n2_n2o)
    used_nh4 = won.immob_nh4 + won.plant_nh4 + won.nitrification
    raw_nh4 = s.smin_nh4 - dt * used_nh4
    nh4 = jnp.maximum(raw_nh4, 0.0)
    raw_no3 = s.smin_no3 - dt * (won.immob_no3 + won.plant_no3 + won.denitrification)
    no3 = jnp.maximum(raw_no3, 0.0)
    trunc = (nh4 - raw_nh4) + (no3 - raw_no3)
    nh4 = nh4 + dt * (act.gross_mineralisation + f.ndep * surface + free_living * root_column)
    no3 = no3 + dt * (won.nitrification - n2o_nit)
    drained, run = nit.leaching(p, drv, no3, dt)
    raw_no3 = no3 - dt * (drained + run)
    no3 = jnp.maximum(raw_no3, 0.0)
    trunc = trunc + (no3 - raw_no3)
    ntrunc = jnp.sum(trunc * dz, axis=0) + to_column(p, plants.ntrunc)

    # memory
    lai_old, lai_new = leaf_area(p, s.leafc), leaf_area(p, plants.state["leafc"])
    new = {
        **season,
        **plants.state,
        **_annual_memory(s, drv, potential_gpp, s.retransn, dt),
        "tsai_memory": stem_area(p, s.tsai_memory, lai_old, lai_new, cfg),
        "lag_npp": lag_npp,
        "conc_o2": dec.diffuse_oxygen(p, ox, drv.t_soil, drv.h2osoi_vol, f.forc_pbot, dt),
        "decomp_cpools": c,
        "decomp_npools": n,
        "smin_nh4": nh4,
        "smin_no3": no3,
        **(burnt.state if cfg.fire == "li" else {}),
    }
    s_new = s.replace(**new)

    # results
    def layers(x: jax.Array) -> jax.Array:
        return jnp.sum(x * dz, axis=0)

    gpp, mr_column = to_column(p, growth.gpp), to_column(p, mr.mr)
    gr = to_column(p, plants.growth_respiration)
    ar, hr = to_column(p, autotrophic), layers(act.respiration)
    f_nit, f_denit = layers(won.nitrification), layers(won.denitrification)
    f_n2o_nit, f_n2o_denit = layers(n2o_nit), layers(n2o_denit)
    leached = layers(drained + run)
    after = ecosystem_totals(p, s_new)
    errcb = (after.totecosysc - before.totecosysc) - dt * (gpp - ar - hr)
    nfix = free_living + got.fixed
    n_sources = f.ndep + nfix
    n_losses = f_denit + f_n2o_nit + leached
    errnb = (after.totecosysn - before.totecosysn) - dt * (n_sources - n_losses) - ntrunc
    if cfg.fire == "li":
        errcb, errnb = errcb + dt * burnt.closs, errnb + dt * burnt.nloss
    had = s.decomp_cpools > 0.0
    loss = jnp.stack(act.loss)
    out = {
        "gpp_patch": growth.gpp,
        "npp_patch": npp,
        "mr_patch": mr.mr,
        "gr_patch": plants.growth_respiration,
        "ar_patch": autotrophic,
        "gpp": gpp,
        "gpp_potential": to_column(p, potential_gpp),
        "downreg": growth.downreg,
        "npp": npp_column,
        "mr": mr_column,
        "gr": gr,
        "ar": ar,
        "hr": hr,
        "er": ar + hr,
        "nee": ar + hr - gpp,
        "litterfall": to_column(p, plants.litterfall),
        "dead_plant_c": to_column(p, plants.dead_c.total()) / dt,
        "dead_plant_n": to_column(p, plants.dead_n.total()) / dt,
        "sminn_to_plant": won.uptake,
        "plant_ndemand": got.demand,
        "fpg": won.fpg,
        "gross_nmin": layers(act.gross_mineralisation),
        "actual_immob": layers(act.immobilisation),
        "potential_immob": layers(pot.immobilisation),
        "net_nmin": layers(act.gross_mineralisation - act.immobilisation),
        "f_nit": f_nit,
        "f_denit": f_denit,
        "f_n2o_nit": f_n2o_nit,
        "f_n2o_denit": f_n2o_denit,
        "smin_no3_leached": leached,
        "ndep_to_sminn": f.ndep,
        "nfix_to_sminn": nfix,
        "ffix_to_sminn": free_living,
        **got.out,
        "ntrunc": ntrunc,
        "errcb": errcb,
        "errnb": errnb,
        "t_scalar": t_scalar,
        "w_scalar": w_scalar,
        "o_scalar": o_scalar,
        "fpi_vr": won.fpi,
        "sasu_decomp_k": jnp.where(had, loss / jnp.where(had, s.decomp_cpools, 1.0), rates),
        "sasu_loss_c": loss,
        "sasu_pool_c": s.decomp_cpools,
        "sasu_pool_n": s.decomp_npools,
        "sasu_litter_c": litter_c / dt,
        "sasu_litter_n": litter_n / dt,
        **dict(zip(input_names(), plants.input_c, strict=True)),
    }
    if cfg.fire == "li":
        out |= {"nee": out["nee"] + burnt.closs, **burnt.out}
    return s_new, Fields({**out, **after})
