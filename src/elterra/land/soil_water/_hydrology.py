"""Soil hydrology of one step: surface, Richards flow, drainage, corrections."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI, Config
from elterra.land.constants import DENH2O, DENICE
from elterra.land.fields import Fields
from elterra.land.numerics.chains import fill_minimum, push_up
from elterra.land.soil_water._constitutive import (
    LN10,
    clapp_hornberger_conductivity,
    clapp_hornberger_potential,
    ice_fraction,
    ice_free_porosity,
)
from elterra.land.soil_water._drainage import (
    frost_and_perched_table,
    lateral_drainage,
    perched_drainage,
    water_table,
)
from elterra.land.soil_water._richards import Adaptive, RichardsResult, solve_richards
from elterra.land.soil_water._surface import (
    MIN_H2OSFC,
    h2osfc_fraction,
    saturated_fraction,
    surface_water,
)

#: least liquid water of a soil layer, mm (CLM5 ``watmin``)
WATMIN = 0.01
#: lowest matric potential that plants meet, mm (CLM5 ``smpmin``)
SMP_MIN = -1.0e8
#: MPa of a millimetre of water, rounded as CLM5 does where plants and microbes meet the potential
MPA_PER_MM = 9.8e-6
#: implicit sub-steps of the Richards equation in one model step (static)
SUBSTEPS = 2


def root_water_uptake(p: Fields, flx: Fields) -> jax.Array:
    """Water the roots take from every soil layer, ``[soil_layer, column]``, mm s-1.

    ``flx.root_uptake`` [soil_layer, patch, column] is what the roots of a patch take (kg m-2 s-1 of the patch);
    it may be negative (hydraulic redistribution).
    """
    demand = flx.root_uptake * p.wt
    total = demand[:, 0]
    for i in range(1, demand.shape[1]):
        total = total + demand[:, i]
    return total


def layer_hydraulics(p: Fields, liq: jax.Array, ice: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Matric potential (mm) and conductivity through the lower edge (mm s-1) of the soil layers.

    ``liq``, ``ice`` kg m-2, all ``[soil_layer, column]``. What plants meet (CLM5 ``smp_l``, ``hk_l``): the
    conductivity is that of `clm_richards`, where the lowest layer above the rock conducts as if the next were like
    it; the potential is that of all water of a layer, ice included.
    """
    n = NLEVSOI
    dz, watsat = p.dzsoi[:n], p.watsat[:n]
    theta, icefrac = liq / (dz * DENH2O), ice_fraction(ice, dz, watsat)
    lowest = jnp.arange(n)[:, None] >= jnp.minimum(p.nbedrock, n) - 1

    def below(x: jax.Array) -> jax.Array:
        return jnp.where(lowest, x, jnp.concatenate([x[1:], x[-1:]]))

    all_water = theta + ice / (dz * DENICE)
    smp, _ = clapp_hornberger_potential(all_water, watsat, p.sucsat[:n], p.bsw[:n])
    impeded = p.hksat[:n] * jnp.exp(-LN10 * p.e_ice * 0.5 * (icefrac + below(icefrac)))
    hk, _, _ = clapp_hornberger_conductivity(theta, below(theta), watsat, below(watsat), impeded, p.bsw[:n])
    return jnp.maximum(smp, SMP_MIN), hk


def clm_richards(
    liq: jax.Array,
    ice: jax.Array,
    p: Fields,
    active: jax.Array,
    flux_top: jax.Array,
    sink: jax.Array,
    dt: float,
    substeps: int = SUBSTEPS,
    adaptive: Adaptive | None = None,
) -> RichardsResult:
    """Richards flow over the soil layers with Clapp-Hornberger functions and ice impedance.

    ``liq``, ``ice`` kg m-2, ``sink`` mm s-1, ``active`` ``[soil_layer, column]``; ``flux_top`` mm s-1
    [column].
    """
    n = NLEVSOI
    dz, z = p.dzsoi[:n], p.zsoi[:n]
    watsat, sucsat, bsw = p.watsat[:n], p.sucsat[:n], p.bsw[:n]
    icefrac = ice_fraction(ice, dz, watsat)

    def pad(x: jax.Array) -> jax.Array:
        """Ghost nodes of the solver: closed boundaries, values are not used."""
        return jnp.concatenate([x[:1], x, x[-1:]])

    watsat_p, sucsat_p, bsw_p, ice_p = pad(watsat), pad(sucsat), pad(bsw), pad(icefrac)
    impeded = pad(p.hksat[:n])[:-1] * jnp.exp(-LN10 * p.e_ice * 0.5 * (ice_p[:-1] + ice_p[1:]))
    return solve_richards(
        liq / (dz * DENH2O),
        dz * 1.0e3,
        z * 1.0e3,
        lambda theta: clapp_hornberger_potential(theta, watsat_p, sucsat_p, bsw_p),
        lambda up, low: clapp_hornberger_conductivity(
            up, low, watsat_p[:-1], watsat_p[1:], impeded, bsw_p[:-1]
        ),
        dt=dt,
        flux_top=flux_top,
        sink=sink,
        active=active,
        substeps=substeps,
        adaptive=adaptive,
    )


def soil_hydrology(p: Fields, s: Fields, flx: Fields, snow: Fields, cfg: Config) -> tuple[Fields, Fields]:
    """Surface water, infiltration, Richards flow, drainage and water table of one step.

    Order and equations of CLM5 ``SurfaceRunoff``, ``Infiltration``, ``SoilWater`` (moisture form),
    ``RenewCondensation``, ``PerchedLateralFlow``, ``LateralFlowPowerLaw``; tech note chapter 2.7.

    Takes from ``snow`` (the results of :func:`elterra.land.snow.snow_water`), all [column], kg m-2 s-1 of the
    whole column, positive upward for evaporation: ``qflx_rain_plus_snomelt``, and what is still to be taken from or
    given to the ground: ``evap_soil`` (liquid) and ``evap_h2osfc``, which may be negative (dew), ``sub_soil`` (ice),
    ``dew_soil``, ``frost_soil``, ``snow_to_soil_liq``, ``snow_to_soil_ice`` (>= 0). They are applied here and nowhere
    else. From ``flx``: ``root_uptake`` [soil_layer, patch, column].

    Liquid evaporation is part of the infiltration flux. Ice, dew, frost and the water of snow layers that end change the
    top layer after the flow of the step, as in CLM5; ice that is not there is taken from the liquid. If a layer falls
    below ``WATMIN`` it is filled from the layers below, then from those above; what the whole column cannot give is
    ``qflx_evap_deficit`` (kg m-2 s-1, water supplied from nowhere). With it, over the step, d(soil + h2osfc)/dt =
    qflx_rain_plus_snomelt - evap_soil - sub_soil + dew_soil + frost_soil + snow_to_soil_liq + snow_to_soil_ice -
    evap_h2osfc - uptake - qflx_surf - qflx_h2osfc_surf - qflx_drain - qflx_drain_perched - qflx_ice_runoff_xs +
    qflx_evap_deficit to round-off.

    Returns the new state and: ``qflx_surf``, ``qflx_infl``, ``qflx_h2osfc_surf``, ``qflx_drain``,
    ``qflx_drain_perched``, ``qflx_ice_runoff_xs``, ``qflx_runoff``, ``qflx_evap_deficit``, ``qcharge``,
    ``fsat``, ``frost_table``, ``zwt_perched`` (m), ``richards_error`` (mm) [column]; ``qflx_drain_lyr``,
    ``qout`` (flux through the lower edge), ``qflx_rootsoi``, ``smp_l`` (mm) and ``soilpsi`` (MPa) before drainage,
    ``h2osoi_vol`` [soil_layer, column].
    """
    nsno, n, dt = cfg.nlevsno, NLEVSOI, cfg.dt
    soil = slice(nsno, nsno + n)
    dz, z, zi = p.dzsoi[:n], p.zsoi[:n], p.zisoi[: n + 1]
    watsat, sucsat, bsw = p.watsat[:n], p.sucsat[:n], p.bsw[:n]
    layer = jnp.arange(n)[:, None]
    active = layer < p.nbedrock
    liq, ice, t = s.h2osoi_liq[soil], s.h2osoi_ice[soil], s.t_soisno[soil]

    vol_ice = ice / (dz * DENICE)
    icefrac = ice_fraction(ice, dz, watsat)
    porosity = ice_free_porosity(ice, dz, watsat)
    wetness = (liq / (dz * DENH2O) + vol_ice) / watsat

    frost_table, zwt_perched = frost_and_perched_table(t, wetness, z, s.zwt)
    z_sat = jnp.where(frost_table > s.zwt, s.zwt, jnp.where(frost_table > zwt_perched, zwt_perched, s.zwt))
    sfc = surface_water(
        dt=dt,
        qflx_top_soil=snow.qflx_rain_plus_snomelt,
        evap_soil=snow.evap_soil,
        evap_h2osfc=snow.evap_h2osfc,
        h2osfc=s.h2osfc,
        frac_h2osfc=s.frac_h2osfc,
        frac_h2osfc_nosnow=h2osfc_fraction(s.h2osfc, p.topo_slope),
        fsat=saturated_fraction(z_sat, p.fmax, p.fff),
        icefrac=icefrac[:3],
        hksat=p.hksat[:3],
        topo_slope=p.topo_slope,
        e_ice=p.e_ice,
        pc=p.pc,
        mu=p.mu,
    )

    # Roots below the active soil (none in CLM5's profiles) draw from its lowest layer.
    uptake = root_water_uptake(p, flx)
    lost = jnp.sum(jnp.where(active, 0.0, uptake), axis=0)
    sink = jnp.where(active, uptake, 0.0) + jnp.where(layer == p.nbedrock - 1, lost, 0.0)
    adaptive = Adaptive() if cfg.substeps == "adaptive" else None
    flow = clm_richards(liq, ice, p, active, sfc.qflx_infl, sink, dt, adaptive=adaptive)
    net = flow.flux[:-1] - flow.flux[1:] - sink
    liq = liq + jnp.where(active, net, 0.0) * dt

    wetness = (liq / (dz * DENH2O) + vol_ice) / watsat
    frost_table, zwt_perched = frost_and_perched_table(t, wetness, z, s.zwt)
    zwt = water_table(wetness, z, zi, active)

    # What comes to the top layer, or leaves it, after the flow.
    top_ice = ice[0] + (snow.frost_soil + snow.snow_to_soil_ice) * dt
    sublimed = jnp.minimum(snow.sub_soil * dt, top_ice)
    top_liq = liq[0] + (snow.dew_soil + snow.snow_to_soil_liq - snow.sub_soil) * dt + sublimed
    liq = jnp.concatenate([top_liq[None], liq[1:]])
    ice = jnp.concatenate([(top_ice - sublimed)[None], ice[1:]])

    smp, _ = clapp_hornberger_potential(liq / (dz * DENH2O), watsat, sucsat, bsw)
    icefrac = ice_fraction(ice, dz, watsat)
    liq, perched_lyr = perched_drainage(
        liq,
        dt=dt,
        frost_table=frost_table,
        zwt_perched=zwt_perched,
        icefrac=icefrac,
        hksat=p.hksat[:n],
        dz=dz,
        zi=zi,
        topo_slope=p.topo_slope,
        e_ice=p.e_ice,
        watmin=WATMIN,
    )
    liq, zwt, drain_lyr = lateral_drainage(
        liq,
        zwt,
        dt=dt,
        icefrac=icefrac,
        watsat=watsat,
        sucsat=sucsat,
        bsw=bsw,
        dz=dz,
        zi=zi,
        active=active,
        topo_slope=p.topo_slope,
        baseflow_scalar=p.baseflow_scalar,
        e_ice=p.e_ice,
        watmin=WATMIN,
    )

    # More water than pores: upward, and from the top layer into the surface store.
    capacity = jnp.where(active, porosity * dz * 1.0e3, jnp.maximum(liq, 0.0))
    room_top = jnp.maximum(watsat[0] * dz[0] * 1.0e3 - ice[0], WATMIN)
    capacity = jnp.concatenate([room_top[None], capacity[1:]])
    liq, excess = push_up(liq, capacity)
    h2osfc = sfc.h2osfc + excess
    # Ice of the top layer beyond its pores (frost) runs off as in CLM5.
    ice_xs = jnp.maximum(ice[0] - jnp.maximum(watsat[0] * dz[0] * 1.0e3 - liq[0], 0.0), 0.0)
    ice = jnp.concatenate([(ice[0] - ice_xs)[None], ice[1:]])
    liq, supplied = fill_minimum(liq, jnp.where(active, WATMIN, liq))

    # Water too little for an area of its own goes to the soil.
    tiny = h2osfc <= MIN_H2OSFC
    liq = jnp.concatenate([(liq[0] + jnp.where(tiny, h2osfc, 0.0))[None], liq[1:]])
    h2osfc = jnp.where(tiny, 0.0, h2osfc)

    qflx_drain = jnp.sum(drain_lyr, axis=0)
    qflx_drain_perched = jnp.sum(perched_lyr, axis=0)
    new = s.replace(
        h2osoi_liq=jnp.concatenate([s.h2osoi_liq[:nsno], liq, s.h2osoi_liq[nsno + n :]]),
        h2osoi_ice=jnp.concatenate([s.h2osoi_ice[:nsno], ice, s.h2osoi_ice[nsno + n :]]),
        h2osfc=h2osfc,
        zwt=zwt,
    )
    out = Fields(
        qflx_surf=sfc.qflx_surf,
        qflx_infl=sfc.qflx_infl,
        qflx_h2osfc_surf=sfc.qflx_h2osfc_surf,
        qflx_drain=qflx_drain,
        qflx_drain_perched=qflx_drain_perched,
        qflx_ice_runoff_xs=ice_xs / dt,
        qflx_runoff=sfc.qflx_surf + sfc.qflx_h2osfc_surf + qflx_drain + qflx_drain_perched + ice_xs / dt,
        qflx_evap_deficit=supplied / dt,
        qcharge=flow.flux[-1],
        fsat=sfc.fsat,
        frost_table=frost_table,
        zwt_perched=zwt_perched,
        richards_error=flow.error,
        qflx_drain_lyr=drain_lyr + perched_lyr,
        qout=flow.flux[1:],
        qflx_rootsoi=sink,
        smp_l=smp,
        soilpsi=smp * MPA_PER_MM,
        h2osoi_vol=liq / (dz * DENH2O) + ice / (dz * DENICE),
    )
    return new, out


def share_area(p: Fields, s: Fields, cfg: Config) -> Fields:
    """State with the areas of surface water and snow for the fluxes of a step (CLM5 ``FracH2OSfc``).

    They may not cover more than the ground: snow gives way, then the water.
    """
    frac_h2osfc = h2osfc_fraction(s.h2osfc, p.topo_slope)
    snow = jnp.sum((s.h2osoi_liq + s.h2osoi_ice)[: cfg.nlevsno], axis=0) + s.h2osno_no_layers
    crowded = (s.frac_sno > 1.0 - frac_h2osfc) & (snow > 0.0)
    reduced = jnp.where(frac_h2osfc > 0.01, jnp.maximum(1.0 - s.frac_sno, 0.01), frac_h2osfc)
    frac = jnp.where(crowded, reduced, frac_h2osfc)
    return s.replace(frac_h2osfc=frac, frac_sno=jnp.where(crowded, 1.0 - frac, s.frac_sno))
