"""Water and mass of the snow pack in one step."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import DENH2O, DENICE, TFRZ
from elterra.land.fields import Fields
from elterra.land.numerics.chains import take_from_top
from elterra.land.snow._aerosols import wash_down
from elterra.land.snow._compaction import compact
from elterra.land.snow._cover import melt_shape
from elterra.land.snow._fall import LAYER_DEPTH
from elterra.land.snow._grains import RADIUS_MIN, age_grains, fresh_radius
from elterra.land.snow._layers import (
    MIN_DENSITY,
    Pack,
    drop_iceless_layers,
    merge_thin_layers,
    split_thick_layers,
)

#: share of the lowest layer that capping always leaves
KEEP = 1.0e-9


def percolate(
    liq: jax.Array,
    ice: jax.Array,
    dz: jax.Array,
    active: jax.Array,
    frac_sno: jax.Array,
    ssi: jax.Array,
    wimp: jax.Array,
) -> jax.Array:
    """Water leaving each layer downward in one step, kg m-2 (CLM5 ``SnowWater``; tech note 2.8.4).

    Water above the holding capacity (``ssi`` of the pores) moves to the layer below as far as that has room;
    nothing moves where either porosity is below ``wimp``.
    """
    thickness = jnp.where(active, dz * frac_sno, 1.0)
    vol_ice = jnp.minimum(1.0, ice / (thickness * DENICE))
    porosity = 1.0 - vol_ice
    vol_liq = jnp.minimum(porosity, liq / (thickness * DENH2O))
    free = jnp.maximum(0.0, (vol_liq - ssi * porosity) * thickness)
    room = (1.0 - vol_ice - vol_liq) * thickness
    tight = (porosity[:-1] < wimp) | (porosity[1:] < wimp)
    inner = jnp.where(tight, 0.0, jnp.minimum(free[:-1], room[1:]))
    out = jnp.concatenate([inner, free[-1:]]) * DENH2O
    return jnp.where(active, jnp.minimum(out, jnp.maximum(liq, 0.0)), 0.0)


def snow_water(
    p: Fields, s: Fields, f: Fields, wet: Fields, fall: Fields, en: Fields, cfg: Config
) -> tuple[Fields, Fields]:
    """Water flow, settling, ageing and layers of the snow pack over one step.

    Called after the heat solve of the step (``s`` holds its temperatures and phase change), for which `snowfall`
    has put the snow of the step on the ground. Order: evaporation or frost, rain, percolation, capping, settling,
    merging and splitting, grain growth.

    Inputs, all [column] and kg m-2 s-1 unless said: ``wet.qflx_liq_grnd``, ``wet.qflx_snow_grnd`` (water reaching the
    ground below the canopy; the snow is on it already); ``fall.swe_old`` (kg m-2 [snow_layer, column], the layers before
    it fell); ``en.qflx_ev_snow``, ``en.qflx_ev_soil``, ``en.qflx_ev_h2osfc``: final evaporation per area of snow, bare
    soil, and surface water (negative is dew), for the area shares ``s.frac_sno`` and ``s.frac_h2osfc``;
    ``en.qflx_evap_grnd``, ``qflx_sub_snow``, ``qflx_dew_grnd``, ``qflx_dew_snow``: that of the top layer (snow, or soil
    without snow layers) as liquid and ice lost, water and ice gained (their difference is the mean of
    ``qflx_ev_snow``, or ``qflx_ev_soil``); ``en.qflx_snomelt``: melt; of snow without layers (``s.snl`` = 0) it has
    already left ``h2osno_no_layers``, of layers it is liquid in the layers. Used if there: ``en.qflx_snofrz_lyr``,
    ``en.qflx_snomelt_lyr`` [snow_layer, column]. ``f.forc_t``, ``f.forc_wind``; with ``cfg.aerosols`` "deposition"
    ``f.aerosol_deposition`` [aerosol, column] (kg m-2 s-1), which falls on the top layer.

    Evaporation under snow layers: ice from the top layer; what ice is missing, and the liquid, from the liquid of the
    layers from the top down, then of the soil. Soil beside snow layers gives liquid only (CLM5). Snow without layers
    does not evaporate, the soil does: its ice and dew are handed on as ``sub_soil``, ``frost_soil``, ``dew_soil``.

    d(snow)/dt = qflx_liq_grnd - evaporation + evap_soil + sub_soil - dew_soil - frost_soil + evap_h2osfc
    - qflx_rain_plus_snomelt - qflx_snwcp - snow_to_soil_liq - snow_to_soil_ice (+ melt of layerless snow) to round-off.

    Returns the new state and [column] fields: ``qflx_rain_plus_snomelt`` (liquid reaching the soil surface
    from the pack or beside it), ``evap_soil`` (liquid), ``sub_soil``, ``dew_soil``, ``frost_soil``, ``evap_h2osfc``
    (kg m-2 s-1 of the whole column, for the soil and the surface store), ``snow_to_soil_liq``, ``snow_to_soil_ice``
    (kg m-2 s-1, water of layers that end, for the top soil layer after its flow), ``qflx_evap_soi`` (all ground
    evaporation), ``qflx_snwcp_ice``, ``qflx_snwcp_liq``, ``qflx_snwcp``, ``h2osno`` (kg m-2), ``snowdp`` (m, column
    mean).
    """
    n, dt = cfg.nlevsno, cfg.dt
    liq, ice, t = s.h2osoi_liq[:n], s.h2osoi_ice[:n], s.t_soisno[:n]
    t_soil = s.t_soisno[n]
    layer = jnp.arange(n)[:, None]
    n_melt = melt_shape(p.topo_std)
    active = layer >= n - s.snl
    bare = s.snl == 0
    frac = s.frac_sno
    is_top = layer == n - s.snl
    dz, radius, has_layers = s.dz_snow, s.snw_rds, ~bare
    thin_mass = s.h2osno_no_layers
    thin_depth = jnp.where(bare, s.snow_depth, 0.0)

    # Evaporation, frost, rain.
    ev_snow = s.frac_sno * en.qflx_ev_snow * dt
    ev_soil = (1.0 - s.frac_sno - s.frac_h2osfc) * en.qflx_ev_soil * dt
    ev_h2osfc = s.frac_h2osfc * en.qflx_ev_h2osfc * dt
    share = jnp.where(has_layers, frac, 0.0) * dt
    rain = share * wet.qflx_liq_grnd
    liq, ice = jnp.where(active, liq, 0.0), jnp.where(active, ice, 0.0)
    ice = ice + jnp.where(is_top, share * en.qflx_dew_snow, 0.0)
    sublimed = jnp.minimum(jnp.where(is_top, share * en.qflx_sub_snow, 0.0), ice)
    ice = ice - sublimed
    liq = liq + jnp.where(is_top, share * en.qflx_dew_grnd + rain, 0.0)
    # ice that the top layer lacks comes from the liquid, as the liquid that it lacks from the layers below
    wanted = share * (en.qflx_evap_grnd + en.qflx_sub_snow) - jnp.sum(sublimed, axis=0)
    given, missing = take_from_top(jnp.maximum(wanted, 0.0), liq)
    liq = liq - given

    # Without snow layers all evaporation that is not the water's is the soil's.
    open_soil = jnp.where(has_layers, 0.0, 1.0 - s.frac_h2osfc) * dt
    sub_soil, dew_soil, frost_soil = (
        open_soil * x for x in (en.qflx_sub_snow, en.qflx_dew_grnd, en.qflx_dew_snow)
    )
    rest = ev_soil + jnp.where(has_layers, missing, ev_snow)
    evap_soil = rest - sub_soil + dew_soil + frost_soil

    # Percolation.
    out = percolate(liq, ice, dz, active, frac, p.ssi, p.wimp)
    liq = liq - out + jnp.concatenate([jnp.zeros_like(out[:1]), out[:-1]])
    drain = out[-1]
    aerosols: tuple[jax.Array, ...] = ()
    if cfg.aerosols == "deposition":
        washed = wash_down(s.snow_aerosols, out, liq + ice)
        fallen = jnp.where(is_top & has_layers, f.aerosol_deposition[:, None] * dt, 0.0)
        aerosols = tuple(jnp.where(active, x, 0.0) for x in washed + fallen)
    dz = jnp.where(active, jnp.maximum(dz, liq / DENH2O + ice / DENICE), 0.0)
    int_snow = s.int_snow + share * (en.qflx_dew_snow + en.qflx_dew_grnd) + rain

    # Capping takes from the lowest layer at its density.
    excess = jnp.maximum(jnp.sum(liq + ice, axis=0) - p.h2osno_max, 0.0)
    bottom = liq[-1] + ice[-1]
    capped = jnp.minimum(excess, bottom * (1.0 - KEEP))
    keep = 1.0 - capped / jnp.where(bottom > 0.0, bottom, 1.0)
    cap_liq, cap_ice = liq[-1] * (1.0 - keep), ice[-1] * (1.0 - keep)
    shrink = jnp.where(layer == n - 1, keep, 1.0)
    liq, ice, dz = liq * shrink, ice * shrink, dz * shrink
    aerosols = tuple(x * shrink for x in aerosols)

    # Settling.
    melt_lyr = en.get("qflx_snomelt_lyr")
    if melt_lyr is None:
        melting = active & (liq > 0.0) & (t >= TFRZ - 1.0e-6) & (en.qflx_snomelt > 0.0)
    else:
        melting = melt_lyr > 0.0
    dz = compact(
        dz,
        dt=dt,
        liq=liq,
        ice=ice,
        t=t,
        mass_before=fall.swe_old,
        melting=melting,
        active=active,
        frac_sno=frac,
        int_snow=int_snow,
        int_snow_max=p.int_snow_max,
        n_melt=n_melt,
        forc_wind=f.forc_wind,
        upplim=p.upplim_destruct_metamorph,
        eta0=p.snow_eta0,
        tau_ref=p.snow_drift_tau,
    )

    # Layers: give up those without ice, all if there is too little for any, merge, split.
    pack, kept, spilled_liq, spilled_ice = drop_iceless_layers(
        Pack(dz, liq, ice, t, radius, aerosols), active
    )
    total_dz, total_liq, total_ice = (
        jnp.sum(jnp.where(kept, x, 0.0), axis=0) for x in (pack.dz, pack.liq, pack.ice)
    )
    depth = total_dz * frac
    ends = (depth < LAYER_DEPTH) | (total_liq + total_ice < MIN_DENSITY * depth)
    thin_mass = thin_mass + jnp.where(ends, total_ice, 0.0)
    thin_depth = jnp.where(ends & has_layers, total_dz, thin_depth)
    spilled_liq = spilled_liq + jnp.where(ends, total_liq, 0.0)
    pack, kept = merge_thin_layers(pack, kept & ~ends, frac)
    pack, snl = split_thick_layers(pack, kept, frac)
    active = layer >= n - snl
    is_top = layer == n - snl
    t_top = jnp.where(snl > 0, jnp.sum(jnp.where(is_top, pack.t, 0.0), axis=0), t_soil)
    t = jnp.where(active, pack.t, t_top)

    refrozen = en.get("qflx_snofrz_lyr")
    refrozen = jnp.zeros_like(liq) if refrozen is None else refrozen * dt
    radius = age_grains(
        jnp.where(active, pack.radius, RADIUS_MIN),
        dt=dt,
        t=t,
        t_below=jnp.concatenate([t[1:], t_soil[None]]),
        dz=pack.dz,
        dz_below=jnp.concatenate([pack.dz[1:], p.dzsoi[:1]]),
        liq=pack.liq,
        ice=pack.ice,
        frac_sno=frac,
        is_top=is_top,
        active=active,
        new_snow=wet.qflx_snow_grnd * dt,
        refrozen=refrozen,
        radius_fresh=fresh_radius(f.forc_t, p.fresh_snw_rds_max),
        radius_refrozen=p.snw_rds_refrz,
        table=p.get("snow_aging"),
    )

    # Water for the soil; what melted takes cover at the start of the next step.
    beside = jnp.where(has_layers, (1.0 - frac) * wet.qflx_liq_grnd, wet.qflx_liq_grnd)
    melt_thin = jnp.where(bare, en.qflx_snomelt, 0.0)
    snow_drain = drain / dt + melt_thin
    h2osno = jnp.sum(pack.liq + pack.ice, axis=0) + thin_mass
    some = h2osno > 0.0
    frac = jnp.where(some, frac, 0.0)
    depth = jnp.where(snl > 0, jnp.sum(pack.dz, axis=0), thin_depth * some)

    new = s.replace(
        h2osoi_liq=jnp.concatenate([pack.liq, s.h2osoi_liq[n:]]),
        h2osoi_ice=jnp.concatenate([pack.ice, s.h2osoi_ice[n:]]),
        t_soisno=jnp.concatenate([t, s.t_soisno[n:]]),
        dz_snow=pack.dz,
        snw_rds=radius,
        snl=snl.astype(s.snl.dtype),
        h2osno_no_layers=thin_mass,
        snow_depth=depth,
        int_snow=jnp.where(some, jnp.maximum(int_snow, 0.0), 0.0),
        frac_sno=frac,
        qflx_snow_drain=snow_drain,
        **({"snow_aerosols": jnp.stack(pack.aerosols)} if aerosols else {}),
    )
    out_fields = Fields(
        qflx_rain_plus_snomelt=beside + snow_drain,
        evap_soil=evap_soil / dt,
        sub_soil=sub_soil / dt,
        dew_soil=dew_soil / dt,
        frost_soil=frost_soil / dt,
        snow_to_soil_liq=spilled_liq / dt,
        snow_to_soil_ice=spilled_ice / dt,
        evap_h2osfc=ev_h2osfc / dt,
        qflx_evap_soi=(ev_snow + ev_soil + ev_h2osfc) / dt,
        qflx_snwcp_ice=cap_ice / dt,
        qflx_snwcp_liq=cap_liq / dt,
        qflx_snwcp=(cap_ice + cap_liq) / dt,
        h2osno=h2osno,
        snowdp=depth * frac,
    )
    return new, out_fields
