"""Semi-analytic step over one forcing cycle: carbon and nitrogen of soil and plants together.

A cycle of the model maps the pools x at its start to G(x) at its end. Between the two, decay, transfer and mixing are
linear with the rates of the run, dx/dt = M x + input, so that G(x) = exp(M T) x + what came in. The state at which the
inputs of this cycle and its losses balance is

    x + (1 - exp(M T))^-1 (G(x) - x)

(Xia et al. 2012; Lu et al. 2020 for the matrix; the exponential in place of 1 + M T because litter turns over many times
in a cycle). Only G(x) - x, which the model itself has computed, decides where the steps stop: what M lacks (inputs that
follow the pools, nitrogen that plants take back) costs steps, not accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import expm

from elterra.land.config import NLEVSOI, NPOOLS, Config
from elterra.land.constants import SECSPDAY
from elterra.land.fields import Fields
from elterra.land.mortality import (
    litter_to_soil,
    mortality_fraction,
    root_profile,
    surface_profile,
    wood_turnover_fraction,
)
from elterra.land.vegetation import TISSUES, ecosystem_totals
from elterra.spinup._matrix import RATE_FLOOR, soil_matrix

YEAR = 365.0 * SECSPDAY
_LEAF, _FROOT, _LIVESTEM, _DEADSTEM, _LIVECROOT, _DEADCROOT = range(len(TISSUES))
_LITTER = 4  #: litter and debris: the pools whose nitrogen is its own
#: outputs of the land model whose means over the cycle are needed
MEANS = ("sasu_loss_c", "sasu_pool_c", "sasu_decomp_k")

#: A step moves a pool by no more than this factor from where the cycle left it ...
GREATEST_FACTOR = 10.0
#: ... counted with these stocks added, so that what is nearly empty can grow (g m-2 of carbon; of soil pools this is
#: spread over the soil)
SMALL_WOOD, SMALL_LEAF, SMALL_SOIL = 300.0, 5.0, 10.0
#: N:C of plants and litter moves by no more than this factor in a step
GREATEST_RATIO = 1.5


class Pools(NamedTuple):
    """Pools that a step moves: ``soil`` ``[pool, soil_layer, column]`` g m-3, ``plants`` ``[tissue, patch, column]``
    g m-2; arrays of JAX within compiled functions, of numpy between them."""

    soil: Any
    plants: Any


def pools_of(s: Mapping[str, jax.Array], element: str) -> Pools:
    """Carbon ("c") or nitrogen ("n") of a state."""
    return Pools(s[f"decomp_{element}pools"], jnp.stack([s[f"{t}{element}"] for t in TISSUES]))


def slow_tissues(p: Fields) -> jax.Array:
    """True where a tissue lives longer than a season, ``[tissue, patch, column]``: wood, and leaves and fine roots of
    evergreen types. The others are renewed within a cycle, and the cycle alone sets them."""
    planted = p.pft > 0
    woody, evergreen = (p.woody > 0.5) & planted, (p.evergreen > 0.5) & planted
    return jnp.stack([evergreen, evergreen, woody, woody, woody, woody])


@partial(jax.jit, static_argnames=("cfg", "element"))
def generator(p: Fields, rates: jax.Array, cfg: Config, element: str) -> jax.Array:
    """M of one element, s-1, ``[column, n, n]``; the first 140 unknowns are the soil (pools outermost), then
    the tissues (patches innermost). ``rates`` s-1 ``[pool, soil_layer, column]``."""
    patches, columns = p.wt.shape
    soil, plants = NPOOLS * NLEVSOI, len(TISSUES) * patches
    matrix = jnp.zeros((columns, soil + plants, soil + plants))
    matrix = matrix.at[:, :soil, :soil].set(-soil_matrix(p, rates, element=element))
    mortality = jnp.broadcast_to(mortality_fraction(p, cfg) / cfg.dt, p.wt.shape)
    dead = mortality * p.accel_deadwood
    turning = jnp.broadcast_to(wood_turnover_fraction(p, cfg) / cfg.dt, p.wt.shape)
    falling = 1.0 / (jnp.maximum(p.leaf_long, 1.0e-3) * YEAR)
    slow = slow_tissues(p)
    to_litter = jnp.stack([mortality + falling, mortality + falling, mortality, dead, mortality, dead]) * slow
    to_dead = jnp.stack([turning * slow[i] for i in (_LIVESTEM, _LIVECROOT)])
    surface, roots = surface_profile(p), root_profile(p)
    none = jnp.zeros((patches, columns))
    for tissue in range(len(TISSUES)):
        for patch in range(patches):
            at = soil + tissue * patches + patch
            lost = to_litter[tissue, patch]
            here = none.at[patch].set(lost)
            into = {"leaf": none, "froot": none, "stem": none, "croot": none}
            part = ("leaf", "froot", "stem", "stem", "croot", "croot")[tissue]
            into[part] = here
            dead_matter = litter_to_soil(p, surface, roots, **into, labile_above=none, labile_below=none)
            column = jnp.moveaxis(dead_matter, -1, 0).reshape(columns, _LITTER * NLEVSOI)
            matrix = matrix.at[:, : _LITTER * NLEVSOI, at].set(column)
            matrix = matrix.at[:, at, at].set(-lost)
            if tissue in (_LIVESTEM, _LIVECROOT):
                turned = to_dead[int(tissue == _LIVECROOT), patch]
                matrix = matrix.at[:, at, at].add(-turned)
                matrix = matrix.at[:, at + patches, at].set(turned)
    return matrix


def _numbers(x: Pools) -> Pools:
    return Pools(np.asarray(x.soil), np.asarray(x.plants))


def _flat(x: Pools) -> np.ndarray:
    columns = x.soil.shape[-1]
    return np.concatenate([np.moveaxis(np.asarray(v), -1, 0).reshape(columns, -1) for v in x], axis=1)


def _unflat(x: np.ndarray, like: Pools) -> Pools:
    columns = like.soil.shape[-1]
    size = NPOOLS * NLEVSOI
    soil = np.moveaxis(x[:, :size].reshape(columns, NPOOLS, NLEVSOI), 0, -1)
    plants = np.moveaxis(x[:, size:].reshape(columns, *like.plants.shape[:2]), 0, -1)
    return Pools(np.array(soil), np.array(plants))


def _amplified(matrix: np.ndarray, change: np.ndarray, free: np.ndarray, time: float) -> np.ndarray:
    """(1 - exp(M T))^-1 of ``change`` ``[column, n]``; where not ``free`` a pool keeps its change."""
    both = free[:, :, None] & free[:, None, :]
    left = np.eye(matrix.shape[-1]) - np.where(both, expm(matrix * time), 0.0)
    return np.linalg.solve(left, change[..., None])[..., 0]


def mean_rates(means: Mapping[str, jax.Array]) -> jax.Array:
    """Rates of decomposition weighted by the carbon they act on, mean loss over mean pool, not below one per
    million years, so that a layer that never thaws has a finite stock."""
    pool = means["sasu_pool_c"]
    there = pool > 1.0e-12
    rates = jnp.where(there, means["sasu_loss_c"] / jnp.where(there, pool, 1.0), means["sasu_decomp_k"])
    return jnp.maximum(rates, RATE_FLOOR)


def remaining(
    p: Fields, start: Fields, end: Fields, means: Mapping[str, jax.Array], years: float, cfg: Config
) -> dict[str, Pools]:
    """What carbon ("c") and nitrogen ("n") lack of the steady state of this cycle, seen from its start.

    ``start`` and ``end`` are the states at the two ends of a cycle of ``years`` years, ``means`` the means over it
    of the outputs `MEANS`. Nitrogen of the soil pools follows their carbon.
    """
    rates = mean_rates(means)
    slow = np.asarray(slow_tissues(p))
    found = {}
    for element in ("c", "n"):
        before, after = _numbers(pools_of(start, element)), _numbers(pools_of(end, element))
        free = np.ones(before.soil.shape, bool)
        if element == "n":  # mineralised nitrogen leaves; the soil pools get theirs below
            free[_LITTER:] = False
        change = _flat(Pools(after.soil - before.soil, after.plants - before.plants))
        matrix = np.asarray(generator(p, rates, cfg, element))
        step = _amplified(matrix, change, _flat(Pools(free, slow)), years * YEAR)
        found[element] = _unflat(step, before)
    before, after = pools_of(start, "c").soil[_LITTER:], pools_of(end, "c").soil[_LITTER:]
    n_before, n_after = (np.asarray(x.decomp_npools)[_LITTER:] for x in (start, end))
    before, after = np.asarray(before), np.asarray(after)
    held = after > 0.0
    goal = (before + found["c"].soil[_LITTER:]) * np.where(held, n_after / np.where(held, after, 1.0), 0.0)
    found["n"].soil[_LITTER:] = np.where(held, goal - n_before, found["n"].soil[_LITTER:])
    return found


def with_half_leaves(p: Fields, step: Mapping[str, Pools]) -> dict[str, Pools]:
    """The step with half of what leaves and fine roots of evergreen types lack.

    Growth reaches them through storage and answers to them a cycle late: whole steps swing about the equilibrium.
    """
    share = np.ones((len(TISSUES), *p.wt.shape))
    share[: _FROOT + 1] = np.where(np.asarray(slow_tissues(p))[: _FROOT + 1], 0.5, 1.0)
    return {e: Pools(x.soil, np.asarray(x.plants) * share) for e, x in step.items()}


@jax.jit
def moved(p: Fields, end: Fields, wanted: Mapping[str, Pools]) -> tuple[Fields, Fields]:
    """The state at the end of a cycle with its pools moved to ``wanted``, within bounds.

    No pool moves by more than `GREATEST_FACTOR` (small stocks added), none below a tenth of what the cycle left,
    and N:C of tissues, litter and debris by no more than `GREATEST_RATIO`; nitrogen of soil pools keeps the ratio
    to their carbon that it has. Tissues that `slow_tissues` does not name stay. Second result: what was added,
    ``increment_totecosysc`` (gC m-2) and ``increment_totecosysn`` (gN m-2) ``[column]``, to be booked.
    """
    slow = slow_tissues(p)
    depth = jnp.sum(p.dzsoi[:NLEVSOI], axis=0)
    small = jnp.asarray([SMALL_LEAF, SMALL_LEAF, *[SMALL_WOOD] * 4])[:, None, None]
    old_c, old_n = pools_of(end, "c"), pools_of(end, "n")

    def bounded(goal: jax.Array, old: jax.Array, extra: jax.Array | float) -> jax.Array:
        return jnp.clip(goal, old / GREATEST_FACTOR, GREATEST_FACTOR * (jnp.maximum(old, 0.0) + extra))

    soil_c = bounded(wanted["c"].soil, old_c.soil, SMALL_SOIL / depth / NPOOLS)
    inside = jnp.arange(NLEVSOI)[:, None] < p.nbedrock
    soil_c = jnp.where(inside, soil_c, old_c.soil)
    plants_c = jnp.where(slow, bounded(wanted["c"].plants, old_c.plants, small), old_c.plants)

    def with_carbon(
        goal: jax.Array, carbon: jax.Array, goal_c: jax.Array, old: jax.Array, was: jax.Array
    ) -> jax.Array:
        """Nitrogen for ``carbon``: at the N:C that was aimed at, near that of the cycle."""
        known = (was > 0.0) & (old > 0.0)
        held = jnp.where(known, old / jnp.where(known, was, 1.0), 0.0)
        aimed = jnp.where(goal_c > 0.0, goal / jnp.where(goal_c > 0.0, goal_c, 1.0), held)
        ratio = jnp.clip(aimed, held / GREATEST_RATIO, held * GREATEST_RATIO)
        return jnp.where(known, carbon * ratio, old)

    plants_n = with_carbon(wanted["n"].plants, plants_c, wanted["c"].plants, old_n.plants, old_c.plants)
    plants_n = jnp.where(slow, plants_n, old_n.plants)
    soil_n = with_carbon(wanted["n"].soil, soil_c, wanted["c"].soil, old_n.soil, old_c.soil)
    held = old_c.soil > 0.0
    kept = jnp.where(held, soil_c * old_n.soil / jnp.where(held, old_c.soil, 1.0), old_n.soil)
    soil_n = jnp.concatenate([soil_n[:_LITTER], kept[_LITTER:]])
    # carbon without nitrogen to go with it would break the cascade: such a layer stays as it is
    soil_c = jnp.where(old_n.soil > 0.0, soil_c, old_c.soil)
    new = {"decomp_cpools": soil_c, "decomp_npools": soil_n}
    for i, tissue in enumerate(TISSUES):
        new[f"{tissue}c"], new[f"{tissue}n"] = plants_c[i], plants_n[i]
    state = end.replace(**new)
    return state, added(p, end, state)


def added(p: Fields, before: Fields, after: Fields) -> Fields:
    """Carbon and nitrogen (g m-2 ``[column]``) by which one state exceeds another: ``increment_totecosys{c,n}``."""
    old, new = ecosystem_totals(p, before), ecosystem_totals(p, after)
    return Fields({f"increment_{k}": new[k] - old[k] for k in ("totecosysc", "totecosysn")})


def aims(start: Fields, step: Mapping[str, Pools]) -> dict[str, Pools]:
    """Pools at the start of a cycle plus a step."""
    out = {}
    for element, change in step.items():
        x = pools_of(start, element)
        out[element] = Pools(*(np.asarray(a) + np.asarray(b) for a, b in zip(x, change, strict=True)))
    return out
