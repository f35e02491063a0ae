"""Calibrate-emulate-sample against direct MCMC on the carbon twin: how far apart, and for how many model runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import wasserstein_distance

from elterra.bench.calibration_twin import PRIORS, CarbonTwin
from elterra.calibration import Data, InverseProblem, bulk_ess, sample_hamiltonian, split_rhat
from elterra.calibration.calibrate_emulate_sample import CalibrateEmulateSample, Settings
from elterra.calibration.coverage import predictive_coverage

SETTINGS = Settings(
    members=40, rounds=1, doubt=0.003, training=192, components=12, draws=1000, warm_up=200, restarts=1, screen=False
)  # fmt: skip
#: truths that are calibrated: a figure is the worst of them
TRUTHS, QUICK_TRUTHS = 2, 1
#: draws of each of the four direct chains
DRAWS, QUICK_DRAWS = 1200, 500


def measure_ces(quick: bool) -> dict[str, float]:
    """``ces.<parameter>.wasserstein`` (marginal distance in prior sd, worst truth), ``ces.model_runs`` (most)."""
    twin = CarbonTwin()
    distance = np.zeros(len(PRIORS))
    figures = dict.fromkeys(
        ("ces.model_runs", "ces.rhat", "ces.outside", "ces.doubt", "ces.direct.rhat"), 0.0
    )
    coverage = []

    def density(z: Any, observed: Any) -> Any:
        return twin.log_posterior(z, observed)

    for seed in range(QUICK_TRUTHS if quick else TRUTHS):
        _, observed = twin.data_of(seed)
        problem = InverseProblem(twin, PRIORS, Data(observed, twin.sd**2))
        result = CalibrateEmulateSample(problem, SETTINGS, seed=seed).run()
        found = result.standard
        start = found[np.random.default_rng(seed).choice(len(found), 4)]
        direct = sample_hamiltonian(
            density, start, arguments=(observed,), draws=QUICK_DRAWS if quick else DRAWS, warm_up=200,
            covariance=np.cov(found.T), seed=seed,
        )  # fmt: skip
        flat = direct.samples.reshape(-1, len(PRIORS))
        apart = [wasserstein_distance(found[:, i], flat[:, i]) for i in range(len(PRIORS))]
        distance = np.maximum(distance, apart)
        predicted = twin(result.samples[:: max(len(result.samples) // 512, 1)])
        coverage.append(predictive_coverage(predicted, twin.sd, observed)[0.9])
        for key, value in (
            ("ces.model_runs", result.model_runs),
            ("ces.rhat", result.rhat.max()),
            ("ces.outside", result.outside),
            ("ces.doubt", result.doubt[-1]),
            ("ces.direct.rhat", split_rhat(direct.samples).max()),
        ):
            figures[key] = max(figures[key], float(value))
        figures["ces.direct.ess"] = min(
            figures.get("ces.direct.ess", np.inf), float(bulk_ess(direct.samples).min())
        )
    figures["ces.predictive_coverage90"] = float(np.mean(coverage))
    figures |= {f"ces.{p.name}.wasserstein": float(d) for p, d in zip(PRIORS, distance, strict=True)}
    figures["ces.worst_wasserstein"] = float(distance.max())
    return figures
