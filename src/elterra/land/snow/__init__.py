"""The snow pack: snowfall, cover, water flow, settling, grain growth, layers."""

from elterra.land.snow._aerosols import SPECIES
from elterra.land.snow._cover import depleted_cover, fresh_snow_density, melt_shape
from elterra.land.snow._fall import snowfall
from elterra.land.snow._grains import RADIUS_MAX, RADIUS_MIN
from elterra.land.snow._layers import initial_layers, thickness_limits
from elterra.land.snow._water import snow_water

__all__ = [
    "RADIUS_MAX",
    "RADIUS_MIN",
    "SPECIES",
    "depleted_cover",
    "fresh_snow_density",
    "initial_layers",
    "melt_shape",
    "snow_water",
    "snowfall",
    "thickness_limits",
]
