"""Maintenance respiration, nitrogen demand and allocation of new growth."""

from elterra.land.allocation._allocation import Demand, Growth, allocate, nitrogen_demand
from elterra.land.allocation._flexible import Target, allocate_flexible, target_stoichiometry
from elterra.land.allocation._respiration import maintenance_respiration

__all__ = [
    "Demand",
    "Growth",
    "Target",
    "allocate",
    "allocate_flexible",
    "maintenance_respiration",
    "nitrogen_demand",
    "target_stoichiometry",
]
