"""Kriging: variograms, point data with a drift, and pixels from the means of cells."""

from elterra.downscaling.kriging.area_to_point import BlockKriging
from elterra.downscaling.kriging.points import krige, leave_group_out
from elterra.downscaling.kriging.variogram import Variogram, empirical, fit_variogram

__all__ = ["BlockKriging", "Variogram", "empirical", "fit_variogram", "krige", "leave_group_out"]
