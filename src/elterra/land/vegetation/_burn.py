"""Fire on the pools: fuel, combustion, death of tissue, litter and debris (order of CLM's CNFireFluxes, CStateUpdate3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land import fire
from elterra.land.config import NLEVSOI, Config
from elterra.land.decomposition import acceleration
from elterra.land.fields import Fields
from elterra.land.fire import Fuel
from elterra.land.mortality import litter_to_soil
from elterra.land.vegetation._pools import (
    CWD,
    DEADCROOT,
    DEADSTEM,
    FROOT,
    LEAF,
    LIVECROOT,
    LIVESTEM,
    SOIL1,
    stack,
    to_column,
    unstack,
)

_ABOVE, _BELOW = (LEAF, LIVESTEM, DEADSTEM), (FROOT, LIVECROOT, DEADCROOT)


class Left(NamedTuple):
    """What a fire leaves, and what it takes."""

    plants: dict[str, jax.Array]  #: vegetation pools
    c: jax.Array  #: ``[pool, soil_layer, column]``
    n: jax.Array
    state: dict[str, jax.Array]  #: memories of fire
    closs: jax.Array  #: carbon to the air, gC m-2 s-1 ``[column]``
    nloss: jax.Array  #: nitrogen to the air, gN m-2 s-1 ``[column]``
    out: dict[str, jax.Array]  #: results by the name of the product


def fuel_of(p: Fields, plants: Mapping[str, jax.Array], c: jax.Array) -> Fuel:
    """Fuel in the pools. In accelerated decomposition wood counts with its normal amount."""
    shown, storage, xfer = stack(plants, "c")
    held = shown + storage + xfer
    wood = (p.accel_deadwood - 1.0) * shown[DEADSTEM]
    roots = held[FROOT] + held[LIVECROOT] + held[DEADCROOT]
    loose = plants["gresp_storage"] + plants["gresp_xfer"] + plants["cpool"]
    above = held[LEAF] + held[LIVESTEM] + held[DEADSTEM] + wood + loose
    pools = jnp.sum(c * p.dzsoi[:NLEVSOI], axis=1)
    return Fuel(
        plants=above + jnp.where(p.pft >= fire.FIRST_CROP, roots, 0.0),
        leaf=held[LEAF],
        leaf_shown=shown[LEAF],
        litter=jnp.sum(pools[:CWD], axis=0),
        debris=pools[CWD] * acceleration(p)[CWD],
    )


def _sum(rows: jax.Array, which: tuple[int, ...]) -> jax.Array:
    return sum((rows[i] for i in which[1:]), rows[which[0]])


def burn(
    p: Fields,
    s: Fields,
    f: Fields,
    drv: Fields,
    plants: Mapping[str, jax.Array],
    c: jax.Array,
    n: jax.Array,
    surface: jax.Array,
    roots: jax.Array,
    cfg: Config,
) -> Left:
    """Burn for one step, after growth, mortality and decomposition.

    ``plants``, ``c``, ``n`` are the pools as the other processes left them, ``s`` the state at the start (memories);
    ``surface`` and ``roots`` the profiles of litter. Results by the name of the product (``COL_FIRE_CLOSS``, ...).
    """
    area = fire.burned_area(p, s, f, drv, fuel_of(p, plants, c), cfg)
    share = fire.fire_shares(p)
    on = jnp.where(p.pft >= fire.FIRST_CROP, area.crop, area.natural)
    # dead wood of an accelerated spin-up stands for more than it is
    on_wood = jnp.minimum(on * p.accel_deadwood, 1.0)
    ground = jnp.stack([on, on, on, on_wood, on, on_wood])
    none = jnp.zeros_like(on)

    def through(element: str) -> tuple[dict[str, jax.Array], jax.Array, dict[str, jax.Array]]:
        shown, storage, xfer = stack(plants, element)
        gone, dead = ground * share.burnt * shown, ground * share.killed * shown
        stem = on * share.stem_turned * shown[LIVESTEM]
        croot = on * share.croot_turned * shown[LIVECROOT]
        turned = jnp.stack([none, none, -stem, stem, -croot, croot])
        air, litter = on * share.stored_burnt, on * share.stored_killed
        loose = ("gresp_storage", "gresp_xfer") if element == "c" else ("retransn",)
        new = unstack(
            shown - gone - dead + turned,
            storage - (air + litter) * storage,
            xfer - (air + litter) * xfer,
            element,
        )
        new |= {name: plants[name] - (air + litter) * plants[name] for name in loose}
        rest = sum((plants[name] for name in loose[1:]), plants[loose[0]])
        held = storage + xfer
        lost = jnp.sum(gone, axis=0) + air * (jnp.sum(held, axis=0) + rest)
        fallen = {
            "leaf": dead[LEAF],
            "froot": dead[FROOT],
            "stem": dead[LIVESTEM] + dead[DEADSTEM],
            "croot": dead[LIVECROOT] + dead[DEADCROOT],
            "labile_above": litter * (_sum(held, _ABOVE) + rest),
            "labile_below": litter * _sum(held, _BELOW),
        }
        return new, lost, fallen

    dz = p.dzsoi[:NLEVSOI]
    litter_part = area.column * p.cmb_cmplt_fact_litter
    debris_part = area.uncropped * p.cmb_cmplt_fact_cwd
    zero = jnp.zeros_like(litter_part)
    parts = jnp.stack([*(litter_part,) * CWD, debris_part, *(zero,) * (c.shape[0] - SOIL1)])[:, None, :]

    def soil(pools: jax.Array, fallen: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        gone = parts * pools
        came = litter_to_soil(p, surface, roots, **fallen)
        came = jnp.concatenate([came, jnp.zeros_like(pools[SOIL1:])])
        return pools - gone + came, jnp.sum(gone * dz, axis=(0, 1))

    new_c, lost_c, fallen_c = through("c")
    new_n, lost_n, fallen_n = through("n")
    soil_carbon = jnp.sum(c[SOIL1:] * dz, axis=(0, 1))
    c, gone_c = soil(c, fallen_c)
    n, gone_n = soil(n, fallen_n)
    closs = (to_column(p, lost_c) + gone_c) / cfg.dt
    nloss = (to_column(p, lost_n) + gone_n) / cfg.dt
    out = {
        "COL_FIRE_CLOSS": closs,
        "COL_FIRE_NLOSS": nloss,
        "FAREA_BURNED": area.farea_burned,
        "NFIRE": area.nfire,
        "BAF_CROP": area.baf_crop,
        "BAF_PEATF": area.baf_peatf,
        "SOMC_FIRE": fire.peat_emission(p, soil_carbon, area.baf_peatf),
        "FUELC": area.fuelc,
    }
    state = fire.update_memory(s, f, area.burndate, cfg)
    return Left({**plants, **new_c, **new_n}, c, n, state, closs, nloss, out)
