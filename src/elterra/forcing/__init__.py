"""Weather for the land model: gap-free, flagged, with uncertainty."""

from elterra.forcing.build import METHODS, ForcingError, build_forcing
from elterra.forcing.to_land import calendar_fields, land_forcing, weather_fields

__all__ = [
    "METHODS",
    "ForcingError",
    "build_forcing",
    "calendar_fields",
    "land_forcing",
    "weather_fields",
]
