"""Calibration of parameters against data through a forward map. Knows nothing of the land.

A forward map is ``G(parameters [member, p]) -> predictions [member, n]`` with NaN rows for members that failed.
"""

from elterra.calibration.constraint_maps import ConstraintMap
from elterra.calibration.discrepancy import (
    DiscrepancyError,
    ErrorStructure,
    blocks_of_days,
    condition,
    error_structure,
    learn_mean,
    uncovered,
)
from elterra.calibration.priors import Prior, PriorError, sample_prior
from elterra.calibration.transform_inversion import (
    CalibrationError,
    InversionStep,
    next_temper,
    transform_step,
)

__all__ = [
    "CalibrationError",
    "ConstraintMap",
    "DiscrepancyError",
    "ErrorStructure",
    "InversionStep",
    "Prior",
    "PriorError",
    "blocks_of_days",
    "condition",
    "error_structure",
    "learn_mean",
    "next_temper",
    "sample_prior",
    "transform_step",
    "uncovered",
]
