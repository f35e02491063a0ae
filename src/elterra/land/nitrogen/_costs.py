"""What nitrogen costs plants, in carbon (CLM5.0 tech note, Fixation and Uptake of Nitrogen; Fisher et al. 2010,
Brzostek et al. 2014, Shi et al. 2016). Costs are used as conductances, nitrogen per carbon (gN gC-1)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from elterra.land.constants import TFRZ
from elterra.land.fields import Fields

#: conductance of a way that is closed, gN gC-1 (CLM: a cost of 1e9 gC per gN)
CLOSED = 1.0e-9
_HOULTON_PEAK = 1.25  # largest value of the temperature response of Houlton et al. (2008)
_FEWEST_ROOTS = 1.0e-6  # root fraction of a layer below which no nodules grow


def uptake_conductance(nitrogen: jax.Array, roots: jax.Array, kn: jax.Array, kc: jax.Array) -> jax.Array:
    """Nitrogen per carbon spent on uptake, 1 / (kn / N + kc / C).

    ``nitrogen`` gN m-2 on offer and ``roots`` gC m-2 in a layer; ``kn``, ``kc`` the costs that fall with them.
    Never below `CLOSED`.
    """
    cost = kn * roots + kc * nitrogen
    open_way = (cost > 0.0) & (nitrogen > 0.0) & (roots > 0.0)
    return jnp.maximum(jnp.where(open_way, nitrogen * roots / jnp.where(open_way, cost, 1.0), 0.0), CLOSED)


def fixation_conductance(p: Fields, t_soil: jax.Array, rootfr: jax.Array) -> jax.Array:
    """Nitrogen per carbon spent on symbiotic fixation, ``[soil_layer, patch, column]``: best near
    ``c_fix`` degrees Celsius; closed to C4 plants and in layers without roots.

    ``t_soil`` K ``[soil_layer, column]``, ``rootfr`` ``[soil_layer, patch, column]``.
    """
    celsius = (t_soil - TFRZ)[:, None, :]
    response = jnp.exp(p.a_fix + p.b_fix * celsius * (1.0 - 0.5 * celsius / p.c_fix))
    able = (p.c3psn > 0.5) & (rootfr > _FEWEST_ROOTS)
    return jnp.where(able, jnp.maximum(_HOULTON_PEAK * response / -p.s_fix, CLOSED), CLOSED)
