"""Water on and in the soil: infiltration, surface store, Richards flow, drainage."""

from elterra.land.soil_water._hydrology import (
    clm_richards,
    layer_hydraulics,
    root_water_uptake,
    share_area,
    soil_hydrology,
)
from elterra.land.soil_water._richards import RichardsResult, solve_richards
from elterra.land.soil_water.ground_water import ground_water, total_water

__all__ = [
    "RichardsResult",
    "clm_richards",
    "ground_water",
    "layer_hydraulics",
    "root_water_uptake",
    "share_area",
    "soil_hydrology",
    "solve_richards",
    "total_water",
]
