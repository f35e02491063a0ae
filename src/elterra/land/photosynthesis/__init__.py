"""Leaf gas exchange: photosynthesis, stomata, acclimation and soil-water stress."""

from elterra.land.photosynthesis._acclimation import seasonal_capacity, update_t10
from elterra.land.photosynthesis._capacity import Leaves, leaves_at_temperature, prepare_leaves
from elterra.land.photosynthesis._leaf import GasExchange, LeafAtT, first_guess_ci, gas_exchange
from elterra.land.photosynthesis._stress import soil_moisture_stress

__all__ = [
    "GasExchange",
    "LeafAtT",
    "Leaves",
    "first_guess_ci",
    "gas_exchange",
    "leaves_at_temperature",
    "prepare_leaves",
    "seasonal_capacity",
    "soil_moisture_stress",
    "update_t10",
]
