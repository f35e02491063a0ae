"""Weather for the land model: gap-free, flagged, with uncertainty, and perturbed for the ensemble."""

from elterra.forcing.build import METHODS, ForcingError, build_forcing
from elterra.forcing.perturb import apply_perturbation, perturbation
from elterra.forcing.to_land import calendar_fields, land_forcing, weather_fields

__all__ = [
    "METHODS",
    "ForcingError",
    "apply_perturbation",
    "build_forcing",
    "calendar_fields",
    "land_forcing",
    "perturbation",
    "weather_fields",
]
