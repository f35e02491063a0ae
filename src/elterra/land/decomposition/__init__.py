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
from elterra.land.decomposition._scalars import (
    ACCELERATED_POOLS,
    ACCELERATED_WOOD,
    acceleration,
    base_rates,
    depth_scalar,
    latitude_term,
    temperature_scalar,
    water_scalar,
)

__all__ = [
    "ACCELERATED_POOLS",
    "ACCELERATED_WOOD",
    "TRANSITIONS",
    "Cascade",
    "Oxygen",
    "Potential",
    "acceleration",
    "actual_fluxes",
    "base_rates",
    "cascade",
    "depth_scalar",
    "diffuse_oxygen",
    "interface_conductance",
    "latitude_term",
    "mix",
    "oxygen",
    "potential_decomposition",
    "temperature_scalar",
    "water_scalar",
]
