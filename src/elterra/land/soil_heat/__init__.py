"""Heat in snow and ground: layer geometry, soil properties, conduction and phase change."""

from elterra.land.soil_heat._geometry import (
    DZSOI,
    ZISOI,
    ZSOI,
    bedrock_layer,
    from_surface_data,
    layer_geometry,
)
from elterra.land.soil_heat._ground_energy import ground_energy
from elterra.land.soil_heat._pedotransfer import soil_properties
from elterra.land.soil_heat._phase_change import supercooled_water

__all__ = [
    "DZSOI",
    "ZISOI",
    "ZSOI",
    "bedrock_layer",
    "from_surface_data",
    "ground_energy",
    "layer_geometry",
    "soil_properties",
    "supercooled_water",
]
