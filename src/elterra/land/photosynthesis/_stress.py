"""Soil-water stress of transpiration and photosynthesis, without plant hydraulics."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land import constants as c
from elterra.land.config import NLEVSOI, Config
from elterra.land.fields import Fields

T_UPTAKE_STOPS = c.TFRZ - 2.0  #: K, roots take up no water from colder soil


def soil_moisture_stress(p: Fields, s: Fields, cfg: Config) -> tuple[jax.Array, jax.Array]:
    """``(btran, rootr)``: stress factor 0..1 `[patch, column]`, uptake shares `[soil_layer, patch, column]`.

    The wilting factor of a layer falls linearly from 1 at matric potential ``p.smpso`` to 0 at
    ``p.smpsc`` (mm), is scaled by the part of the pores that ice leaves open, and is 0 below -2 degC;
    ``btran`` is its root-weighted sum (CLM4.5 tech note, section 8.4; in CLM5.0 the option without
    plant hydraulics). ``rootr`` sums to 1 where ``btran`` > 0 and is 0 elsewhere.
    """
    soil = slice(cfg.nlevsno, cfg.nlevsno + NLEVSOI)
    dz, watsat = p.dzsoi[:NLEVSOI], p.watsat[:NLEVSOI]
    vol_ice = jnp.minimum(watsat, s.h2osoi_ice[soil] / (dz * c.DENICE))
    open_pores = jnp.maximum(watsat - vol_ice, 1.0e-6)  # a full layer has no liquid either: see `takes_up`
    vol_liq = jnp.minimum(open_pores, s.h2osoi_liq[soil] / (dz * c.DENH2O))
    wetness = jnp.maximum(vol_liq / open_pores, 0.01)
    smp = -p.sucsat[:NLEVSOI] * jnp.exp(-p.bsw[:NLEVSOI] * jnp.log(wetness))
    takes_up = (s.h2osoi_liq[soil] > 0.0) & (watsat > vol_ice) & (s.t_soisno[soil] > T_UPTAKE_STOPS)
    share_open = jnp.where(takes_up, open_pores / watsat, 0.0)
    rise = (jnp.maximum(smp[:, None], p.smpsc) - p.smpsc) / jnp.where(
        p.smpso > p.smpsc, p.smpso - p.smpsc, 1.0
    )
    uptake = p.rootfr * jnp.minimum(share_open[:, None] * rise, 1.0)
    btran = uptake.sum(axis=0)
    rootr = uptake / jnp.where(btran > 0.0, btran, 1.0)
    return btran, rootr
