"""Calibration of parameters against data through a forward map. Knows nothing of the land.

A forward map is ``G(parameters [member, p]) -> predictions [member, n]`` with NaN rows for members that failed.

Names of `_LATER` need JAX, XGBoost or BlackJAX and are imported when they are asked for: whoever only inverts does not
wait for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from elterra.calibration.calibrate_emulate_sample import CalibrateEmulateSample, Settings
    from elterra.calibration.calibration_result import CalibrationResult
    from elterra.calibration.chain_diagnostics import bulk_ess, split_rhat, tail_ess
    from elterra.calibration.constraint_maps import ConstraintMap
    from elterra.calibration.coverage import joint_binomial_test, predictive_coverage, within
    from elterra.calibration.data import Data
    from elterra.calibration.design import match_moments, prior_design, spread_subset
    from elterra.calibration.emulator import Emulator, train
    from elterra.calibration.ensemble_chains import sample_pcn, sample_stretch
    from elterra.calibration.hamiltonian import sample_hamiltonian
    from elterra.calibration.hierarchical import Hierarchy
    from elterra.calibration.hull import Hull, OutsideHull, training_hull
    from elterra.calibration.inversion import Inversion, invert, minimise_misfit, start_ensemble
    from elterra.calibration.langevin import langevin_sampler
    from elterra.calibration.posterior import (
        ModelDiscrepancy,
        likelihood_without_gradient,
        log_likelihood,
        log_posterior,
        target_of,
    )
    from elterra.calibration.problem import ForwardMap, InverseProblem, Runs
    from elterra.calibration.reduction import informed_subspace, reduce_outputs
    from elterra.calibration.screening import (
        WithoutEffect,
        morris_effects,
        refuse_without_effect,
        sobol_indices,
    )
    from elterra.calibration.tree_quantiles import TreeEmulator, train_trees
    from elterra.calibration.validation import Validation, validate

#: name -> module of this room
_LATER = {
    name: module
    for module, listed in {
        "calibrate_emulate_sample": ("CalibrateEmulateSample", "Settings"),
        "calibration_result": ("CalibrationResult",),
        "chain_diagnostics": ("bulk_ess", "split_rhat", "tail_ess"),
        "constraint_maps": ("ConstraintMap",),
        "coverage": ("joint_binomial_test", "predictive_coverage", "within"),
        "data": ("Data",),
        "design": ("match_moments", "prior_design", "spread_subset"),
        "emulator": ("Emulator", "train"),
        "ensemble_chains": ("sample_pcn", "sample_stretch"),
        "hamiltonian": ("sample_hamiltonian",),
        "hierarchical": ("Hierarchy",),
        "hull": ("Hull", "OutsideHull", "training_hull"),
        "inversion": ("Inversion", "invert", "minimise_misfit", "start_ensemble"),
        "langevin": ("langevin_sampler",),
        "posterior": (
            "ModelDiscrepancy",
            "likelihood_without_gradient",
            "log_likelihood",
            "log_posterior",
            "target_of",
        ),
        "problem": ("ForwardMap", "InverseProblem", "Runs"),
        "reduction": ("informed_subspace", "reduce_outputs"),
        "screening": ("WithoutEffect", "morris_effects", "refuse_without_effect", "sobol_indices"),
        "tree_quantiles": ("TreeEmulator", "train_trees"),
        "validation": ("Validation", "validate"),
    }.items()
    for name in listed
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = [
    "CalibrateEmulateSample",
    "CalibrationError",
    "CalibrationResult",
    "ConstraintMap",
    "Data",
    "DiscrepancyError",
    "Emulator",
    "ErrorStructure",
    "ForwardMap",
    "Hierarchy",
    "Hull",
    "InverseProblem",
    "Inversion",
    "InversionStep",
    "ModelDiscrepancy",
    "OutsideHull",
    "Prior",
    "PriorError",
    "Runs",
    "Settings",
    "TreeEmulator",
    "Validation",
    "WithoutEffect",
    "blocks_of_days",
    "bulk_ess",
    "condition",
    "error_structure",
    "informed_subspace",
    "invert",
    "joint_binomial_test",
    "langevin_sampler",
    "learn_mean",
    "likelihood_without_gradient",
    "log_likelihood",
    "log_posterior",
    "match_moments",
    "minimise_misfit",
    "morris_effects",
    "next_temper",
    "predictive_coverage",
    "prior_design",
    "reduce_outputs",
    "refuse_without_effect",
    "sample_hamiltonian",
    "sample_pcn",
    "sample_prior",
    "sample_stretch",
    "sobol_indices",
    "split_rhat",
    "spread_subset",
    "start_ensemble",
    "tail_ess",
    "target_of",
    "train",
    "train_trees",
    "training_hull",
    "transform_step",
    "uncovered",
    "validate",
    "within",
]
