"""Turnover and death of plant tissue, and where the dead matter goes in the soil."""

from elterra.land.mortality._litter import litter_to_soil, root_profile, surface_profile
from elterra.land.mortality._mortality import mortality_fraction, wood_turnover_fraction

__all__ = [
    "litter_to_soil",
    "mortality_fraction",
    "root_profile",
    "surface_profile",
    "wood_turnover_fraction",
]
