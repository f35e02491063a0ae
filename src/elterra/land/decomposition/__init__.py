"""Vertically resolved decomposition of litter and soil organic matter (CENTURY cascade of CLM5)."""

from elterra.land.decomposition._cascade import (
    TRANSITIONS,
    Cascade,
    Potential,
    actual_fluxes,
    cascade,
    potential_decomposition,
)
from elterra.land.decomposition._mixing import interface_conductance, mix
from elterra.land.decomposition._oxygen import Oxygen, diffuse_oxygen, oxygen
from elterra.land.decomposition._scalars import base_rates, depth_scalar, temperature_scalar, water_scalar

__all__ = [
    "TRANSITIONS",
    "Cascade",
    "Oxygen",
    "Potential",
    "actual_fluxes",
    "base_rates",
    "cascade",
    "depth_scalar",
    "diffuse_oxygen",
    "interface_conductance",
    "mix",
    "oxygen",
    "potential_decomposition",
    "temperature_scalar",
    "water_scalar",
]
