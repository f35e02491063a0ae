"""Weather for the land model: gap-free, flagged, with uncertainty; generated for a climate; gridded."""

from elterra.forcing.build import METHODS, ForcingError, build_forcing
from elterra.forcing.gridded import GriddedWeather, open_gridded
from elterra.forcing.source import WeatherSource, cell_calendar, check_streams, land_chunk
from elterra.forcing.to_land import calendar_fields, land_forcing, weather_fields
from elterra.forcing.weather._calendar import step_starts

__all__ = [
    "METHODS",
    "ForcingError",
    "GriddedWeather",
    "WeatherSource",
    "build_forcing",
    "calendar_fields",
    "cell_calendar",
    "check_streams",
    "land_chunk",
    "land_forcing",
    "open_gridded",
    "step_starts",
    "weather_fields",
]
