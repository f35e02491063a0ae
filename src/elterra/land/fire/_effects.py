"""What plants lose where it burns (CLM5.0 tech note, Fire, eq. 23.26 to 23.28), and the carbon of burning peat."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land.fields import Fields


class Shares(NamedTuple):
    """Parts of the pools on burned ground ``[patch, column]``, or in the order of the tissues leaf, fine root, live stem,
    dead stem, live and dead coarse root ``[tissue, patch, column]``."""

    burnt: jax.Array  #: of displayed tissue, to the air
    killed: jax.Array  #: of displayed tissue, to litter and debris
    stem_turned: jax.Array  #: of live stems, to dead stems
    croot_turned: jax.Array  #: of live coarse roots, to dead ones
    stored_burnt: jax.Array  #: of storage and transfer pools, to the air
    stored_killed: jax.Array  #: of storage and transfer pools, to litter


def fire_shares(p: Fields) -> Shares:
    """Combustion and death of tissue. Roots do not burn. ``fm_droot`` is the part of all wood, stems as well, that falls
    (CLM5.0: wood dead or alive, above or below, goes alike)."""
    none = jnp.zeros_like(p.cc_leaf)
    fallen = p.fm_droot
    return Shares(
        burnt=jnp.stack([p.cc_leaf, none, p.cc_lstem, p.cc_dstem, none, none]),
        killed=jnp.stack(
            [
                (1.0 - p.cc_leaf) * p.fm_leaf,
                p.fm_root,
                (1.0 - p.cc_lstem) * fallen,
                (1.0 - p.cc_dstem) * fallen,
                fallen,
                fallen,
            ]
        ),
        stem_turned=(1.0 - p.cc_lstem) * (p.fm_lstem - fallen),
        croot_turned=p.fm_lroot - fallen,
        stored_burnt=p.cc_other,
        stored_killed=(1.0 - p.cc_other) * p.fm_other,
    )


def peat_emission(p: Fields, soil_carbon: jax.Array, baf_peatf: jax.Array) -> jax.Array:
    """Carbon of burning peat, gC m-2 s-1 ``[column]``: 6 % of the soil carbon where 33.9 % of the peat burns (Page et al.
    2002), 2.2 kgC per m2 of burned peat from ``borealat`` on (Turetsky et al. 2002). CLM5 does not take it from the soil
    pools, of which peat is no part, nor do we."""
    south = soil_carbon * (6.0 / 33.9)
    return baf_peatf * jnp.where(p.lat < p.borealat, south, 2.2e3)
