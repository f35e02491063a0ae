"""Temperatures of snow, ground and standing water over one step, and the fluxes that belong to them.

Source: CLM5 tech note, Soil_Snow_Temperatures 2.6; order of CLM5 SoilTemperature and SoilFluxes.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVGRND, NLEVSOI, Config
from elterra.land.constants import CPICE, CPLIQ, DENH2O, DENICE, HFUS, SB, TFRZ, TKWAT
from elterra.land.fields import Fields
from elterra.land.soil_heat._diffusion import SurfaceWater, conduct, interface_conductance
from elterra.land.soil_heat._phase_change import freeze_surface_water, phase_change, supercooled_mass
from elterra.land.soil_heat._thermal import snow_conductivity, soil_conductivity, soil_heat_capacity
from elterra.land.surface.soil_fluxes import patch_mean, soil_fluxes

THIN = 1.0e-6  # thinnest water surface (mm) and smallest heat capacity (J m-2 K-1) that count


def _properties(
    p: Fields, s: Fields, active: jax.Array, top: jax.Array, f_sno: jax.Array, nodes: jax.Array, cfg: Config
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Capacity, conductance of the interfaces (both per ground area) and conductivity of top soil.

    ``nodes`` (m) is the thickness of the snow layers that their nodes and edges go by.
    """
    n, m = cfg.nlevsno, NLEVSOI
    liq, ice = s.h2osoi_liq, s.h2osoi_ice
    dz_snow = jnp.where(active, s.dz_snow, 1.0)
    covered = jnp.where(f_sno > 0.0, f_sno, 1.0)
    snow_mass = liq[:n] + ice[:n]
    tk_snow = snow_conductivity(snow_mass / (covered * dz_snow), p.tk_snow_linear, p.tk_snow_quadratic)
    cap_snow = jnp.where(active, jnp.maximum(CPLIQ * liq[:n] + CPICE * ice[:n], THIN), 1.0)

    # Layers below the 20 hydrologic ones are rock in every column.
    dz = p.dzsoi[:m]
    soil = slice(n, n + m)
    rock = jnp.arange(m)[:, None] >= p.nbedrock
    tk_soil = soil_conductivity(
        s.t_soisno[soil], liq[soil], ice[soil], dz, p.watsat[:m], p.tkmg[:m], p.tkdry[:m]
    )
    tk_soil = jnp.where(rock, p.thk_bedrock, tk_soil)
    cap_soil = soil_heat_capacity(liq[soil], ice[soil], dz, p.watsat[:m], p.csol[:m])
    cap_soil = jnp.where(rock, p.csol_bedrock * dz, cap_soil)
    thin_snow = jnp.where(s.snl == 0, CPICE * s.h2osno_no_layers, 0.0)
    cap_soil = jnp.concatenate([cap_soil[:1] + thin_snow, cap_soil[1:]])
    deep = jnp.broadcast_to(p.thk_bedrock, p.dzsoi[m:].shape)

    thickness = jnp.concatenate([jnp.where(active, nodes, 1.0), p.dzsoi])
    conductivity = jnp.concatenate([tk_snow, tk_soil, deep])
    capacity = jnp.concatenate([cap_snow, cap_soil, p.csol_bedrock * p.dzsoi[m:]])
    conductance = interface_conductance(thickness, conductivity)
    share = jnp.where(active, f_sno, 0.0)
    conductance = jnp.concatenate([conductance[:n] * share, conductance[n:]])

    # The node of the surface layer stands for the surface: its capacity is that of the part of
    # the layer which follows the surface (tech note, factor c_a = 0.34).
    ratio = thickness[1 : n + 2] / thickness[: n + 1]
    surface = 0.25 + p.capr * (0.5 + 0.25 * ratio)
    surface = jnp.concatenate([surface[:n] * thickness[:n] / dz_snow, surface[n:]])
    capacity = jnp.concatenate([capacity[: n + 1] * jnp.where(top, surface, 1.0), capacity[n + 1 :]])
    return capacity, conductance, tk_soil[0]


def ground_energy(
    p: Fields,
    s: Fields,
    f: Fields,
    veg: Fields,
    rad: Fields,
    grnd: Fields,
    flx: Fields,
    cfg: Config,
    dz_nodes: jax.Array | None = None,
) -> tuple[Fields, Fields]:
    """Advance the temperatures of snow, ground and standing water by ``cfg.dt`` with phase change.

    Inputs beyond the architecture page:

    - ``p``: ``wt``, ``dzsoi``, ``nbedrock``, ``watsat``, ``bsw``, ``sucsat``, ``tkmg``, ``tkdry``, ``csol``
      and the registry parameters ``thk_bedrock``, ``csol_bedrock``, ``capr``, ``tk_snow_linear``,
      ``tk_snow_quadratic`` (numbers or ``[column]``)
    - ``f``: ``forc_lwrad``; ``veg``: ``frac_veg_nosno``
    - ``rad``: ``sabv``, ``sabg``, ``sabg_bare`` (per unit area of snow-free ground) ``[patch, column]``,
      ``sabg_lyr`` ``[nlevsno + 1, patch, column]`` (per unit area of ground; the snow layers, then the soil
      under snow and open; sums to ``sabg`` less ``sabg_lost``), W m-2
    - ``grnd``: ``emg``, ``htvp``, ``frac_sno_eff`` ``[column]``
    - ``flx`` ``[patch, column]``: ``eflx_sh_{grnd,snow,soil,h2osfc,veg}``, ``qflx_evap_{soi,veg}``,
      ``qflx_tran_veg``, ``qflx_ev_{snow,soil,h2osfc}``, ``cgrnds``, ``cgrndl``, ``dlrad``, ``ulrad``
    - ``dz_nodes`` ``[nlevsno, column]`` (m): thickness of the snow layers for the distances of their nodes, that before
      the snow of the step fell (CLM5 moves the nodes at the end of a step); by default ``s.dz_snow``

    Returns ``(s, out)``. Changed state: ``t_soisno`` (inactive snow layers get the temperature of the
    top active layer), ``h2osoi_liq``, ``h2osoi_ice``, ``t_h2osfc``, ``h2osfc``, ``h2osno_no_layers``,
    ``snow_depth``, ``int_snow``. The melt water of ``h2osno_no_layers`` leaves the
    snow as ``qflx_snomelt_thin``; the caller gives it to the soil.

    ``out`` is that of `soil_fluxes` and ``[column]``:

    - ``t_grnd`` (K), ``xmf``, ``xmf_h2osfc`` (energy of phase change, melting positive, W m-2),
      ``eflx_h2osfc_to_snow``, ``eflx_snomelt``, ``errsoi`` (W m-2)
    - ``qflx_snomelt``, ``qflx_snofrz``, ``qflx_snomelt_thin``, ``qflx_h2osfc_to_ice`` (kg m-2 s-1)
    - ``[nlevsno, column]``: ``qflx_snomelt_lyr``, ``qflx_snofrz_lyr`` (kg m-2 s-1), ``frac_iceold`` (ice
      share of the mass before the step)
    """
    n, dt = cfg.nlevsno, cfg.dt
    index = jnp.arange(n + 1)[:, None]
    top = index == n - s.snl  # one layer per column
    active = index[:n] >= n - s.snl
    has_snow = s.snl > 0
    t = s.t_soisno
    t_soil = t[n]
    t_top = jnp.sum(jnp.where(top, t[: n + 1], 0.0), axis=0)
    f_sno = jnp.where(has_snow, grnd.frac_sno_eff, 0.0)
    f_wat = s.frac_h2osfc
    f_soil = 1.0 - f_sno - f_wat

    capacity, conductance, tk_top = _properties(
        p, s, active, top, f_sno, s.dz_snow if dz_nodes is None else dz_nodes, cfg
    )

    # Energy flux into each surface at the old temperatures, and its common derivative
    t_before = f_sno * t_top + f_soil * t_soil + f_wat * s.t_h2osfc
    emission = grnd.emg * SB
    lw_in = patch_mean(p.wt, flx.dlrad + (1.0 - veg.frac_veg_nosno) * grnd.emg * f.forc_lwrad)
    slope = -patch_mean(p.wt, flx.cgrnds + grnd.htvp * flx.cgrndl) - 4.0 * emission * t_before**3

    def loss(surface: str) -> jax.Array:
        return patch_mean(p.wt, flx[f"eflx_sh_{surface}"] + grnd.htvp * flx[f"qflx_ev_{surface}"])

    # Snow too thin for a layer has fluxes of its own but no temperature: the top soil layer pays them.
    f_thin = jnp.where(has_snow, 0.0, grnd.frac_sno_eff)
    loss_snow, loss_soil = loss("snow"), loss("soil")
    turbulent_soil = (f_soil - f_thin) * loss_soil + f_thin * loss_snow

    sabg_lyr = jnp.sum(p.wt * rad.sabg_lyr, axis=1)
    solar_wat = patch_mean(p.wt, rad.sabg_bare)
    hs_snow = lw_in - loss_snow - emission * t_top**4
    hs_wat = lw_in - loss("h2osfc") - emission * s.t_h2osfc**4 + solar_wat

    top_snow = top[:n]
    source_snow = jnp.where(active, sabg_lyr[:n] + jnp.where(top_snow, f_sno * hs_snow, 0.0), 0.0)
    slope_snow = jnp.where(top_snow, f_sno * slope, 0.0)
    source_soil = f_soil * (lw_in - emission * t_soil**4) - turbulent_soil
    source_soil = source_soil + sabg_lyr[n] - f_wat * solar_wat
    deep = jnp.zeros((NLEVGRND - 1, *source_soil.shape))
    source = jnp.concatenate([source_snow, source_soil[None], deep])
    slopes = jnp.concatenate([slope_snow, (f_soil * slope)[None], deep])

    standing = (s.h2osfc > THIN) & (f_wat > THIN)
    depth = jnp.where(standing, s.h2osfc / jnp.where(standing, f_wat, 1.0), 0.0)  # kg m-2
    # CLM5 takes the mean depth for the mean conductivity and the depth of the water for the way.
    way, z_soil = 0.5 * s.h2osfc / DENH2O, 0.5 * p.dzsoi[0]
    tk_mean = (z_soil + way) / (z_soil / tk_top + way / TKWAT)
    water = SurfaceWater(
        t=s.t_h2osfc,
        frac=f_wat,
        capacity=jnp.maximum(CPLIQ * depth, THIN),
        conductance=tk_mean / (z_soil + 0.5 * depth / DENH2O),
        source=hs_wat,
        slope=slope,
    )
    t_new, t_wat = conduct(t, capacity, conductance, source, slopes, dt, water, top_soil=n)
    assert t_wat is not None

    # Phase change: first the standing water, whose ice goes to the snow, then all layers
    stiffness = capacity / dt - slopes
    stiff_wat = f_wat * (water.capacity / dt - slope)
    below = jnp.where(has_snow, t_new[n - 1], t_new[n])
    stiff_below = jnp.where(has_snow, stiffness[n - 1], stiffness[n])
    ice_wat = freeze_surface_water(
        t_wat, s.h2osfc, stiff_wat, -f_wat * slope, below, stiff_below, has_snow, dt
    )
    to_layer = jnp.where(has_snow, ice_wat.frozen, 0.0)
    to_thin = ice_wat.frozen - to_layer
    t_new = t_new.at[n - 1].set(jnp.where(has_snow, ice_wat.t_below, t_new[n - 1]))
    t_new = t_new.at[n].set(jnp.where(has_snow, t_new[n], ice_wat.t_below))
    ice0 = s.h2osoi_ice.at[n - 1].add(to_layer)
    liq0 = s.h2osoi_liq

    # Snow too thin for a layer melts with the heat of the top soil layer, before the ice in it does
    thin = jnp.where(has_snow, 0.0, s.h2osno_no_layers)
    heat_soil = jnp.maximum(t_new[n] - TFRZ, 0.0) * stiffness[n] * (dt / HFUS)
    thin_melt = jnp.minimum(heat_soil, thin)
    cooled = t_new[n] - thin_melt * (HFUS / dt) / stiffness[n]
    t_new = t_new.at[n].set(jnp.where((heat_soil > 0.0) & (heat_soil < thin), TFRZ, cooled))

    m = NLEVSOI
    wet = slice(n, n + m)
    supercool = supercooled_mass(t_new[wet], p.dzsoi[:m], p.watsat[:m], p.sucsat[:m], p.bsw[:m])
    layers = jnp.concatenate([active, jnp.ones((m, *active.shape[1:]), bool)])
    limit = jnp.concatenate([jnp.zeros_like(t_new[:n]), supercool])
    k = n + m
    change = phase_change(
        t_new[:k], jnp.where(layers, liq0[:k], 0.0), jnp.where(layers, ice0[:k], 0.0), limit,
        stiffness[:k], dt,
    )  # fmt: skip
    t_all = jnp.concatenate([change.t, t_new[k:]])
    liq = jnp.concatenate([jnp.where(layers, change.liq, liq0[:k]), liq0[k:]])
    ice = jnp.concatenate([jnp.where(layers, change.ice, ice0[:k]), ice0[k:]])
    melt_snow = change.melt[:n]

    # Temperatures of the surfaces; an inactive snow layer follows the top active one
    t_top_new = jnp.sum(jnp.where(top, t_all[: n + 1], 0.0), axis=0)
    t_all = jnp.concatenate([jnp.where(active, t_all[:n], t_top_new), t_all[n:]])
    t_wat_new = jnp.where(f_wat > 0.0, ice_wat.t_water, t_all[n])
    t_grnd = f_sno * t_top_new + f_soil * t_all[n] + f_wat * t_wat_new

    thin_left = thin - thin_melt
    snow_depth = _snow_depth(s, active, has_snow, thin, thin_left, ice_wat.frozen)
    xmf = (jnp.sum(change.melt, axis=0) + thin_melt) * (HFUS / dt)
    xmf_wat = -ice_wat.frozen * (HFUS / dt)
    qflx_snomelt_lyr = jnp.maximum(melt_snow, 0.0) / dt
    qflx_snofrz_lyr = jnp.maximum(-melt_snow, 0.0) / dt
    qflx_snomelt_thin = thin_melt / dt
    qflx_snomelt = jnp.sum(qflx_snomelt_lyr, axis=0) + qflx_snomelt_thin

    heat = Fields(
        t_grnd_before=t_before,
        t_grnd=t_grnd,
        t4_grnd=f_sno * t_top**4 + f_soil * t_soil**4 + f_wat * s.t_h2osfc**4,
        has_snow=has_snow,
        liq_top=jnp.sum(jnp.where(top, liq[: n + 1], 0.0), axis=0),
        ice_top=jnp.sum(jnp.where(top, ice[: n + 1], 0.0), axis=0),
    )
    out = soil_fluxes(p, f, veg, rad, grnd, flx, heat, cfg)

    counted = jnp.concatenate([active, jnp.ones((NLEVGRND, *active.shape[1:]), bool)])
    stored = jnp.sum(jnp.where(counted, capacity * (t_all - t), 0.0), axis=0) / dt
    stored = stored + f_wat * water.capacity * (t_wat_new - s.t_h2osfc) / dt
    errsoi = patch_mean(p.wt, out.eflx_soil_grnd) + ice_wat.carried - stored - xmf - xmf_wat

    mass = s.h2osoi_liq[:n] + s.h2osoi_ice[:n]
    present = active & (mass > 0.0)
    frac_iceold = jnp.where(present, s.h2osoi_ice[:n] / jnp.where(present, mass, 1.0), 0.0)
    state = s.replace(
        t_soisno=t_all,
        h2osoi_liq=liq,
        h2osoi_ice=ice,
        t_h2osfc=t_wat_new,
        h2osfc=s.h2osfc - ice_wat.frozen,
        h2osno_no_layers=s.h2osno_no_layers - thin_melt + to_thin,
        snow_depth=snow_depth,
        int_snow=s.int_snow + ice_wat.frozen,
    )
    return state, out.add(
        t_grnd=t_grnd,
        xmf=xmf,
        xmf_h2osfc=xmf_wat,
        eflx_h2osfc_to_snow=ice_wat.carried,
        eflx_snomelt=qflx_snomelt * HFUS,
        errsoi=errsoi,
        qflx_snomelt=qflx_snomelt,
        qflx_snofrz=jnp.sum(qflx_snofrz_lyr, axis=0),
        qflx_snomelt_lyr=qflx_snomelt_lyr,
        qflx_snofrz_lyr=qflx_snofrz_lyr,
        qflx_snomelt_thin=qflx_snomelt_thin,
        qflx_h2osfc_to_ice=ice_wat.frozen / dt,
        frac_iceold=frac_iceold,
    )


def _snow_depth(
    s: Fields,
    active: jax.Array,
    has_snow: jax.Array,
    thin: jax.Array,
    thin_left: jax.Array,
    frozen: jax.Array,
) -> jax.Array:
    """Snow depth (m) after frozen standing water was added and thin snow melted.

    Ice from standing water has the density of the snow layers it joins (at most 800 kg m-3). Where there are none it
    takes the whole thin snow to the density of ice, spread over the column (as CLM5); melt keeps the density.
    """
    n = active.shape[0]
    layered = jnp.sum(jnp.where(active, s.h2osoi_liq[:n] + s.h2osoi_ice[:n], 0.0), axis=0)
    bulk = s.frac_sno * s.snow_depth
    thick = has_snow & (bulk > 0.0)
    density = jnp.where(thick, jnp.minimum(800.0, layered / jnp.where(thick, bulk, 1.0)), DENICE)
    cover = jnp.where(thick, s.frac_sno, 1.0)
    on_layers = s.snow_depth + frozen / (jnp.maximum(density, 1.0) * cover)
    whole = thin + frozen
    some = whole > 0.0
    left = jnp.where(some, (thin_left + frozen) / jnp.where(some, whole, 1.0), 1.0)
    without = jnp.where(frozen > 0.0, whole / DENICE, s.snow_depth) * left
    return jnp.where(has_snow, on_layers, without)
