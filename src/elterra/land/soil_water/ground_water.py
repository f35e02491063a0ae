"""All water below the canopy in one step, and the water total of a column."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.snow import snow_water
from elterra.land.soil_water._hydrology import soil_hydrology


def total_water(p: Fields, s: Fields, cfg: Config) -> jax.Array:
    """All water of a column, kg m-2 [column]: canopy, snow, surface store, soil and rock liquid and ice."""
    canopy = jnp.sum(p.wt * (s.liqcan + s.snocan), axis=0)
    layer = jnp.arange(cfg.nlevtot)[:, None]
    counted = layer >= cfg.nlevsno - s.snl
    ground = jnp.sum(jnp.where(counted, s.h2osoi_liq + s.h2osoi_ice, 0.0), axis=0)
    return canopy + ground + s.h2osno_no_layers + s.h2osfc


def ground_water(
    p: Fields,
    s: Fields,
    f: Fields,
    wet: Fields,
    fall: Fields,
    flx: Fields,
    en: Fields,
    cfg: Config,
) -> tuple[Fields, Fields]:
    """Snow pack, then soil: :func:`snow_water` and :func:`soil_hydrology`, with their results merged.

    The evaporation contract is that of :func:`elterra.land.snow.snow_water`: ``en.qflx_ev_snow``, ``qflx_ev_soil``,
    ``qflx_ev_h2osfc`` are applied here, once; the fluxes of liquid and ice of the top layer say how they are shared.
    ``qflx_runoff`` includes the capped snow. With canopy water constant, over the step

        d(total_water)/dt = qflx_liq_grnd + melt of layerless snow (already out of ``s``)
            - qflx_evap_soi - sum(p.wt * qflx_tran_veg) - qflx_runoff + qflx_evap_deficit

    to round-off (kg m-2 s-1) when ``root_uptake`` sums to ``qflx_tran_veg`` over the layers. The snow of the step is on the
    ground already (``fall`` is what `snowfall` gave).

    Adds ``total_water`` (kg m-2 [column], all water after the step).
    """
    s, snow = snow_water(p, s, f, wet, fall, en, cfg)
    s, soil = soil_hydrology(p, s, flx, snow, cfg)
    out = Fields({**snow, **soil}).replace(qflx_runoff=soil.qflx_runoff + snow.qflx_snwcp)
    return s, out.add(total_water=total_water(p, s, cfg))
