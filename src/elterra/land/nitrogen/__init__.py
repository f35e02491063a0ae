"""Mineral nitrogen in the soil: sources, competition, nitrification, denitrification, leaching."""

from elterra.land.nitrogen._competition import Competition, compete
from elterra.land.nitrogen._fluxes import fixation, leaching
from elterra.land.nitrogen._nitrification import NitrogenPotential, nitrification_potential

__all__ = [
    "Competition",
    "NitrogenPotential",
    "compete",
    "fixation",
    "leaching",
    "nitrification_potential",
]
