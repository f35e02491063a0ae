"""Ensemble data assimilation on arrays. Knows nothing of the land.

An analysis is a *transform*: a matrix ``T [members, members]`` whose columns sum to one, so that any array with
the members on its last axis is analysed by ``x @ T``. States, parameters, forcing perturbations and fluxes of
past days are analysed by the same matrix; what is linear in the members (budgets) stays linear.
"""

from elterra.assimilation.etkf import ETKF
from elterra.assimilation.filter import Analysis, AnalysisError, Filter, ObservationBatch
from elterra.assimilation.inflation import AdaptiveInflation, relax_to_prior_spread
from elterra.assimilation.localisation import gaspari_cohn, group_taper
from elterra.assimilation.quality import innovation_check
from elterra.assimilation.smoother import FixedLagSmoother

__all__ = [
    "ETKF",
    "AdaptiveInflation",
    "Analysis",
    "AnalysisError",
    "Filter",
    "FixedLagSmoother",
    "ObservationBatch",
    "gaspari_cohn",
    "group_taper",
    "innovation_check",
    "relax_to_prior_spread",
]
