"""The cascade of litter and soil pools: potential fluxes, immobilisation, actual fluxes (CLM5.0 tech note,
Decomposition; CLM's SoilBiogeochemDecompCascadeBGC, SoilBiogeochemPotential, SoilBiogeochemDecomp)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.fields import Fields

L1, L2, L3, CW, S1, S2, S3 = range(7)

#: (donor, receiver) of the ten steps
TRANSITIONS = (
    (L1, S1),
    (L2, S1),
    (L3, S2),
    (S1, S2),
    (S1, S3),
    (S2, S1),
    (S2, S3),
    (S3, S1),
    (CW, L2),
    (CW, L3),
)


class Cascade(NamedTuple):
    """Constants of the ten steps; each entry broadcasts with ``[soil_layer, column]``."""

    respired: tuple[jax.Array, ...]  #: fraction of the carbon that is respired
    path: tuple[jax.Array, ...]  #: fraction of the donor's loss that takes this step
    receiver_nc: tuple[jax.Array | None, ...]  #: N:C of the receiver; None where it floats (litter)


class Potential(NamedTuple):
    """Fluxes not limited by nitrogen; ``[soil_layer, column]``, g m-3 s-1."""

    carbon: tuple[jax.Array, ...]  #: carbon that leaves the donor, per step
    mineral_n: tuple[jax.Array | None, ...]  #: nitrogen the step takes up (> 0) or frees (< 0)
    donor_nc: tuple[jax.Array, ...]  #: N:C of the seven pools
    immobilisation: jax.Array
    respiration: jax.Array


class Actual(NamedTuple):
    """Fluxes after the competition for nitrogen, g m-3 s-1."""

    dc: jax.Array  #: change of carbon ``[pool, soil_layer, column]``
    dn: jax.Array  #: change of organic nitrogen
    respiration: jax.Array  #: ``[soil_layer, column]``
    gross_mineralisation: jax.Array
    immobilisation: jax.Array
    loss: tuple[jax.Array, ...]  #: carbon loss of the seven pools


def cascade(p: Fields) -> Cascade:
    """Respired fractions, paths and stoichiometry; the active pool's depend on the sand content."""
    t = 0.85 - 0.68 * 0.01 * (100.0 - p.sand[:NLEVSOI])
    s1s3 = 0.004 / (1.0 - t)
    one = jnp.ones_like(p.cn_s1)
    s2s1 = one * (0.42 / 0.45)
    respired = (p.rf_l1s1, p.rf_l2s1, p.rf_l3s2, t, t, p.rf_s2s1, p.rf_s2s3, p.rf_s3s1, 0.0 * one, 0.0 * one)
    path = (one, one, one, 1.0 - s1s3, s1s3, s2s1, 1.0 - s2s1, one, p.cwd_fcel, 1.0 - p.cwd_fcel)
    nc = {S1: 1.0 / p.cn_s1, S2: 1.0 / p.cn_s2, S3: 1.0 / p.cn_s3}
    return Cascade(respired, path, tuple(nc.get(receiver) for _, receiver in TRANSITIONS))


def potential_decomposition(con: Cascade, c: jax.Array, n: jax.Array, k: jax.Array) -> Potential:
    """Decomposition if nitrogen were plentiful.

    ``c``, ``n`` g m-3 and rates ``k`` s-1, all ``[pool, soil_layer, column]``. The N:C of every donor is
    that of
    its state, also of the soil pools (CLM uses the nominal one), so that no state can lose nitrogen it lacks.
    """
    donor_nc = tuple(jnp.where(c[i] > 0.0, n[i] / jnp.where(c[i] > 0.0, c[i], 1.0), 0.0) for i in range(7))
    carbon: list[jax.Array] = []
    mineral: list[jax.Array | None] = []
    immobilisation = jnp.zeros_like(c[0])
    respiration = jnp.zeros_like(c[0])
    for (donor, _), rf, path, nc in zip(TRANSITIONS, con.respired, con.path, con.receiver_nc, strict=True):
        loss = c[donor] * k[donor] * path
        carbon.append(loss)
        respiration = respiration + rf * loss
        if nc is None:
            mineral.append(None)
        else:
            taken = loss * ((1.0 - rf) * nc - donor_nc[donor])
            mineral.append(taken)
            immobilisation = immobilisation + jnp.maximum(taken, 0.0)
    return Potential(tuple(carbon), tuple(mineral), donor_nc, immobilisation, respiration)


def actual_fluxes(con: Cascade, pot: Potential, fpi: jax.Array) -> Actual:
    """Slow the steps that immobilise nitrogen to the fraction ``fpi`` ``[soil_layer, column]`` of their
    demand.

    Carbon: what leaves the pools is respired or arrives. Nitrogen: what leaves organic pools is
    mineralised, what is immobilised joins the receiver; organic change plus net mineralisation is zero.
    """
    zero = jnp.zeros_like(fpi)
    dc, dn, loss = [zero] * 7, [zero] * 7, [zero] * 7
    respiration, gross, immobilised = zero, zero, zero
    for i, (donor, receiver) in enumerate(TRANSITIONS):
        carbon, mineral = pot.carbon[i], pot.mineral_n[i]
        if mineral is not None:
            limit = jnp.where(mineral > 0.0, fpi, 1.0)
            carbon, mineral = carbon * limit, mineral * limit
            gross = gross + jnp.maximum(-mineral, 0.0)
            immobilised = immobilised + jnp.maximum(mineral, 0.0)
        respired = con.respired[i] * carbon
        nitrogen = carbon * pot.donor_nc[donor]
        respiration = respiration + respired
        loss[donor] = loss[donor] + carbon
        dc[donor] = dc[donor] - carbon
        dc[receiver] = dc[receiver] + (carbon - respired)
        dn[donor] = dn[donor] - nitrogen
        dn[receiver] = dn[receiver] + (nitrogen if mineral is None else nitrogen + mineral)
    return Actual(jnp.stack(dc), jnp.stack(dn), respiration, gross, immobilised, tuple(loss))
