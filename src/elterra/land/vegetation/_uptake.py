"""Who gets nitrogen and what plants build with it: the two schemes of `Config.nitrogen`, with one result."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land import nitrogen as nit
from elterra.land.allocation import (
    Demand,
    Growth,
    allocate,
    allocate_flexible,
    target_stoichiometry,
)
from elterra.land.config import NLEVSOI, Config
from elterra.land.fields import Fields
from elterra.land.vegetation._plants import Recovered, recovered_bought, recovered_fixed
from elterra.land.vegetation._pools import to_column


class Microbes(NamedTuple):
    """Potential fluxes of the soil, gN m-3 s-1 ``[soil_layer, column]``."""

    immobilisation: jax.Array
    nitrification: jax.Array
    denitrification: jax.Array


class Uptake(NamedTuple):
    """Result of `take_up`."""

    won: nit.Competition
    growth: Growth
    back: Recovered
    demand: jax.Array  #: of plants for mineral nitrogen, gN m-2 s-1 ``[column]``
    carbon_cost: jax.Array  #: carbon respired for nitrogen, gC m-2 s-1 ``[patch, column]``
    fixed: jax.Array  #: nitrogen fixed in symbiosis, gN m-2 s-1 ``[column]``
    out: dict[str, jax.Array]  #: outputs that only one scheme has


def take_up(
    p: Fields,
    s: Fields,
    moved: Fields,
    drv: Fields,
    gpp: jax.Array,
    demand: Demand,
    microbes: Microbes,
    root_column: jax.Array,
    cfg: Config,
) -> Uptake:
    """Competition for mineral nitrogen and growth. ``root_column`` (m-1 ``[soil_layer, column]``) says where
    plants look for nitrogen in a soil without any; the other arguments are those of `carbon_nitrogen`."""
    if cfg.nitrogen == "fun":
        return _buy(p, s, moved, drv, gpp, demand, microbes, root_column, cfg)
    return _compete(p, s, moved, gpp, demand, microbes, root_column, cfg)


def _compete(
    p: Fields,
    s: Fields,
    moved: Fields,
    gpp: jax.Array,
    demand: Demand,
    microbes: Microbes,
    root_column: jax.Array,
    cfg: Config,
) -> Uptake:
    wanted = to_column(p, demand.ndemand)
    won = nit.compete(p, s.smin_nh4, s.smin_no3, wanted, *microbes, root_column, cfg.dt)
    growth = allocate(p, gpp, demand, won.fpg)
    back = recovered_fixed(p, s, moved)
    return Uptake(won, growth, back, wanted, jnp.zeros_like(gpp), jnp.zeros_like(wanted), {})


def _buy(
    p: Fields,
    s: Fields,
    moved: Fields,
    drv: Fields,
    gpp: jax.Array,
    demand: Demand,
    microbes: Microbes,
    root_column: jax.Array,
    cfg: Config,
) -> Uptake:
    dt = cfg.dt
    dz = p.dzsoi[:NLEVSOI]
    target = target_stoichiometry(demand)
    wanted = to_column(p, target.ndemand)
    soil = nit.offer(p, s.smin_nh4, s.smin_no3, wanted, *microbes, root_column, dt)
    market = nit.Market(
        purse=demand.availc * dt,
        plant_cn=target.cn,
        falling_c=moved.resorbed * s.leafc,
        falling_n=moved.resorbed * s.leafn,
    )
    # plants drink: a layer without liquid water gives nothing
    wet = drv.h2osoi_liq[:NLEVSOI] > 0.0
    nh4_left, no3_left = (jnp.where(wet, x * dz * dt, 0.0) for x in (soil.left_nh4, soil.left_no3))
    got = nit.buy_nitrogen(p, s, market, nh4_left, no3_left, drv.t_soil)
    growth = allocate_flexible(p, s, gpp, demand, got.growth / dt, got.nitrogen / dt, cfg)
    nh4, no3 = (jnp.sum(x * p.wt, axis=1) / (dz * dt) for x in (got.nh4, got.no3))
    uptake = jnp.sum((nh4 + no3) * dz, axis=0)
    asked = wanted > 0.0
    won = nit.Competition(
        immob_nh4=soil.immob_nh4,
        immob_no3=soil.immob_no3,
        plant_nh4=nh4,
        plant_no3=no3,
        nitrification=soil.nitrification,
        denitrification=soil.denitrification,
        fpi=soil.fpi,
        fpg=jnp.where(asked, jnp.minimum(uptake / jnp.where(asked, wanted, 1.0), 1.0), 1.0),
        uptake=uptake,
    )
    fixed = to_column(p, got.fixed) / dt
    out = {
        "npp_nuptake": to_column(p, got.spent) / dt,
        "npp_nactive": to_column(p, got.spent_soil) / dt,
        "npp_nfix": to_column(p, got.spent_fixation) / dt,
        "npp_nretrans": to_column(p, got.spent_retranslocation) / dt,
        "npp_burnedoff": to_column(p, got.burned) / dt,
        "nactive": uptake,
        "nfix": fixed,
        "nretrans": to_column(p, got.free + got.paid) / dt,
    }
    back = recovered_bought(got.free + got.paid)
    return Uptake(won, growth, back, wanted, got.spent / dt, fixed, out)
