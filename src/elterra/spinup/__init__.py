"""Start states: analytic equilibrium of carbon and nitrogen, and the disequilibrium of real stands."""

from elterra.spinup._accumulate import Accumulation, accumulate
from elterra.spinup._matrix import cascade_matrix, soil_equilibrium, soil_matrix, turnover_times
from elterra.spinup._steady_state import steady_state
from elterra.spinup.disequilibrium import disturb, wood_fraction_of_age

__all__ = [
    "Accumulation",
    "accumulate",
    "cascade_matrix",
    "disturb",
    "soil_equilibrium",
    "soil_matrix",
    "steady_state",
    "turnover_times",
    "wood_fraction_of_age",
]
