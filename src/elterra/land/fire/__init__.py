"""Fires after Li et al.: burned area of a step, and what burned plants lose (CLM5.0 tech note, Fire)."""

from elterra.land.fire._area import Burned, Fuel, burned_area
from elterra.land.fire._effects import Shares, fire_shares, peat_emission
from elterra.land.fire._spread import (
    area_of_a_fire,
    combustibility,
    crop_fire_rate,
    fuel_availability,
    ignitions,
    peat_fire_rate,
    suppression,
)
from elterra.land.fire._weather import FIRST_CROP, FuelClimate, fuel_climate, relative_humidity, update_memory

__all__ = [
    "FIRST_CROP",
    "Burned",
    "Fuel",
    "FuelClimate",
    "Shares",
    "area_of_a_fire",
    "burned_area",
    "combustibility",
    "crop_fire_rate",
    "fire_shares",
    "fuel_availability",
    "fuel_climate",
    "ignitions",
    "peat_emission",
    "peat_fire_rate",
    "relative_humidity",
    "suppression",
    "update_memory",
]
