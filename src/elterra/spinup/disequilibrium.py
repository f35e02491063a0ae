"""Real stands are younger than their equilibrium and their soils remember what stood there before."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.fields import Fields
from elterra.land.vegetation import ecosystem_totals

_WOOD = ("livestem", "deadstem", "livecroot", "deadcroot")
_SLOW = (5, 6)  # slow and passive soil organic matter


def wood_fraction_of_age(age: jax.Array, mortality: jax.Array) -> jax.Array:
    """Wood of a stand of ``age`` years relative to its equilibrium: 1 - exp(-age * mortality), the solution
    of dW/dt = input - mortality * W from bare ground. ``mortality`` per year."""
    return -jnp.expm1(-age * mortality)


def disturb(
    p: Fields,
    s: Fields,
    *,
    stand_age: jax.Array | None = None,
    wood_biomass: jax.Array | None = None,
    soil_carbon: jax.Array | None = None,
    wood_factor: jax.Array | float = 1.0,
    soil_factor: jax.Array | float = 1.0,
) -> tuple[Fields, Fields]:
    """An equilibrium state moved to that of a real stand; all arguments ``[column]``.

    Wood (live and dead, stem and coarse root) is scaled to ``wood_biomass`` (gC m-2 of the column) where
    that is
    given and finite, else by `wood_fraction_of_age` of ``stand_age`` (years; NaN: no change), and then by
    ``wood_factor``; slow and passive soil organic matter to ``soil_carbon`` (gC m-2 of litter and organic matter down to
    1 m) where that is given and more than the fast pools alone hold, and then by ``soil_factor``. Carbon and nitrogen
    alike, so that ratios stay. A patch without wood keeps none: where there is no wood, biomass cannot be met.

    Returns the new state and what was added, ``increment_totvegc``, ``increment_totsomc`` (gC m-2),
    ``increment_totvegn``, ``increment_totsomn`` (gN m-2) ``[column]``, to be booked.
    """
    before = ecosystem_totals(p, s)
    factor = jnp.ones_like(before.woodc) * wood_factor
    by_age = jnp.ones_like(p.wt)
    if stand_age is not None:
        known = jnp.isfinite(stand_age)
        fraction = wood_fraction_of_age(jnp.where(known, stand_age, 0.0), p.r_mort)
        by_age = jnp.where(known, fraction, 1.0) * jnp.ones_like(p.wt)
    if wood_biomass is not None:
        usable = jnp.isfinite(wood_biomass) & (before.woodc > 0.0)
        ratio = jnp.where(usable, wood_biomass, 0.0) / jnp.where(usable, before.woodc, 1.0)
        by_age = jnp.where(usable, ratio, by_age)
    scale = by_age * factor
    new = {f"{t}{e}": s[f"{t}{e}"] * scale for t in _WOOD for e in ("c", "n")}
    slow = jnp.asarray(_SLOW)
    soil_scale = soil_factor * _soil_ratio(p, s, soil_carbon)
    for name in ("decomp_cpools", "decomp_npools"):
        new[name] = s[name].at[slow].multiply(soil_scale)
    changed = s.replace(**new)
    after = ecosystem_totals(p, changed)
    booked = {f"increment_{k}": after[k] - before[k] for k in ("totvegc", "totsomc", "totvegn", "totsomn")}
    return changed, Fields(booked)


def _soil_ratio(p: Fields, s: Fields, soil_carbon: jax.Array | None) -> jax.Array | float:
    """Factor of slow and passive pools that brings the stock down to 1 m to ``soil_carbon``; 1 where it cannot."""
    if soil_carbon is None:
        return 1.0
    layers = s.decomp_cpools.shape[1]
    top = p.zisoi[:layers]
    dz = jnp.clip(1.0 - top, 0.0, p.dzsoi[:layers])
    stock = (s.decomp_cpools * dz).sum(axis=1)
    slow = stock[_SLOW[0] :].sum(axis=0)
    wanted = soil_carbon - stock[: _SLOW[0]].sum(axis=0)
    usable = jnp.isfinite(wanted) & (wanted > 0.0) & (slow > 0.0)
    return jnp.where(usable, wanted, 1.0) / jnp.where(usable, slow, 1.0)
