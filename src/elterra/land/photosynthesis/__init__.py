"""Leaf gas exchange: photosynthesis, stomata, its capacity, and stress by lack of water."""

from elterra.land.photosynthesis._acclimation import seasonal_capacity, update_t10
from elterra.land.photosynthesis._capacity import Leaves, leaves_at_temperature, prepare_leaves
from elterra.land.photosynthesis._hydraulics import (
    NSEGMENTS,
    ROOT,
    STEM,
    Plumbing,
    newton_step,
    plumbing,
    potentials_of_flux,
    stress_factor,
    uptake,
    vulnerability,
)
from elterra.land.photosynthesis._leaf import GasExchange, LeafAtT, first_guess_ci, gas_exchange
from elterra.land.photosynthesis._luna import allocate_nitrogen
from elterra.land.photosynthesis._luna_climate import update_capacity
from elterra.land.photosynthesis._stress import soil_moisture_stress

__all__ = [
    "NSEGMENTS",
    "ROOT",
    "STEM",
    "GasExchange",
    "LeafAtT",
    "Leaves",
    "Plumbing",
    "allocate_nitrogen",
    "first_guess_ci",
    "gas_exchange",
    "leaves_at_temperature",
    "newton_step",
    "plumbing",
    "potentials_of_flux",
    "prepare_leaves",
    "seasonal_capacity",
    "soil_moisture_stress",
    "stress_factor",
    "update_capacity",
    "update_t10",
    "uptake",
    "vulnerability",
]
