"""What both kinds of surface need of the air and of the ground, once a step."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from elterra.land import constants as c
from elterra.land.config import Config
from elterra.land.fields import Fields

LAPSE = 0.0098  #: K m-1, brings air temperature to the surface adiabatically


class AirGround(NamedTuple):
    """Column quantities of a step, all `[column]`."""

    wind: jax.Array  # m s-1, at least 1
    rho: jax.Array  # kg m-3
    thv: jax.Array  # virtual potential temperature, K
    t_snow: jax.Array  # top snow layer (top soil layer without snow), K
    t_soil: jax.Array  # top soil layer, K
    ground_t4: jax.Array  # mean of T^4 over snow, soil and surface water, K4


def air_and_ground(s: Fields, f: Fields, grnd: Fields, cfg: Config) -> AirGround:
    """Air density (moist, CLM), virtual temperature, and surface temperatures of the ground parts.

    The potential temperature of the air is its temperature, as in CLM's data atmosphere.
    """
    vapour = f.forc_q * f.forc_pbot / (c.EPS_WATER_AIR + 0.378 * f.forc_q)
    rho = (f.forc_pbot - 0.378 * vapour) / (c.RAIR * f.forc_t)
    upper = s.t_soisno[: cfg.nlevsno + 1]
    is_top = jnp.arange(cfg.nlevsno + 1)[:, None] == cfg.nlevsno - s.snl
    t_snow = jnp.where(is_top, upper, 0.0).sum(axis=0)
    t_soil = s.t_soisno[cfg.nlevsno]
    bare = 1.0 - grnd.frac_sno_eff - grnd.frac_h2osfc
    ground_t4 = grnd.frac_sno_eff * _fourth(t_snow) + bare * _fourth(t_soil)
    return AirGround(
        wind=jnp.maximum(f.forc_wind, 1.0),
        rho=rho,
        thv=f.forc_t * (1.0 + 0.61 * f.forc_q),
        t_snow=t_snow,
        t_soil=t_soil,
        ground_t4=ground_t4 + grnd.frac_h2osfc * _fourth(s.t_h2osfc),
    )


def _fourth(t: jax.Array) -> jax.Array:
    square = t * t
    return square * square
