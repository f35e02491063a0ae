"""Carbon for growth, demand for nitrogen, and allocation to tissues of fixed C:N (CLM5.0 tech note
CN_Allocation; the scheme of CLM4.5, Thornton et al. 2007, in which nitrogen shortage lowers gross
photosynthesis)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.config import Config
from elterra.land.constants import SECSPDAY
from elterra.land.fields import Fields


class Demand(NamedTuple):
    """What plants would do with the carbon they have; g m-2 s-1 ``[patch, column]``."""

    availc: jax.Array  #: carbon for new growth
    to_xsmrpool: jax.Array  #: repayment of the respiration debt
    xsmr: jax.Array  #: maintenance respiration not covered by photosynthesis
    ndemand: jax.Array  #: nitrogen wanted from the soil
    retrans: jax.Array  #: nitrogen taken from the retranslocated pool
    weights: jax.Array  #: carbon to tissue per carbon to leaf ``[tissue, patch, column]``
    nc: jax.Array  #: N:C of new tissue ``[tissue, patch, column]``
    c_allometry: jax.Array
    n_allometry: jax.Array


class Growth(NamedTuple):
    """Allocation after the competition for nitrogen; g m-2 s-1."""

    gpp: jax.Array  #: gross photosynthesis that nitrogen permits ``[patch, column]``
    downreg: jax.Array  #: fraction of the potential that is lost ``[patch, column]``
    shown_c: jax.Array  #: ``[tissue, patch, column]`` to displayed pools
    storage_c: jax.Array
    shown_n: jax.Array
    storage_n: jax.Array
    gresp_storage: jax.Array  #: growth respiration put by ``[patch, column]``
    growth_respiration: jax.Array  #: paid now ``[patch, column]``
    n_uptake: jax.Array  #: nitrogen taken up ``[patch, column]``
    npool: jax.Array  #: change of the nitrogen in passage in the step, gN m-2 ``[patch, column]``


def _tissue_weights(p: Fields) -> tuple[jax.Array, jax.Array]:
    stem = jnp.where(p.woody > 0.5, p.stem_leaf, 0.0)
    root = p.croot_stem * stem
    live = p.flivewd
    weights = jnp.stack(
        [jnp.ones_like(stem), p.froot_leaf, stem * live, stem * (1 - live), root * live, root * (1 - live)]
    )
    ratios = jnp.stack([p.leafcn, p.frootcn, p.livewdcn, p.deadwdcn, p.livewdcn, p.deadwdcn])
    return weights, jnp.where(ratios > 0.0, 1.0 / jnp.where(ratios > 0.0, ratios, 1.0), 0.0)


def nitrogen_demand(p: Fields, s: Fields, gpp: jax.Array, mr: jax.Array, cfg: Config) -> Demand:
    """Carbon left after maintenance respiration and the nitrogen needed to build tissue of it.

    ``gpp`` is the potential (not nitrogen-limited) gross photosynthesis, ``mr`` total maintenance
    respiration, gC m-2 s-1 ``[patch, column]``. A respiration debt (``xsmrpool`` < 0) is repaid first, over
    ``dayscrecover``. Retranslocated nitrogen is used in proportion to potential GPP, half of last year's
    maximum in a year.
    """
    surplus = gpp - mr
    xsmr = jnp.maximum(-surplus, 0.0)
    availc = jnp.maximum(surplus, 0.0)
    debt = jnp.maximum(-s.xsmrpool, 0.0) / (p.dayscrecover * SECSPDAY)
    to_xsmrpool = jnp.minimum(debt, availc)
    availc = availc - to_xsmrpool
    weights, nc = _tissue_weights(p)
    c_allometry = (1.0 + p.grperc) * jnp.sum(weights, axis=0)
    n_allometry = jnp.sum(weights * nc, axis=0)
    wanted = availc * n_allometry / c_allometry
    yearly = jnp.where(s.annsum_potential_gpp > 0.0, s.annsum_potential_gpp, 1.0)
    offered = jnp.where(s.annsum_potential_gpp > 0.0, 0.5 * s.annmax_retransn * gpp / yearly, 0.0)
    offered = jnp.minimum(offered, jnp.maximum(s.retransn, 0.0) / cfg.dt)
    retrans = jnp.minimum(wanted, offered)
    return Demand(availc, to_xsmrpool, xsmr, wanted - retrans, retrans, weights, nc, c_allometry, n_allometry)


def allocate(p: Fields, gpp: jax.Array, d: Demand, fpg: jax.Array) -> Growth:
    """Build tissue with the nitrogen obtained. ``fpg`` ``[column]`` is the met fraction of the soil demand.

    Carbon that finds no nitrogen has not been fixed: GPP is reduced by it.
    """
    uptake = d.ndemand * fpg
    calloc = (uptake + d.retrans) * d.c_allometry / d.n_allometry
    lost = d.availc - calloc
    actual = gpp - lost
    leaf = calloc / d.c_allometry
    tissue = leaf * d.weights
    shown = tissue * p.fcur
    storage = tissue * (1.0 - p.fcur)
    stored = jnp.sum(storage, axis=0)
    return Growth(
        gpp=actual,
        downreg=jnp.where(gpp > 0.0, lost / jnp.where(gpp > 0.0, gpp, 1.0), 0.0),
        shown_c=shown,
        storage_c=storage,
        shown_n=shown * d.nc,
        storage_n=storage * d.nc,
        gresp_storage=p.grperc * (1.0 - p.grpnow) * stored,
        growth_respiration=p.grperc * (jnp.sum(shown, axis=0) + p.grpnow * stored),
        n_uptake=uptake,
        npool=jnp.zeros_like(uptake),
    )
