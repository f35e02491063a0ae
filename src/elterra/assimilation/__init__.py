"""Ensemble data assimilation on arrays. Knows nothing of the land.

An analysis is a *transform*: a matrix ``T [members, members]`` whose columns sum to one, so that any array with
the members on its last axis is analysed by ``x @ T``. States, parameters, forcing perturbations and fluxes of
past days are analysed by the same matrix; what is linear in the members (budgets) stays linear.

Methods that are no such matrix (localisation by place, particles, variational) take and give arrays with the members on the
last axis as well.
"""

from elterra.assimilation.adaptive_localisation import correlation_taper, group_correlation_taper
from elterra.assimilation.anamorphosis import Anamorphosis, GaussianAnamorphosis, Log, Logit, normal_scores
from elterra.assimilation.bias import BiasCorrection
from elterra.assimilation.correlated import decorrelate, exponential_covariance
from elterra.assimilation.diagnostics import (
    InnovationStatistics,
    as_text,
    degrees_of_freedom,
    effective_rank,
    increment_budget,
    log_evidence,
    rank_histogram,
    spread_skill,
)
from elterra.assimilation.ensemble_filters import (
    DeterministicFilter,
    FiniteSizeFilter,
    PerturbedFilter,
    SerialFilter,
    SquareRootFilter,
)
from elterra.assimilation.etkf import ETKF
from elterra.assimilation.filter import Analysis, AnalysisError, Filter, ObservationBatch
from elterra.assimilation.hybrid import fourdenvar, hybrid_columns, modulated
from elterra.assimilation.inflation import AdaptiveInflation, relax_to_prior_spread
from elterra.assimilation.inflation_field import InflationField
from elterra.assimilation.interpolated_filter import InterpolatedFilter
from elterra.assimilation.interval_smoother import interval_transforms, rts_smoother
from elterra.assimilation.iterative import iterative_smoother, multiple_assimilation
from elterra.assimilation.local_filter import LocalAnalysis, LocalFilter, Places, on_sphere
from elterra.assimilation.localisation import gaspari_cohn, group_taper
from elterra.assimilation.multifidelity import (
    Ensembles,
    Moments,
    MultifidelityAnalysis,
    moments,
    multifidelity_analysis,
    transform_through,
)
from elterra.assimilation.particle import particle_analysis
from elterra.assimilation.quality import innovation_check
from elterra.assimilation.relaxation import Relaxation, apply_transform, relaxed
from elterra.assimilation.response_emulator import ResponseEmulator
from elterra.assimilation.robust import apply_repair, huber_error, regenerate
from elterra.assimilation.serial_local import serial_local_analysis
from elterra.assimilation.smoother import FixedLagSmoother
from elterra.assimilation.thinning import superobservations, thin
from elterra.assimilation.variational import gauss_newton, quasi_newton

__all__ = [
    "ETKF",
    "AdaptiveInflation",
    "Analysis",
    "AnalysisError",
    "Anamorphosis",
    "BiasCorrection",
    "DeterministicFilter",
    "Ensembles",
    "Filter",
    "FiniteSizeFilter",
    "FixedLagSmoother",
    "GaussianAnamorphosis",
    "InflationField",
    "InnovationStatistics",
    "InterpolatedFilter",
    "LocalAnalysis",
    "LocalFilter",
    "Log",
    "Logit",
    "Moments",
    "MultifidelityAnalysis",
    "ObservationBatch",
    "PerturbedFilter",
    "Places",
    "Relaxation",
    "ResponseEmulator",
    "SerialFilter",
    "SquareRootFilter",
    "apply_repair",
    "apply_transform",
    "as_text",
    "correlation_taper",
    "decorrelate",
    "degrees_of_freedom",
    "effective_rank",
    "exponential_covariance",
    "fourdenvar",
    "gaspari_cohn",
    "gauss_newton",
    "group_correlation_taper",
    "group_taper",
    "huber_error",
    "hybrid_columns",
    "increment_budget",
    "innovation_check",
    "interval_transforms",
    "iterative_smoother",
    "log_evidence",
    "modulated",
    "moments",
    "multifidelity_analysis",
    "multiple_assimilation",
    "normal_scores",
    "on_sphere",
    "particle_analysis",
    "quasi_newton",
    "rank_histogram",
    "regenerate",
    "relax_to_prior_spread",
    "relaxed",
    "rts_smoother",
    "serial_local_analysis",
    "spread_skill",
    "superobservations",
    "thin",
    "transform_through",
]
