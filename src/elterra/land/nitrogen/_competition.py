"""Competition of plants, decomposers, nitrifiers and denitrifiers for mineral nitrogen (CLM's
SoilBiogeochemCompetition, without and with FUN)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.fields import Fields


class Competition(NamedTuple):
    """gN m-3 s-1 ``[soil_layer, column]`` unless said."""

    immob_nh4: jax.Array
    immob_no3: jax.Array
    plant_nh4: jax.Array
    plant_no3: jax.Array
    nitrification: jax.Array
    denitrification: jax.Array
    fpi: jax.Array  #: met fraction of the immobilisation demand (1 without demand)
    fpg: jax.Array  #: met fraction of the plants' demand ``[column]`` (1 without demand)
    uptake: jax.Array  #: gN m-2 s-1 ``[column]``


def _share(
    available: jax.Array, demands: tuple[jax.Array, ...], strength: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """Demands in full where their sum is available, else in proportion to demand times strength, never more
    than the demand. The sum never exceeds ``available`` by more than round-off."""
    total = sum(demands[1:], demands[0])
    scaled = [d * w for d, w in zip(demands, strength, strict=True)]
    weighted = sum(scaled[1:], scaled[0])
    plenty = total < available
    per = available / jnp.where(weighted > 0.0, weighted, 1.0)
    return tuple(
        jnp.where(plenty, d, jnp.where(weighted > 0.0, jnp.minimum(per * x, d), 0.0))
        for d, x in zip(demands, scaled, strict=True)
    )


class Offer(NamedTuple):
    """What decomposers and microbes take, and what they leave to plants that buy nitrogen (`buy_nitrogen`).
    gN m-3 s-1 ``[soil_layer, column]`` unless said."""

    immob_nh4: jax.Array
    immob_no3: jax.Array
    nitrification: jax.Array
    denitrification: jax.Array
    left_nh4: jax.Array
    left_no3: jax.Array
    fpi: jax.Array  #: met fraction of the immobilisation demand (1 without demand)


def _uptake_profile(p: Fields, mineral: jax.Array, empty_profile: jax.Array) -> jax.Array:
    """Where plants want nitrogen (m-1): where it is, or ``empty_profile`` where there is none."""
    total = jnp.sum(mineral * p.dzsoi[:NLEVSOI], axis=0)
    return jnp.where(total > 0.0, mineral / jnp.where(total > 0.0, total, 1.0), empty_profile)


def _met(got: jax.Array, wanted: jax.Array) -> jax.Array:
    some = wanted > 0.0
    return jnp.where(some, got / jnp.where(some, wanted, 1.0), 1.0)


def _ammonium_round(
    p: Fields,
    nh4: jax.Array,
    no3: jax.Array,
    plant_demand: jax.Array,
    immobilisation: jax.Array,
    nitrification: jax.Array,
    empty_profile: jax.Array,
    dt: float,
) -> tuple[jax.Array, jax.Array, jax.Array, tuple[jax.Array, ...]]:
    """Demand of plants by layer, ammonium and nitrate to be had (gN m-3 s-1), and shares of ammonium: plants,
    decomposers, nitrifiers. Arguments as for `compete`."""
    nh4, no3 = jnp.maximum(nh4, 0.0), jnp.maximum(no3, 0.0)
    wanted = plant_demand * _uptake_profile(p, nh4 + no3, empty_profile)
    shares = _share(
        nh4 / dt,
        (wanted, immobilisation, nitrification),
        (p.compet_plant_nh4, p.compet_decomp_nh4, p.compet_nit),
    )
    return wanted, nh4 / dt, no3 / dt, shares


def offer(
    p: Fields,
    nh4: jax.Array,
    no3: jax.Array,
    plant_demand: jax.Array,
    immobilisation: jax.Array,
    nitrification: jax.Array,
    denitrification: jax.Array,
    empty_profile: jax.Array,
    dt: float,
) -> Offer:
    """Shares of decomposers, nitrifiers and denitrifiers, with the plants' demand as a rival, and the rest.

    Arguments as for `compete`. Plants enter both rounds with their whole demand, and may then buy all that is
    left.
    """
    wanted, nh4_rate, no3_rate, (_, immob_nh4, nitrified) = _ammonium_round(
        p, nh4, no3, plant_demand, immobilisation, nitrification, empty_profile, dt
    )
    _, immob_no3, denitrified = _share(
        no3_rate,
        (wanted, jnp.maximum(immobilisation - immob_nh4, 0.0), denitrification),
        (p.compet_plant_no3, p.compet_decomp_no3, p.compet_denit),
    )
    return Offer(
        immob_nh4,
        immob_no3,
        nitrified,
        denitrified,
        jnp.maximum(nh4_rate - immob_nh4 - nitrified, 0.0),
        jnp.maximum(no3_rate - immob_no3 - denitrified, 0.0),
        _met(immob_nh4 + immob_no3, immobilisation),
    )


def compete(
    p: Fields,
    nh4: jax.Array,
    no3: jax.Array,
    plant_demand: jax.Array,
    immobilisation: jax.Array,
    nitrification: jax.Array,
    denitrification: jax.Array,
    empty_profile: jax.Array,
    dt: float,
) -> Competition:
    """Who gets what in this step.

    ``nh4``, ``no3`` gN m-3; ``plant_demand`` gN m-2 s-1 ``[column]``; potential immobilisation,
    nitrification and
    denitrification gN m-3 s-1 ``[soil_layer, column]``. Plants spread their demand over depth as mineral
    nitrogen is (over ``empty_profile``, m-1, where there is none), first from ammonium, then from nitrate,
    and take what is left in layers where nobody lacked.

    In the second round CLM divides by the sum over the layers seen so far; here it is the sum over the
    column.
    """
    dz = p.dzsoi[:NLEVSOI]
    wanted, nh4_rate, no3_rate, (plant_nh4, immob_nh4, nitrified) = _ammonium_round(
        p, nh4, no3, plant_demand, immobilisation, nitrification, empty_profile, dt
    )
    # what ammonium left open; demands are not below zero but for round-off
    plant_no3, immob_no3, denitrified = _share(
        no3_rate,
        (jnp.maximum(wanted - plant_nh4, 0.0), jnp.maximum(immobilisation - immob_nh4, 0.0), denitrification),
        (p.compet_plant_no3, p.compet_decomp_no3, p.compet_denit),
    )

    def second_round(taken: jax.Array, left: jax.Array) -> jax.Array:
        lacking = jnp.maximum(plant_demand - jnp.sum(taken * dz, axis=0), 0.0)
        there = jnp.sum(left * dz, axis=0)
        return left * jnp.where(
            there > 0.0, jnp.minimum(lacking / jnp.where(there > 0.0, there, 1.0), 1.0), 0.0
        )

    left_nh4 = jnp.maximum(nh4_rate - plant_nh4 - immob_nh4 - nitrified, 0.0)
    plant_nh4 = plant_nh4 + second_round(plant_nh4 + plant_no3, left_nh4)
    left_no3 = jnp.maximum(no3_rate - plant_no3 - immob_no3 - denitrified, 0.0)
    plant_no3 = plant_no3 + second_round(plant_nh4 + plant_no3, left_no3)
    uptake = jnp.sum((plant_nh4 + plant_no3) * dz, axis=0)

    fpi = _met(immob_nh4 + immob_no3, immobilisation)
    fpg = jnp.minimum(_met(uptake, plant_demand), 1.0)
    return Competition(immob_nh4, immob_no3, plant_nh4, plant_no3, nitrified, denitrified, fpi, fpg, uptake)
