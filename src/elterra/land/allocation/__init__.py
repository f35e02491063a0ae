"""Maintenance respiration, nitrogen demand and allocation of new growth."""

from elterra.land.allocation._allocation import Demand, Growth, allocate, nitrogen_demand
from elterra.land.allocation._respiration import maintenance_respiration

__all__ = ["Demand", "Growth", "allocate", "maintenance_respiration", "nitrogen_demand"]
