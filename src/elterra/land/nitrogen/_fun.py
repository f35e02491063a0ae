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

    def of_kind(kind: jax.Array, kc: jax.Array, kn: jax.Array) -> tuple[jax.Array, ...]:
        roots = rootfr * (s.frootc * kind)
        nh4_there, no3_there = nh4[:, None, :] * kind, no3[:, None, :] * kind
        a_nh4, a_no3 = (uptake_conductance(n, roots, kn, kc) for n in (nh4_there, no3_there))
        b_nh4, b_no3 = (
            uptake_conductance(n, roots, p.kn_nonmyc, p.kc_nonmyc) for n in (nh4_there, no3_there)
        )
        nh4_sum, nh4_square = a_nh4 + b_nh4, a_nh4 * a_nh4 + b_nh4 * b_nh4
        no3_sum, no3_square = a_no3 + b_no3, a_no3 * a_no3 + b_no3 * b_no3
        soil_sum, soil_square = jnp.sum(nh4_sum + no3_sum, axis=0), jnp.sum(nh4_square + no3_square, axis=0)

        def of_share(share: jax.Array, fixes: jax.Array) -> tuple[jax.Array, ...]:
            total, square = soil_sum + fixes * fix_sum, soil_square + fixes * fix_square
            resistance = total / square
            part = kind * share
            purse = m.purse * part
            back = retranslocate(m.falling_c * part, m.falling_n * part, purse, use, resistance, p.leafcn)
            purse = jnp.maximum(purse - back.spent - back.paid * use, 0.0)

            bought = _appetite(p, s, resistance)
            more = jnp.minimum(purse * (1.0 - bought), purse / building)  # grows without nitrogen
            purse = purse - more * building
            per_way = bought * purse / (use / resistance + 1.0) / total
            got_nh4, cost_nh4 = _harvest(per_way, nh4_sum, nh4_square, nh4_there * share)
            got_no3, cost_no3 = _harvest(per_way, no3_sum, no3_square, no3_there * share)
            spent = cost_nh4 + cost_no3
            per_fix = fixes * per_way
            fixed, spent_fix = per_fix * fix_square, per_fix * fix_sum
            return got_nh4, got_no3, fixed, back.free, back.paid, spent, spent_fix, back.spent, more

        shares = jnp.stack([p.fun_fracfixers, 1.0 - p.fun_fracfixers])
        return jax.vmap(of_share)(shares, jnp.array([1.0, 0.0]))

    # both kinds and shares side by side: one program of a quarter of the size
    each = jax.vmap(of_kind)(
        jnp.stack([p.perecm, 1.0 - p.perecm]),
        jnp.stack([p.ekc_active, p.akc_active]),
        jnp.stack([p.ekn_active, p.akn_active]),
    )
    take_nh4, take_no3, fixed, free, paid, spent_soil, spent_fix, spent_retrans, excess = (
        jnp.sum(x, axis=(0, 1)) for x in each
    )
    bought_n = jnp.sum(take_nh4 + take_no3, axis=0) + fixed + paid
    growth = bought_n * m.plant_cn + excess
    burned = m.purse - (growth * building + spent_soil + spent_fix + spent_retrans)
    return Purchase(
        take_nh4, take_no3, fixed, free, paid, spent_soil, spent_fix, spent_retrans, growth, burned
    )
