"""From coarse cells to fine pixels: exact aggregation, hard constraints, features, methods, scores; and maps from points."""

from elterra.downscaling.aggregation import Aggregation
from elterra.downscaling.budgets import (
    NET_FLUXES,
    Closed,
    Fluxes,
    budget_residual,
    close_stock,
    constrained_fluxes,
    net_flux,
    nitrogen_of_carbon,
)
from elterra.downscaling.constraints import additive, bounded, multiplicative, softmax
from elterra.downscaling.evaluate import Calibrated, Card, Downscaled, evaluate, learn
from elterra.downscaling.features import edge_density, entropy, fractions, moments, terrain
from elterra.downscaling.grid import Fields, Grid, sample
from elterra.downscaling.laws import Constrained, InfeasibleTarget, Law, check_targets, constrain
from elterra.downscaling.readers import read_fields
from elterra.downscaling.rivals import METHODS
from elterra.downscaling.scene import LEVELS, Method, Prediction, Scene

__all__ = [
    "LEVELS",
    "METHODS",
    "NET_FLUXES",
    "Aggregation",
    "Calibrated",
    "Card",
    "Closed",
    "Constrained",
    "Downscaled",
    "Fields",
    "Fluxes",
    "Grid",
    "InfeasibleTarget",
    "Law",
    "Method",
    "Prediction",
    "Scene",
    "additive",
    "bounded",
    "budget_residual",
    "check_targets",
    "close_stock",
    "constrain",
    "constrained_fluxes",
    "edge_density",
    "entropy",
    "evaluate",
    "fractions",
    "learn",
    "moments",
    "multiplicative",
    "net_flux",
    "nitrogen_of_carbon",
    "read_fields",
    "sample",
    "softmax",
    "terrain",
]
