"""Carbon that plants spend on nitrogen, and where (CLM5.0 tech note, Fixation and Uptake of Nitrogen)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.fields import Fields
from elterra.land.nitrogen._costs import fixation_conductance, uptake_conductance
from elterra.land.nitrogen._retranslocation import retranslocate

_LEAST_SHARE = 0.5  # of the wanted nitrogen, bought at any price (CLM5.0 source, CNFUNMod)
_DEFICIT_WEIGHT = 0.5  # how much a surplus of leaf nitrogen lowers the share bought


class Market(NamedTuple):
    """What a plant brings to the market; g m-2 in the step ``[patch, column]``."""

    purse: jax.Array  #: carbon for growth, growth respiration and nitrogen
    plant_cn: jax.Array  #: C:N of new tissue as a whole
    falling_c: jax.Array  #: carbon of leaves that fall and may be emptied
    falling_n: jax.Array  #: their nitrogen


class Purchase(NamedTuple):
    """What it took home; g m-2 in the step ``[patch, column]`` unless said."""

    nh4: jax.Array  #: ammonium from the soil ``[soil_layer, patch, column]``
    no3: jax.Array  #: nitrate from the soil ``[soil_layer, patch, column]``
    fixed: jax.Array
    free: jax.Array  #: from falling leaves, at no cost
    paid: jax.Array  #: from falling leaves, paid
    spent_soil: jax.Array  #: carbon
    spent_fixation: jax.Array
    spent_retranslocation: jax.Array
    growth: jax.Array  #: carbon for tissue, without growth respiration
    burned: jax.Array  #: carbon without use, respired

    @property
    def nitrogen(self) -> jax.Array:
        return jnp.sum(self.nh4 + self.no3, axis=0) + self.fixed + self.free + self.paid

    @property
    def spent(self) -> jax.Array:
        return self.spent_soil + self.spent_fixation + self.spent_retranslocation + self.burned


def _appetite(p: Fields, s: Fields, resistance: jax.Array) -> jax.Array:
    """Share of the wanted nitrogen that is bought: less where it is dear (tissue C:N then rises), more where
    leaves lack it. Between one half and one."""
    shown, held = s.leafc + s.leafc_storage, s.leafn + s.leafn_storage
    some = held > 0.0
    lack = jnp.where(some, shown / jnp.where(some, held, 1.0) - p.leafcn, p.fun_cn_flex_c) / p.fun_cn_flex_c
    share = jnp.clip(1.0 - (resistance - p.fun_cn_flex_a) / p.fun_cn_flex_b, 0.0, None)
    share = jnp.where(
        lack > 0.0,
        share + jnp.maximum(1.0 - share, 0.0) * jnp.minimum(lack, 1.0),
        share + _DEFICIT_WEIGHT * lack,
    )
    return jnp.clip(share, _LEAST_SHARE, 1.0)


def _harvest(
    per_way: jax.Array, conductance: jax.Array, square: jax.Array, limit: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Nitrogen of each layer ``[soil_layer, patch, column]`` and what it cost ``[patch, column]``, where a carbon
    goes to each way in proportion to its conductance; not more than the ``limit``, and then paid less."""
    wanted = per_way * square
    short = wanted > limit
    met = jnp.where(short, limit / jnp.where(short, wanted, 1.0), 1.0)
    return wanted * met, jnp.sum(per_way * conductance * met, axis=0)


def buy_nitrogen(
    p: Fields, s: Fields, m: Market, nh4: jax.Array, no3: jax.Array, t_soil: jax.Array
) -> Purchase:
    """Split carbon between growth and nitrogen so that both fit the C:N of the plant.

    ``nh4``, ``no3``: mineral nitrogen that decomposers and microbes leave to plants, gN m-2 in the step
    ``[soil_layer, column]``; ``t_soil`` K ``[soil_layer, column]``.

    Plants trade in parallel with and without mycorrhiza (two kinds), in every layer, for ammonium and for
    nitrate; part of them (``fun_fracfixers``) also fix. Carbon goes to the ways in proportion to the nitrogen
    a carbon buys there (conductances in parallel). Falling leaves are emptied first, as far as they are cheaper
    than the soil. What cannot be bought because a layer is empty is respired (``burned``).

    CLM5.0 as of its reference code: passive uptake with transpiration is zero (it stands in the tech note).
    """
    rootfr = p.crootfr[:NLEVSOI]
    fixing = fixation_conductance(p, t_soil, rootfr)
    fix_sum, fix_square = jnp.sum(fixing, axis=0), jnp.sum(fixing * fixing, axis=0)
    building = 1.0 + p.grperc
    use = m.plant_cn * building
    nothing = jnp.zeros_like(m.purse)
    take_nh4, take_no3 = jnp.zeros_like(rootfr), jnp.zeros_like(rootfr)
    fixed = free = paid = spent_soil = spent_fix = spent_retrans = excess = nothing

    for kind, kc, kn in (
        (p.perecm, p.ekc_active, p.ekn_active),
        (1.0 - p.perecm, p.akc_active, p.akn_active),
    ):
        roots = rootfr * (s.frootc * kind)
        on_offer = [x[:, None, :] * kind for x in (nh4, no3)]
        ways = [
            (uptake_conductance(n, roots, kn, kc), uptake_conductance(n, roots, p.kn_nonmyc, p.kc_nonmyc))
            for n in on_offer
        ]
        soil_sums = [a + b for a, b in ways]
        soil_squares = [a * a + b * b for a, b in ways]
        soil_sum = jnp.sum(soil_sums[0] + soil_sums[1], axis=0)
        soil_square = jnp.sum(soil_squares[0] + soil_squares[1], axis=0)
        for share, fixes in ((p.fun_fracfixers, True), (1.0 - p.fun_fracfixers, False)):
            total = soil_sum + fix_sum if fixes else soil_sum
            square = soil_square + fix_square if fixes else soil_square
            resistance = total / square
            part = kind * share
            purse = m.purse * part
            back = retranslocate(m.falling_c * part, m.falling_n * part, purse, use, resistance, p.leafcn)
            purse = jnp.maximum(purse - back.spent - back.paid * use, 0.0)

            bought = _appetite(p, s, resistance)
            more = jnp.minimum(purse * (1.0 - bought), purse / building)  # grows without nitrogen
            purse = purse - more * building
            pay = bought * purse / (use / resistance + 1.0)
            per_way = pay / total

            got_nh4, cost_nh4 = _harvest(per_way, soil_sums[0], soil_squares[0], on_offer[0] * share)
            got_no3, cost_no3 = _harvest(per_way, soil_sums[1], soil_squares[1], on_offer[1] * share)
            take_nh4, take_no3 = take_nh4 + got_nh4, take_no3 + got_no3
            spent_soil = spent_soil + cost_nh4 + cost_no3
            if fixes:
                fixed = fixed + per_way * fix_square
                spent_fix = spent_fix + per_way * fix_sum
            free, paid = free + back.free, paid + back.paid
            spent_retrans = spent_retrans + back.spent
            excess = excess + more

    bought_n = jnp.sum(take_nh4 + take_no3, axis=0) + fixed + paid
    growth = bought_n * m.plant_cn + excess
    burned = m.purse - (growth * building + spent_soil + spent_fix + spent_retrans)
    return Purchase(
        take_nh4, take_no3, fixed, free, paid, spent_soil, spent_fix, spent_retrans, growth, burned
    )
