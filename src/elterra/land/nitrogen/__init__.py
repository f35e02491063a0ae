"""Mineral nitrogen in the soil: sources, competition, purchase by plants, nitrification, denitrification,
leaching."""

from elterra.land.nitrogen._competition import Competition, Offer, compete, offer
from elterra.land.nitrogen._costs import fixation_conductance, uptake_conductance
from elterra.land.nitrogen._fluxes import fixation, free_living_fixation, leaching
from elterra.land.nitrogen._fun import Market, Purchase, buy_nitrogen
from elterra.land.nitrogen._nitrification import (
    NitrogenPotential,
    nitrification_potential,
    nitrification_rate,
)
from elterra.land.nitrogen._retranslocation import Retranslocation, retranslocate

__all__ = [
    "Competition",
    "Market",
    "NitrogenPotential",
    "Offer",
    "Purchase",
    "Retranslocation",
    "buy_nitrogen",
    "compete",
    "fixation",
    "fixation_conductance",
    "free_living_fixation",
    "leaching",
    "nitrification_potential",
    "nitrification_rate",
    "offer",
    "retranslocate",
    "uptake_conductance",
]
