"""Equilibrium pools without a spin-up: learned log-ratios to an analytic prior, with calibrated intervals, and rivals."""

from elterra.spinup.surrogate._loss import LossWeights
from elterra.spinup.surrogate._prediction import (
    Intervals,
    Prediction,
    PriorAlone,
    Surrogate,
    calibrate_intervals,
    totals_with_spread,
)
from elterra.spinup.surrogate._sample import TOTALS, Layout, Sample
from elterra.spinup.surrogate._scaling import Scaling, scaling_of
from elterra.spinup.surrogate._scores import score
from elterra.spinup.surrogate._swin import SwinFit, SwinSurrogate, fit_swin, load_swin
from elterra.spinup.surrogate._trees import TreesFit, TreeSurrogate, fit_trees

__all__ = [
    "TOTALS",
    "Intervals",
    "Layout",
    "LossWeights",
    "Prediction",
    "PriorAlone",
    "Sample",
    "Scaling",
    "Surrogate",
    "SwinFit",
    "SwinSurrogate",
    "TreeSurrogate",
    "TreesFit",
    "calibrate_intervals",
    "fit_swin",
    "fit_trees",
    "load_swin",
    "scaling_of",
    "score",
    "totals_with_spread",
]
