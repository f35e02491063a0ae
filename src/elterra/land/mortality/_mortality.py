"""Rates of gap mortality and of the turnover of live wood (CLM5.0 tech note, Plant_Mortality and
Vegetation_Phenology_Turnover)."""

from __future__ import annotations

import jax

from elterra.land.config import Config
from elterra.land.constants import SECSPDAY
from elterra.land.fields import Fields

_YEAR = 365.0 * SECSPDAY


def mortality_fraction(p: Fields, cfg: Config) -> jax.Array:
    """Fraction of every vegetation pool that dies in one step, ``[patch, column]``; whole-plant mortality
    ``r_mort`` per year, spread evenly over the year."""
    return p.r_mort * (cfg.dt / _YEAR)


def wood_turnover_fraction(p: Fields, cfg: Config) -> jax.Array:
    """Fraction of live stem and coarse root that turns to dead wood in one step, ``[patch, column]``."""
    return p.lwtop_ann * (cfg.dt / _YEAR)
