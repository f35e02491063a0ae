"""Maps between points: kriging, trees, and both together, with scores on stations and regions left out."""

from elterra.downscaling.interpolation.methods import (
    POINT_METHODS,
    Kriging,
    PointMethod,
    PointPrediction,
    RegressionKriging,
    Trees,
)
from elterra.downscaling.interpolation.points import Points, groups, places_on_earth, places_on_map, regions
from elterra.downscaling.interpolation.validate import PointCard, leave_out

__all__ = [
    "POINT_METHODS",
    "Kriging",
    "PointCard",
    "PointMethod",
    "PointPrediction",
    "Points",
    "RegressionKriging",
    "Trees",
    "groups",
    "leave_out",
    "places_on_earth",
    "places_on_map",
    "regions",
]
