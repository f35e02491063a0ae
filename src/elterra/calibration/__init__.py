"""Calibration of parameters against data through a forward map. Knows nothing of the land.

A forward map is ``G(parameters [member, p]) -> predictions [member, n]`` with NaN rows for members that failed.
"""

from elterra.calibration.priors import Prior, PriorError, sample_prior
from elterra.calibration.transform_inversion import (
    CalibrationError,
    InversionStep,
    next_temper,
    transform_step,
)

__all__ = [
    "CalibrationError",
    "InversionStep",
    "Prior",
    "PriorError",
    "next_temper",
    "sample_prior",
    "transform_step",
]
