"""One step of the vegetation pools: growth, transfer, turnover, mortality."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.allocation import Demand, Growth
from elterra.land.config import Config
from elterra.land.fields import Fields
from elterra.land.mortality import mortality_fraction, wood_turnover_fraction
from elterra.land.vegetation._pools import (
    DEADCROOT,
    DEADSTEM,
    FROOT,
    LEAF,
    LIVECROOT,
    LIVESTEM,
    TISSUES,
    stack,
    unstack,
)


class Dead(NamedTuple):
    """Dead matter of one step, g m-2 ``[patch, column]``."""

    leaf: jax.Array
    froot: jax.Array
    stem: jax.Array
    croot: jax.Array
    labile_above: jax.Array
    labile_below: jax.Array

    def total(self) -> jax.Array:
        return sum(self[1:], self[0])


class Plants(NamedTuple):
    """Result of `grow`."""

    state: dict[str, jax.Array]
    dead_c: Dead
    dead_n: Dead
    growth_respiration: jax.Array  #: gC m-2 s-1 ``[patch, column]``
    litterfall: jax.Array  #: leaf and fine root carbon to litter, gC m-2 s-1 ``[patch, column]``
    ntrunc: jax.Array  #: nitrogen created by cutting round-off below zero, gN m-2 ``[patch, column]``
    input_c: jax.Array  #: carbon into displayed pools, gC m-2 s-1 ``[tissue, patch, column]``


def _rows(*values: jax.Array) -> jax.Array:
    return jnp.stack(jnp.broadcast_arrays(*values))


class Recovered(NamedTuple):
    """What becomes of the nitrogen of tissue that turns over."""

    from_leaves: jax.Array  #: taken back from falling leaves, gN m-2 ``[patch, column]``
    wood_leaving: jax.Array | float  #: part of the nitrogen of live wood that leaves it with its carbon
    wood_kept: jax.Array  #: part of that which the dead wood keeps; the rest is retranslocated
    to_store: jax.Array | float  #: 1.0 where leaf nitrogen joins ``retransn``, 0.0 where it was used at once


#: Live wood that dies keeps half of its nitrogen as wood; without a flux of retranslocation the other half
#: stays alive (CLM5.0 source, CNPhenologyMod with floating C:N and FUN).
_FLOATING_WOOD_N = 0.5


def recovered_fixed(p: Fields, s: Fields, moved: Fields) -> Recovered:
    """With fixed C:N: what litter and dead wood at their nominal C:N cannot hold is kept in ``retransn``."""
    deadwdcn = jnp.where(p.deadwdcn > 0.0, p.deadwdcn, 1.0)
    kept = jnp.minimum(p.leafcn / p.lflitcn, 1.0)
    lost = moved.litter * s.leafn
    return Recovered(lost - kept * lost, 1.0, jnp.minimum(p.livewdcn / deadwdcn, 1.0), 1.0)


def recovered_bought(from_leaves: jax.Array) -> Recovered:
    """With floating C:N: the nitrogen that plants took back and used (``from_leaves``, gN m-2)."""
    return Recovered(from_leaves, _FLOATING_WOOD_N, jnp.ones_like(from_leaves), 0.0)


def grow(p: Fields, s: Fields, moved: Fields, d: Demand, g: Growth, back: Recovered, cfg: Config) -> Plants:
    """Move carbon and nitrogen through the vegetation in one step.

    Every loss is a fraction of a pool that is at most 1, so that no pool can become negative. Nitrogen leaves
    with the N:C of its pool; where that is the nominal one (as in CLM without flexible ratios) the fluxes are
    CLM's. First growth, transfer and turnover, then whole-plant mortality of what is left, as CLM does.
    """
    dt = cfg.dt
    none = jnp.zeros_like(moved.litter)
    wood = moved.storage_wood
    release = _rows(moved.storage_leaf, moved.storage_froot, wood, wood, wood, wood)
    turned = wood_turnover_fraction(p, cfg) * (p.woody > 0.5)
    fall = _rows(moved.litter, moved.litter, turned, none, turned, none)
    died = mortality_fraction(p, cfg) * (p.pft > 0)
    release_n, fall_n = release, fall
    if cfg.nitrogen == "fun":
        release_n = _rows(moved.storage_n, moved.storage_n, wood, wood, wood, wood)
        leaving = turned * back.wood_leaving
        fall_n = _rows(moved.litter, moved.litter, leaving, none, leaving, none)

    def advance(
        element: str, shown_in: jax.Array, storage_in: jax.Array, release: jax.Array, fall: jax.Array
    ) -> tuple:
        shown, storage, xfer = stack(s, element)
        released = release * storage
        unfolded = moved.xfer * xfer
        lost = fall * shown
        shown = shown - lost + (unfolded + dt * shown_in)
        storage = storage - released + dt * storage_in
        xfer = xfer - unfolded + released
        return shown, storage, xfer, lost, unfolded

    c_shown, c_storage, c_xfer, c_lost, c_unfolded = advance("c", g.shown_c, g.storage_c, release, fall)
    n_shown, n_storage, n_xfer, n_lost, _ = advance("n", g.shown_n, g.storage_n, release_n, fall_n)

    # live wood to dead wood; nitrogen the dead tissue does not hold is retranslocated
    c_gain = _rows(none, none, none, c_lost[LIVESTEM], none, c_lost[LIVECROOT])
    kept = back.wood_kept
    n_gain = _rows(none, none, none, kept * n_lost[LIVESTEM], none, kept * n_lost[LIVECROOT])
    c_shown = c_shown + c_gain
    n_shown = n_shown + n_gain
    leafn_litter = n_lost[LEAF] - back.from_leaves
    recovered = back.to_store * back.from_leaves + (n_lost[LIVESTEM] - n_gain[DEADSTEM])
    recovered = recovered + (n_lost[LIVECROOT] - n_gain[DEADCROOT])
    raw = s.retransn + recovered - dt * d.retrans
    retransn = jnp.maximum(raw, 0.0)
    ntrunc = retransn - raw

    # growth respiration put by follows the leaves
    g_released = moved.storage_leaf * s.gresp_storage
    g_paid = moved.xfer * s.gresp_xfer
    gresp_storage = s.gresp_storage - g_released + dt * g.gresp_storage
    gresp_xfer = s.gresp_xfer - g_paid + g_released

    def labile(storage: jax.Array, xfer: jax.Array) -> tuple[jax.Array, jax.Array]:
        held = died * (storage + xfer)
        return held[LEAF] + held[LIVESTEM] + held[DEADSTEM], held[FROOT] + held[LIVECROOT] + held[DEADCROOT]

    c_above, c_below = labile(c_storage, c_xfer)
    n_above, n_below = labile(n_storage, n_xfer)
    hurried = died * p.accel_deadwood
    died_shown = _rows(died, died, died, hurried, died, hurried)
    c_dead, n_dead = died_shown * c_shown, died_shown * n_shown
    g_dead = died * (gresp_storage + gresp_xfer)
    r_dead = died * retransn
    dead_c = Dead(
        leaf=c_lost[LEAF] + c_dead[LEAF],
        froot=c_lost[FROOT] + c_dead[FROOT],
        stem=c_dead[LIVESTEM] + c_dead[DEADSTEM],
        croot=c_dead[LIVECROOT] + c_dead[DEADCROOT],
        labile_above=c_above + g_dead,
        labile_below=c_below,
    )
    dead_n = Dead(
        leaf=leafn_litter + n_dead[LEAF],
        froot=n_lost[FROOT] + n_dead[FROOT],
        stem=n_dead[LIVESTEM] + n_dead[DEADSTEM],
        croot=n_dead[LIVECROOT] + n_dead[DEADCROOT],
        labile_above=n_above + r_dead,
        labile_below=n_below,
    )
    state = unstack(c_shown - c_dead, c_storage - died * c_storage, c_xfer - died * c_xfer, "c")
    state |= unstack(n_shown - n_dead, n_storage - died * n_storage, n_xfer - died * n_xfer, "n")
    state |= {
        "retransn": retransn - r_dead,
        "gresp_storage": gresp_storage - died * gresp_storage,
        "gresp_xfer": gresp_xfer - died * gresp_xfer,
        "xsmrpool": s.xsmrpool + dt * (d.to_xsmrpool - d.xsmr),
        "cpool": s.cpool,
        "npool": s.npool + g.npool,
    }
    return Plants(
        state=state,
        dead_c=dead_c,
        dead_n=dead_n,
        growth_respiration=g.growth_respiration + g_paid / dt,
        litterfall=(c_lost[LEAF] + c_lost[FROOT]) / dt,
        ntrunc=ntrunc,
        input_c=g.shown_c + c_unfolded / dt,
    )


def input_names() -> tuple[str, ...]:
    """Output names of `Plants.input_c`, in order."""
    return tuple(f"sasu_input_{t}c" for t in TISSUES)
