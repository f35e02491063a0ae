"""Allocation where plants buy nitrogen and tissue C:N floats (CLM5.0 tech note CN_Allocation; CLM's
NutrientCompetitionFlexibleCN with FUN)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.allocation._allocation import Demand, Growth
from elterra.land.config import Config
from elterra.land.fields import Fields


class Target(NamedTuple):
    """Of new tissue as a whole, ``[patch, column]``."""

    cn: jax.Array  #: C:N
    ndemand: jax.Array  #: nitrogen if all available carbon became tissue, gN m-2 s-1


def target_stoichiometry(d: Demand) -> Target:
    """C:N of new tissue without its growth respiration, and the demand by which plants enter the competition."""
    carbon = jnp.sum(d.weights, axis=0)
    cn = jnp.where(d.n_allometry > 0.0, carbon / jnp.where(d.n_allometry > 0.0, d.n_allometry, 1.0), 1.0)
    return Target(cn, d.availc / cn)


def allocate_flexible(
    p: Fields, s: Fields, gpp: jax.Array, d: Demand, growth: jax.Array, gain_n: jax.Array, cfg: Config
) -> Growth:
    """Build tissue of ``growth`` (gC m-2 s-1) and of all nitrogen that was in passage at the start of the step.

    Carbon is divided by fixed ratios, nitrogen in proportion to what each tissue would want at its target C:N,
    so that C:N of tissues floats. ``gain_n`` gN m-2 s-1 joins the pool in passage (``npool``) and is used in the
    next step; without growth the pool waits. Evergreen plants put all growth into storage and release it slowly
    (``storage_release``), others show ``fcur`` of it at once.
    """
    shown_part = jnp.where(p.evergreen > 0.5, 0.0, p.fcur)
    weights_c = d.weights / jnp.sum(d.weights, axis=0)
    wanted_n = d.weights * d.nc
    weights_n = wanted_n / jnp.where(d.n_allometry > 0.0, d.n_allometry, 1.0)
    tissue_c = growth * weights_c
    used = jnp.where(growth > 0.0, jnp.maximum(s.npool, 0.0) / cfg.dt, 0.0)
    tissue_n = used * weights_n
    shown_c, storage_c = tissue_c * shown_part, tissue_c * (1.0 - shown_part)
    stored = jnp.sum(storage_c, axis=0)
    return Growth(
        gpp=gpp,
        downreg=jnp.zeros_like(gpp),
        shown_c=shown_c,
        storage_c=storage_c,
        shown_n=tissue_n * shown_part,
        storage_n=tissue_n * (1.0 - shown_part),
        gresp_storage=p.grperc * (1.0 - p.grpnow) * stored,
        growth_respiration=p.grperc * (jnp.sum(shown_c, axis=0) + p.grpnow * stored),
        n_uptake=gain_n,
        npool=cfg.dt * (gain_n - used),
    )
