"""Accelerated decomposition, CLM5's ``spinup_state = 2`` (CLM5.0 tech note, Decomposition; CLM's
SoilBiogeochemDecompCascadeBGC, SoilBiogeochemLittVertTransp, CNGapMortality)."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from elterra.land import decomposition as dec
from elterra.land.fields import Fields

#: states that hold dead wood
_WOOD = ("deadstemc", "deadstemn", "deadcrootc", "deadcrootn")


def accelerate(p: Fields) -> Fields:
    """``p`` with CLM5's factors: slow pools decay and mix, and dead wood dies, that many times faster.

    Inputs stay, so that the pools of the equilibrium are smaller by the same factor, and the fluxes are those of the
    equilibrium in normal mode.
    """
    term = dec.latitude_term(p.lat)
    pools = {f"accel_{name}": factor * term for name, factor in dec.ACCELERATED_POOLS.items()}
    return p.replace(accel_deadwood=jnp.full_like(p.accel_deadwood, dec.ACCELERATED_WOOD), **pools)


def to_normal(p: Fields, s: Fields) -> Fields:
    """A state of the run with the accelerated parameters ``p`` in normal units: pools times their factors.

    Where no acceleration is in ``p`` the state stays. Stocks and their turnover change; what moves between them does not.
    """
    return _scaled(p, s, 1.0)


def to_accelerated(p: Fields, s: Fields) -> Fields:
    """Inverse of `to_normal`."""
    return _scaled(p, s, -1.0)


def without_season(p: Fields, s: Fields, means: Mapping[str, jax.Array]) -> Fields:
    """As `to_normal`, for a state at the end of a cycle with ``means`` of ``sasu_loss_c`` and ``sasu_decomp_k``.

    A pool that turns over in a year follows the seasons, in normal units it hardly does: at the end of December it is
    not at the stock around which it swings. At equilibrium mean loss equals input, so that the stock of a slow pool with
    the same input is mean loss over mean rate. This takes the place of the stock at the end (which CLM5 takes); N:C stays.
    """
    normal = to_normal(p, s)
    factor = dec.acceleration(p)[:, None, :]
    rate = means["sasu_decomp_k"]
    alive = (factor > 1.0) & (rate > 0.0) & (means["sasu_loss_c"] > 0.0) & (s.decomp_cpools > 0.0)
    mean = means["sasu_loss_c"] / jnp.where(alive, rate, 1.0) * factor
    share = jnp.where(alive, mean / jnp.where(alive, normal.decomp_cpools, 1.0), 1.0)
    return normal.replace(
        decomp_cpools=normal.decomp_cpools * share, decomp_npools=normal.decomp_npools * share
    )


def _scaled(p: Fields, s: Fields, power: float) -> Fields:
    soil = dec.acceleration(p)[:, None, :] ** power
    wood = p.accel_deadwood**power
    new = {name: s[name] * soil for name in ("decomp_cpools", "decomp_npools")}
    return s.replace(**new, **{name: s[name] * wood for name in _WOOD})
