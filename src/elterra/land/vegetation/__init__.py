"""Vegetation pools, canopy structure, and the carbon and nitrogen step that moves all pools."""

from elterra.land.vegetation._carbon_nitrogen import carbon_nitrogen
from elterra.land.vegetation._cold_start import cold_start_vegetation
from elterra.land.vegetation._pools import TISSUES, ecosystem_totals, pool_names
from elterra.land.vegetation._structure import leaf_area, structure

__all__ = [
    "TISSUES",
    "carbon_nitrogen",
    "cold_start_vegetation",
    "ecosystem_totals",
    "leaf_area",
    "pool_names",
    "structure",
]
