"""Leaf temperature, photosynthesis and turbulent fluxes of a vegetated patch, iterated together."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land import constants as c
from elterra.land.canopy._air import LAPSE, AirGround
from elterra.land.canopy._monin_obukhov import first_stability, heat_profile, profiles, update_stability
from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.numerics.humidity import saturation
from elterra.land.photosynthesis import (
    ROOT,
    STEM,
    Leaves,
    Plumbing,
    first_guess_ci,
    gas_exchange,
    leaves_at_temperature,
    newton_step,
    potentials_of_flux,
    stress_factor,
    uptake,
    vulnerability,
)

AIR_VISCOSITY = 1.5e-5  #: m2 s-1
LSAI_DENSE = 2.0  #: leaf and stem area from which roughness is that of a closed canopy
LITTER_DEPTH = 0.05  #: m, snow this deep buries the dry litter
STEP_MAX = 3.0  #: K, largest change of leaf temperature in an iteration (CLM: 1 K and up to 40 iterations)
R_STOMATA_MAX = 2.0e4  #: s m-1
VPD_MIN = 0.05  #: kPa
GS_MIN = 1.0  #: umol m-2 s-1, least conductance of stomata under plant hydraulics (CLM5.0)
CI_STEPS = 1  #: Newton evaluations of ci in each leaf temperature iteration


class _Fixed(NamedTuple):
    """Constant in the iteration. `[patch, column]` or `[column]`."""

    elai: jax.Array
    lsai: jax.Array
    h2ocan_rate: jax.Array  # kg m-2 s-1 that empties the canopy in a step
    z: jax.Array  # reference height above displacement height, m
    z0_ratio: jax.Array
    log_z: jax.Array
    thm: jax.Array
    emv: jax.Array
    net_in: jax.Array  # absorbed short-wave and incoming long-wave, W m-2
    bir: jax.Array
    mol_per_m3: jax.Array  # umol m-3 of air
    leaf_size: jax.Array  # 1 / sqrt(leaf width) · transfer coefficient
    bare_share: jax.Array  # exp(-LSAI)
    soil_reynolds: jax.Array  # (z0mg / viscosity)^0.45 / 0.13
    litter: jax.Array  # numerator of the litter resistance
    lai: jax.Array  # [2, patch, column] sunlit and shaded


class _Carry(NamedTuple):
    """What one iteration hands to the next."""

    t_veg: jax.Array
    es: jax.Array  # saturation vapour pressure at leaf temperature, Pa
    qsat: jax.Array
    dqsat: jax.Array
    taf: jax.Array
    qaf: jax.Array
    delq: jax.Array
    um: jax.Array
    zeta: jax.Array
    sign_changes: jax.Array  # of stability
    efe_before: jax.Array
    ci: jax.Array  # [2, patch, column]
    psi: jax.Array  # [4, patch, column], water potentials, mm; empty without plant hydraulics
    gs0: jax.Array  # [2, patch, column], stomatal conductance without stress, umol m-2 s-1; empty as well


def canopy_fluxes(
    p: Fields,
    s: Fields,
    f: Fields,
    veg: Fields,
    rad: Fields,
    grnd: Fields,
    wet: Fields,
    air: AirGround,
    leaves: Leaves,
    supply: jax.Array | Plumbing,
    cfg: Config,
) -> tuple[Fields, Fields]:
    """Vegetated patches: ``(new t_veg, liqcan, snocan; fluxes)``, all `[patch, column]`.

    Patches without exposed vegetation get finite values that mean nothing. CLM5.0 tech note, chapter
    Fluxes, section on vegetated surfaces: Newton iteration of leaf temperature with ground temperature
    of the previous step. ``cfg.leaf_iterations`` iterations are made, always; what the limits of an
    iteration leave of the energy balance goes into the sensible heat (``eflx_sh_veg_corr``).

    ``supply`` is the `Plumbing` of the plants, or, without plant hydraulics, their ``btran``. With it the water
    potentials take one Newton step in each iteration, and the results have ``vegwp`` `[4, patch, column]`,
    ``root_uptake`` `[soil_layer, patch, column]` and ``btran``.
    """
    vegetated = veg.frac_veg_nosno > 0
    fx = _prepare(p, s, f, veg, rad, grnd, air, vegetated, cfg)
    first = _start(p, s, f, grnd, fx, leaves, air, cfg)

    def iterate(state: _Carry) -> tuple[_Carry, dict[str, jax.Array]]:
        return _iteration(p, f, grnd, wet, air, leaves, supply, fx, state)

    last = jax.lax.fori_loop(0, cfg.leaf_iterations - 1, lambda _, state: iterate(state)[0], first)
    end, it = iterate(last)
    new, out = _results(p, s, f, rad, grnd, air, fx, end, it, cfg)
    if isinstance(supply, Plumbing):
        out = out.add(**_plant_water(supply, fx, it))
    return new, out


def _prepare(
    p: Fields,
    s: Fields,
    f: Fields,
    veg: Fields,
    rad: Fields,
    grnd: Fields,
    air: AirGround,
    vegetated: jax.Array,
    cfg: Config,
) -> _Fixed:
    """Aerodynamic parameters (Zeng & Wang 2007 blending for sparse canopies) and radiation terms."""
    lsai = jnp.where(vegetated, veg.elai + veg.esai, 1.0)
    z0m = jnp.where(vegetated, p.z0mr * veg.htop, 0.05)
    displa = jnp.where(vegetated, p.displar * veg.htop, 0.0)
    height = p.forc_hgt + z0m + displa
    density = jnp.expm1(-jnp.minimum(lsai, LSAI_DENSE)) / jnp.expm1(-LSAI_DENSE)
    log_z0mg = jnp.log(grnd.z0mg)
    log_z0 = density * jnp.log(z0m) + (1.0 - density) * log_z0mg
    z = height - density * displa
    z0_ratio = jnp.exp(log_z0) / z
    thm = f.forc_t + LAPSE * height
    emv = -jnp.expm1(-lsai)
    dark = 1.0 - grnd.emg
    air_in = emv * (1.0 + (1.0 - emv) * dark) * f.forc_lwrad
    ground_in = emv * grnd.emg * c.SB * air.ground_t4
    buried = jnp.minimum(s.snow_depth / LITTER_DEPTH, 1.0)
    return _Fixed(
        elai=jnp.where(vegetated & (veg.elai > 0.0), veg.elai, 1.0),
        lsai=lsai,
        h2ocan_rate=(s.liqcan + s.snocan) / cfg.dt,
        z=z,
        z0_ratio=z0_ratio,
        log_z=-jnp.log(z0_ratio),
        thm=thm,
        emv=emv,
        net_in=rad.sabv + air_in + ground_in,
        bir=-(2.0 - emv * dark) * emv * c.SB,
        mol_per_m3=f.forc_pbot / (c.RGAS * 1.0e-3 * thm) * 1.0e6,
        leaf_size=p.leaf_transfer / jnp.sqrt(jnp.where(vegetated, p.dleaf, 1.0)),
        bare_share=jnp.exp(-lsai),
        soil_reynolds=jnp.exp(0.45 * jnp.log(grnd.z0mg / AIR_VISCOSITY)) * (0.13 / c.VKC),
        litter=-jnp.expm1(-p.litter_area_index * (1.0 - buried)),
        lai=jnp.stack([rad.laisun, rad.laisha]),
    )


def _start(
    p: Fields, s: Fields, f: Fields, grnd: Fields, fx: _Fixed, leaves: Leaves, air: AirGround, cfg: Config
) -> _Carry:
    es, _, qsat, dqsat = saturation(s.t_veg, f.forc_pbot)
    taf = 0.5 * (grnd.t_grnd + fx.thm)
    qaf = jnp.broadcast_to(0.5 * (f.forc_q + grnd.qg), taf.shape)
    dthv = (fx.thm - taf) * (1.0 + 0.61 * f.forc_q) + 0.61 * f.forc_t * (f.forc_q - qaf)
    um, zeta = first_stability(air.wind, air.thv, dthv, fx.z, fx.log_z, p.zeta_max_stable)
    vpd = _vpd(es, qaf, f.forc_pbot)
    ci = jnp.broadcast_to(first_guess_ci(leaves.cair, leaves.g1, vpd), fx.lai.shape)
    zero = jnp.zeros_like(taf)
    psi, gs0 = (s.vegwp, jnp.zeros_like(ci)) if cfg.stress == "phs" else (jnp.zeros(0), jnp.zeros(0))
    return _Carry(s.t_veg, es, qsat, dqsat, taf, qaf, grnd.qg - qaf, um, zeta, zero, zero, ci, psi, gs0)


def _vpd(es: jax.Array, qaf: jax.Array, pbot: jax.Array) -> jax.Array:
    """Vapour pressure deficit between leaf interior and canopy air, kPa."""
    return jnp.maximum((es - pbot * qaf / c.EPS_WATER_AIR) * 1.0e-3, VPD_MIN)


def _through(lai: jax.Array, gs: jax.Array, gb: jax.Array) -> jax.Array:
    """lai · rb / (rb + rs) of sunlit and shaded leaves; conductances in one unit."""
    return lai * gs / (gs + gb)


def _iteration(
    p: Fields,
    f: Fields,
    grnd: Fields,
    wet: Fields,
    air: AirGround,
    leaves: Leaves,
    supply: jax.Array | Plumbing,
    fx: _Fixed,
    state: _Carry,
) -> tuple[_Carry, dict[str, jax.Array]]:
    """One Newton step of leaf temperature with new stability, stomata and canopy air."""
    t = state.t_veg
    prof = profiles(state.zeta, fx.z0_ratio, fx.log_z, fx.z0_ratio, fx.log_z)
    ustar = c.VKC * state.um / prof.momentum
    temp1 = c.VKC / prof.heat

    # conductances of air, leaves and ground (m s-1); the wind in the canopy is u*
    wta = temp1 * ustar
    root_uaf = jnp.sqrt(ustar)
    gb = fx.leaf_size * root_uaf
    csoilb = 1.0 / (fx.soil_reynolds * jnp.exp(0.45 * jnp.log(ustar)))
    wtg = (fx.bare_share * csoilb + (1.0 - fx.bare_share) * p.csoilc) * ustar
    wtl = fx.lsai * gb
    wtshi = 1.0 / (wta + wtl + wtg)
    wtl0, wtg0, wta0 = wtl * wtshi, wtg * wtshi, wta * wtshi
    wtga = wta0 + wtg0

    # stomata of sunlit and shaded leaves
    leaf = leaves_at_temperature(p, leaves, t)
    gb_mol = gb * fx.mol_per_m3
    if isinstance(supply, Plumbing):
        left, slope = vulnerability(state.psi, supply.psi50, supply.ck)
        stress = stress_factor(left[:STEM], state.gs0, gb_mol)
        leaf = leaf._replace(vcmax=leaf.vcmax * stress, lmr=leaf.lmr * stress)
    ex = gas_exchange(
        leaf,
        state.ci,
        cair=leaves.cair,
        pbot=leaves.pbot,
        vpd=_vpd(state.es, state.qaf, leaves.pbot),
        gb=gb_mol,
        g0=leaves.g0,
        g1=leaves.g1,
        theta_cj=leaves.theta_cj,
        theta_ip=p.theta_ip,
        steps=CI_STEPS,
    )
    efpot = air.rho * wtl * (state.qsat - state.qaf)
    evaporates = efpot > 0.0
    if isinstance(supply, Plumbing):
        # a leaf that respires keeps the stressed minimum open; in the dark there is no other
        dark = leaves.light[:1] <= 0.0
        gs_mol = jnp.where(ex.net < 0.0, jnp.maximum(stress * leaves.g0, GS_MIN), ex.gs)
        gs_mol = jnp.where(dark, stress * leaves.g0, gs_mol)
        shut = stress <= 0.0
        gs0 = jnp.where(shut, state.gs0, gs_mol / jnp.where(shut, 1.0, stress))
        gs0 = jnp.where(dark, leaves.g0, gs0)
        rooted = supply.roots > 0.0
        potential = jnp.where(evaporates & rooted, efpot * wet.fdry / fx.elai, 0.0)
        psi = newton_step(supply, state.psi, potential * fx.lai * gs0 / (gs0 + gb_mol), left, slope)
        drinks = rooted & ~jnp.all(shut | (fx.lai <= 0.0), axis=0)
        # transpiration is what these conductances carry; the limit on the resistance acts on leaf temperature only
        through = _through(fx.lai, gs_mol, gb_mol)
        tran = jnp.where(evaporates & rooted, potential * (through[0] + through[1]), 0.0)
    else:
        gs_mol, psi, gs0, stress = ex.gs, state.psi, state.gs0, jnp.zeros(0)
        drinks = supply > 0.0
    gs = jnp.maximum(gs_mol / fx.mol_per_m3, 1.0 / R_STOMATA_MAX)
    limited = _through(fx.lai, gs, gb)
    rppdry = jnp.where(drinks, wet.fdry * (limited[0] + limited[1]) / fx.elai, 0.0)
    if not isinstance(supply, Plumbing):
        through, tran = limited, jnp.where(evaporates, efpot * rppdry, 0.0)

    # share of potential evaporation that leaves the leaf, limited by the water on it
    most = (tran + fx.h2ocan_rate) / jnp.where(evaporates, efpot, 1.0)
    rpp = jnp.where(evaporates, jnp.minimum(rppdry + wet.fwet, most), 1.0)

    wtlq = wtl * rpp
    litter = fx.litter / (0.004 * ustar)
    wtgq = 1.0 / (1.0 / wtg + jnp.where(state.delq < 0.0, litter, grnd.soilresis))
    wtsqi = 1.0 / (wta + wtlq + wtgq)
    wtgq0, wtlq0, wtaq0 = wtgq * wtsqi, wtlq * wtsqi, wta * wtsqi
    wtgaq = wtaq0 + wtgq0

    dc1 = air.rho * c.CPAIR * wtl
    dc2 = c.HVAP * air.rho * wtlq
    efsh = dc1 * (wtga * t - wtg0 * grnd.t_grnd - wta0 * fx.thm)
    efe_full = dc2 * (wtgaq * state.qsat - wtgq0 * grnd.qg - wtaq0 * f.forc_q)
    # damps the flip of a leaf between dew and evaporation
    efe = jnp.where(efe_full * state.efe_before < 0.0, 0.1 * efe_full, efe_full)

    t3 = t * t * t
    net = fx.net_in + fx.bir * t3 * t
    slope_h, slope_e = dc1 * wtga, dc2 * wtgaq * state.dqsat
    dt_free = (net - efsh - efe) / (slope_h + slope_e - 4.0 * fx.bir * t3)
    dt = jnp.clip(dt_free, -STEP_MAX, STEP_MAX)
    t_new = t + dt

    # fluxes at the linearised new temperature, limited by the water there is
    efpot_new = air.rho * wtl * (wtgaq * (state.qsat + state.dqsat * dt) - wtgq0 * grnd.qg - wtaq0 * f.forc_q)
    if not isinstance(supply, Plumbing):  # with it, transpiration is what the roots deliver (as CLM5.0)
        tran = jnp.where(efpot_new > 0.0, efpot_new * rppdry, 0.0)
    evap_free = rpp * efpot_new
    evap = jnp.minimum(evap_free, tran + fx.h2ocan_rate)
    missed = (net + 4.0 * fx.bir * t3 * dt) - (efsh + slope_h * dt) - (efe + slope_e * dt)
    correction = missed + (efe - efe_full) + c.HVAP * (evap_free - evap)
    sh_veg = efsh + slope_h * dt + correction

    es, _, qsat, dqsat = saturation(t_new, f.forc_pbot)
    taf = wtg0 * grnd.t_grnd + wta0 * fx.thm + wtl0 * t_new
    qaf = wtlq0 * qsat + wtgq0 * grnd.qg + wtaq0 * f.forc_q
    dth = fx.thm - taf
    dqh = f.forc_q - qaf
    wtalq = wtaq0 + wtlq0
    thvstar = temp1 * (dth * (1.0 + 0.61 * f.forc_q) + 0.61 * f.forc_t * dqh)
    um, zeta = update_stability(air.wind, air.thv, thvstar, ustar, fx.z, p.zeta_max_stable)
    sign_changes = state.sign_changes + jnp.where(zeta * state.zeta < 0.0, 1.0, 0.0)
    zeta = jnp.where(sign_changes >= 4.0, -0.01, zeta)  # oscillates around neutral
    carry = _Carry(
        t_veg=t_new,
        es=es,
        qsat=qsat,
        dqsat=dqsat,
        taf=taf,
        qaf=qaf,
        delq=wtalq * grnd.qg - wtlq0 * qsat - wtaq0 * f.forc_q,
        um=um,
        zeta=zeta,
        sign_changes=sign_changes,
        efe_before=efe,
        ci=ex.ci_next,
        psi=psi,
        gs0=gs0,
    )
    seen = {
        "t_before": t,
        "dt": dt,
        "ustar": ustar,
        "um": state.um,
        "zeta": state.zeta,
        "temp1": temp1,
        "wtg": wtg,
        "wtgq": wtgq,
        "wta0": wta0,
        "wtl0": wtl0,
        "wtaq0": wtaq0,
        "wtlq0": wtlq0,
        "dth": dth,
        "dqh": dqh,
        "tran": tran,
        "evap": evap,
        "sh_veg": sh_veg,
        "correction": correction,
        "gs": gs,
        "gross": ex.gross,
        "lmr": leaf.lmr,
        "ci": ex.ci,
        "stress": stress,
        "through": through,
        "gb": gb,
        "rh": f.forc_pbot * state.qaf / (c.EPS_WATER_AIR * state.es),
    }
    return carry, seen


def _plant_water(w: Plumbing, fx: _Fixed, it: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Water potentials that carry the transpiration, uptake from the layers, mean stress of the leaves."""
    through = it["through"]
    both = through[0] + through[1]
    flux = it["tran"] * through / jnp.where(both > 0.0, both, 1.0)
    psi = potentials_of_flux(w, flux)
    leaf_area = fx.lai[0] + fx.lai[1]
    mean = (it["stress"] * fx.lai).sum(axis=0) / jnp.where(leaf_area > 0.0, leaf_area, 1.0)
    btran = jnp.where(leaf_area > 0.0, mean, it["stress"][0])
    return {"vegwp": psi, "root_uptake": uptake(w, psi[ROOT]), "btran": btran}


def _results(
    p: Fields,
    s: Fields,
    f: Fields,
    rad: Fields,
    grnd: Fields,
    air: AirGround,
    fx: _Fixed,
    end: _Carry,
    it: dict[str, jax.Array],
    cfg: Config,
) -> tuple[Fields, Fields]:
    """Fluxes from the ground into the canopy air, diagnostics, long-wave, water on the leaves."""
    t, dt = it["t_before"], it["dt"]
    leaf_t4 = t * t * t * (t + 4.0 * dt)  # linearised as in the balance, so that it closes
    balance = fx.net_in + fx.bir * leaf_t4 - it["sh_veg"] - c.HVAP * it["evap"]

    wtal = it["wta0"] + it["wtl0"]
    wtalq = it["wtaq0"] + it["wtlq0"]
    h_coef = c.CPAIR * air.rho * it["wtg"]
    h_rest = it["wtl0"] * end.t_veg + it["wta0"] * fx.thm
    q_coef = air.rho * it["wtgq"]
    q_rest = it["wtlq0"] * end.qsat + it["wtaq0"] * f.forc_q
    cgrnds = h_coef * wtal
    cgrndl = q_coef * wtalq * grnd.dqgdT

    two_z0 = fx.z0_ratio * fx.z
    two = 2.0 + two_z0
    heat_2m = heat_profile(it["zeta"] * two / fx.z, two_z0 / two, jnp.log(two / two_z0))
    at_2m = it["temp1"] * heat_2m / c.VKC - 1.0

    emv, dark, through = fx.emv, 1.0 - grnd.emg, 1.0 - fx.emv
    emitted = emv * c.SB * leaf_t4
    psn = it["gross"]
    gpp = (psn * fx.lai).sum(axis=0)
    to_carbon = c.MOLAR_MASS_C * 1.0e-6
    rs = 1.0 / it["gs"]
    fluxes = Fields(
        eflx_sh_veg=it["sh_veg"],
        eflx_sh_veg_corr=it["correction"],
        eflx_sh_grnd=h_coef * (wtal * grnd.t_grnd - h_rest),
        eflx_sh_snow=h_coef * (wtal * air.t_snow - h_rest),
        eflx_sh_soil=h_coef * (wtal * air.t_soil - h_rest),
        eflx_sh_h2osfc=h_coef * (wtal * s.t_h2osfc - h_rest),
        qflx_evap_veg=it["evap"],
        qflx_tran_veg=it["tran"],
        qflx_evap_can=it["evap"] - it["tran"],
        qflx_evap_soi=q_coef * end.delq,
        qflx_ev_snow=q_coef * (wtalq * grnd.qg_snow - q_rest),
        qflx_ev_soil=q_coef * (wtalq * grnd.qg_soil - q_rest),
        qflx_ev_h2osfc=q_coef * (wtalq * grnd.qg_h2osfc - q_rest),
        cgrnds=cgrnds,
        cgrndl=cgrndl,
        cgrnd=cgrnds + cgrndl * grnd.htvp,
        dlrad=through * grnd.emg * f.forc_lwrad + grnd.emg * emitted,
        ulrad=dark * through * through * f.forc_lwrad
        + (1.0 + dark * through) * emitted
        + grnd.emg * through * c.SB * air.ground_t4,
        emv=emv,
        psnsun=psn[0],
        psnsha=psn[1],
        rssun=rs[0],
        rssha=rs[1],
        lmrsun=it["lmr"][0],
        lmrsha=it["lmr"][1],
        cisun=it["ci"][0],
        cisha=it["ci"][1],
        gpp_c=gpp * to_carbon,
        lmr_c=(it["lmr"] * fx.lai).sum(axis=0) * to_carbon,
        t_ref2m=fx.thm + it["dth"] * at_2m,
        q_ref2m=f.forc_q + it["dqh"] * at_2m,
        u_star=it["ustar"],
        ram1=it["um"] / (it["ustar"] * it["ustar"]),
        rah1=1.0 / (it["temp1"] * it["ustar"]),
        zeta=it["zeta"],
        err_canopy=balance,
        t_veg_change=dt,
        rb=1.0 / it["gb"],
        rh_canopy=it["rh"],
    )
    return _canopy_water(s, end.t_veg, it["evap"] - it["tran"], cfg), fluxes


def _canopy_water(s: Fields, t_veg: jax.Array, evap_can: jax.Array, cfg: Config) -> Fields:
    """Takes evaporation from (adds dew to) the phase that fits leaf temperature, then from the other.

    ``evap_can`` is at most liqcan + snocan over the step, so the last maximum cuts round-off only.
    """
    loss = evap_can * cfg.dt
    warm = t_veg > c.TFRZ
    main = jnp.where(warm, s.liqcan, s.snocan) - loss
    other = jnp.where(warm, s.snocan, s.liqcan) + jnp.minimum(main, 0.0)
    main, other = jnp.maximum(main, 0.0), jnp.maximum(other, 0.0)
    return Fields(t_veg=t_veg, liqcan=jnp.where(warm, main, other), snocan=jnp.where(warm, other, main))
