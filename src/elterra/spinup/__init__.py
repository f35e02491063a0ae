"""Start states: equilibrium of carbon and nitrogen by several methods, criteria for it, and the disequilibrium of real
stands."""

from elterra.spinup._accumulate import STEADY_STATE_MEANS, Accumulation, accumulate
from elterra.spinup._matrix import cascade_matrix, soil_equilibrium, soil_matrix, turnover_times
from elterra.spinup._steady_state import steady_state
from elterra.spinup.accelerated import accelerate, to_accelerated, to_normal
from elterra.spinup.anderson import Anderson
from elterra.spinup.criteria import Stocks, ecosystem_check, stocks
from elterra.spinup.disequilibrium import disturb, wood_fraction_of_age
from elterra.spinup.methods import METHODS, Cycle, Passed, SideBySide, method_of, spin_up

__all__ = [
    "METHODS",
    "STEADY_STATE_MEANS",
    "Accumulation",
    "Anderson",
    "Cycle",
    "Passed",
    "SideBySide",
    "Stocks",
    "accelerate",
    "accumulate",
    "cascade_matrix",
    "disturb",
    "ecosystem_check",
    "method_of",
    "soil_equilibrium",
    "soil_matrix",
    "spin_up",
    "steady_state",
    "stocks",
    "to_accelerated",
    "to_normal",
    "turnover_times",
    "wood_fraction_of_age",
]
