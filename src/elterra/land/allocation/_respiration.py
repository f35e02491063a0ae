"""Maintenance respiration of the living tissues (CLM5.0 tech note, Plant_Respiration; Ryan 1991)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.config import NLEVSOI
from elterra.land.constants import TFRZ
from elterra.land.fields import Fields

_T_REFERENCE = TFRZ + 20.0


def maintenance_respiration(p: Fields, s: Fields, drv: Fields) -> Fields:
    """gC m-2 s-1 ``[patch, column]``: ``leaf_mr`` (from the canopy), ``froot_mr``, ``livestem_mr``,
    ``livecroot_mr`` and their sum ``mr``.

    Nitrogen content times a base rate times Q10((T - 20 degC) / 10), with the 2 m temperature for stems and
    coarse roots and the temperature of each soil layer, weighted by the fraction of root carbon, for fine roots.
    """
    warming = 0.1 * jnp.log(p.q10_mr)
    air = jnp.exp(warming * (drv.t_ref2m - _T_REFERENCE))
    soil = jnp.exp(warming * (drv.t_soil - _T_REFERENCE))
    roots = jnp.sum(p.crootfr[:NLEVSOI] * soil[:, None, :], axis=0)
    woody = jnp.where(p.woody > 0.5, 1.0, 0.0)
    leaf: jax.Array = drv.lmr_c
    froot = s.frootn * p.br_root * roots
    livestem = woody * s.livestemn * p.br_mr * air
    livecroot = woody * s.livecrootn * p.br_root * air
    return Fields(
        leaf_mr=leaf,
        froot_mr=froot,
        livestem_mr=livestem,
        livecroot_mr=livecroot,
        mr=leaf + froot + livestem + livecroot,
    )
