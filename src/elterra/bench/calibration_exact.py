"""Inverse problems with known answers: what every method of the calibration bench must find."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elterra.calibration import (
    Data,
    InverseProblem,
    Prior,
    invert,
    langevin_sampler,
    prior_design,
    sample_hamiltonian,
    sample_pcn,
    sample_stretch,
    sobol_indices,
    split_rhat,
    start_ensemble,
)
from elterra.calibration.calibrate_emulate_sample import CalibrateEmulateSample, Settings
from elterra.calibration.gaussian_process import fit, predict_many

Array = NDArray[np.float64]

# A linear problem of two parameters and three data. Its posterior is the closed form of Gauss.
MATRIX = np.array([[1.0, 2.0], [3.0, 1.0], [0.5, -1.0]])
OBSERVED, NOISE = np.array([3.0, 4.0, -0.5]), np.array([0.1, 0.2, 0.05])
PRIOR_MEAN, PRIOR_COVARIANCE = np.array([0.0, 1.0]), np.array([[1.0, 0.3], [0.3, 0.5]])

#: Ishigami function (Ishigami and Homma 1990) with a = 7, b = 0.1: exact first-order and total indices
ISHIGAMI = ((0.313905191, 0.442411145, 0.0), (0.557588855, 0.442411145, 0.243683664))


def posterior_of_linear() -> tuple[Array, Array]:
    """Mean ``[2]`` and covariance ``[2, 2]`` of the linear problem."""
    precision = MATRIX.T @ (MATRIX / NOISE[:, None]) + np.linalg.inv(PRIOR_COVARIANCE)
    covariance = np.linalg.inv(precision)
    pull = MATRIX.T @ (OBSERVED / NOISE) + np.linalg.solve(PRIOR_COVARIANCE, PRIOR_MEAN)
    return covariance @ pull, covariance


def linear_problem() -> InverseProblem:
    """The linear problem; its prior is N(0, I) seen through the Cholesky factor of its covariance."""
    root = np.linalg.cholesky(PRIOR_COVARIANCE)
    return InverseProblem(
        lambda z: (PRIOR_MEAN + z @ root.T) @ MATRIX.T,
        [Prior("u0", "normal", 0.0, 1.0), Prior("u1", "normal", 0.0, 1.0)],
        Data(OBSERVED, NOISE),
    )


def measure_linear(quick: bool) -> dict[str, float]:
    """``linear_gaussian.<method>.{mean_error, sd_error}``: largest error of a mean in posterior sd, of an sd as share."""
    problem, figures = linear_problem(), {}
    root = np.linalg.cholesky(PRIOR_COVARIANCE)
    true_mean, true_covariance = posterior_of_linear()
    sd = np.sqrt(np.diag(true_covariance))

    def told(method: str, mean: Array, covariance: Array) -> None:
        mean, covariance = PRIOR_MEAN + root @ mean, root @ covariance @ root.T
        figures[f"linear_gaussian.{method}.mean_error"] = float(np.abs((mean - true_mean) / sd).max())
        figures[f"linear_gaussian.{method}.sd_error"] = float(
            np.abs(np.sqrt(np.diag(covariance)) / sd - 1).max()
        )

    def sampled(method: str, draws: Array) -> None:
        flat = draws.reshape(-1, draws.shape[-1])
        told(method, flat.mean(axis=0), np.cov(flat.T))

    for method in ("etki", "uki"):
        one = invert(problem, method, members=50)
        told(method, one.mean, one.covariance)
    few = 4 if quick else 1
    one = invert(problem, "eki", members=4000 // few)
    told("eki", one.mean, one.covariance)
    sampled("aldi", langevin_sampler(problem, start_ensemble(2, 200, 0), 800 // few, burn_in=100).samples)
    ces = CalibrateEmulateSample(
        problem, Settings(design=32, members=20, wide=32, rounds=0, draws=4000 // few)
    )
    sampled("ces", ces.run().standard)
    white = problem.data.white
    slope = problem.data.whiten((MATRIX @ root).T).T
    offset = problem.data.whiten(MATRIX @ PRIOR_MEAN)

    def likelihood(z: Array) -> Array:
        return np.asarray(-0.5 * ((z @ slope.T + offset - white) ** 2).sum(axis=-1))

    start = np.random.default_rng(5).standard_normal((16, 2))
    chains = sample_pcn(likelihood, start, draws=4000 // few, burn_in=500, thin=4).samples
    sampled("pcn", chains)
    walkers = sample_stretch(
        lambda z: likelihood(z) - 0.5 * (z**2).sum(axis=-1), start, draws=4000 // few, burn_in=500, thin=2
    )
    sampled("stretch", walkers.samples)
    nuts = sample_hamiltonian(_linear_density, start[:4], arguments=(slope, offset, white), draws=4000 // few)
    sampled("nuts", nuts.samples)
    figures["linear_gaussian.nuts.rhat"] = float(split_rhat(nuts.samples).max())
    return figures


def _linear_density(z: Any, slope: Any, offset: Any, white: Any) -> Any:
    misfit = slope @ z + offset - white
    return -0.5 * (z @ z + misfit @ misfit)


def measure_tanh(quick: bool) -> dict[str, float]:
    """``tanh.{mean_error, sd_error}``: a steep step, 5 (tanh((x - 2) / 0.5) + 1) = 5 with error variance 0.05 under a prior
    N(1.5, 1); error of the posterior mean, and of its sd as a share, against quadrature."""
    problem = InverseProblem(
        lambda x: 5.0 * (np.tanh((x - 2.0) / 0.5) + 1.0),
        [Prior("x", "normal", 1.5, 1.0)],
        Data(np.array([5.0]), np.array([0.05])),
    )
    settings = Settings(design=32, members=10, wide=16, rounds=3, refine=8, draws=1000 if quick else 4000)
    found = CalibrateEmulateSample(problem, settings).run().samples[:, 0]
    x = np.linspace(1.5, 2.5, 20_001)
    misfit = 5.0 * (np.tanh((x - 2.0) / 0.5) + 1.0) - 5.0
    weight = np.exp(-0.5 * misfit**2 / 0.05 - 0.5 * (x - 1.5) ** 2)
    weight /= weight.sum()
    mean = weight @ x
    sd = np.sqrt(weight @ (x - mean) ** 2)
    return {
        "tanh.mean_error": float(abs(found.mean() - mean)),
        "tanh.sd_error": float(abs(found.std() / sd - 1.0)),
        "tanh.model_runs": float(problem.runs),
    }


def measure_localisation(quick: bool) -> dict[str, float]:
    """``shrinkage.<kind>.error``: RMSE of 80 parameters from 20 members, over that of the prior; mean of several seeds."""
    errors: dict[str, list[float]] = {"none": [], "sec": [], "nice": []}
    for seed in range(3 if quick else 20):
        rng = np.random.default_rng(seed)
        truth = rng.standard_normal(80)
        observed = truth[::2] + 0.3 * rng.standard_normal(40)
        problem = InverseProblem(
            lambda x: x[:, ::2],
            [Prior(f"x{i}", "normal", 0.0, 1.0) for i in range(80)],
            Data(observed, np.full(40, 0.09)),
        )
        for kind, found in errors.items():
            shrinkage = None if kind == "none" else kind
            one = invert(problem, "eki", members=20, seed=seed, shrinkage=shrinkage)  # type: ignore[arg-type]
            found.append(float(np.sqrt(((one.mean - truth) ** 2).mean() / (truth**2).mean())))
    return {f"shrinkage.{kind}.error": float(np.mean(found)) for kind, found in errors.items()}


def ishigami(u: Array) -> Array:
    """``u [k, 3]`` in (-pi, pi) to ``[k, 1]``."""
    return (np.sin(u[:, 0]) + 7.0 * np.sin(u[:, 1]) ** 2 + 0.1 * u[:, 2] ** 4 * np.sin(u[:, 0]))[:, None]


def measure_ishigami(quick: bool) -> dict[str, float]:
    """``ishigami.<index>.<i>`` from an emulator of 300 runs, and the largest error of them."""
    maps = [Prior.uniform(f"u{i}", -np.pi, np.pi) for i in range(3)]

    def physical(z: Array) -> Array:
        return np.stack([prior.to_physical(z[:, i]) for i, prior in enumerate(maps)], axis=1)

    # uniform inputs are emulated as they are: in z they would be stretched at the ends, where half of the variance is
    u = physical(prior_design(3, 300, 1))
    gp = fit(u, ishigami(u), kernel="rbf", rounds=60 if quick else 120)
    indices = sobol_indices(
        lambda z: np.asarray(predict_many(gp, physical(z), "rbf")[0]), 3, power=11 if quick else 13
    )
    figures, errors = {"ishigami.runs": 300.0}, []
    for kind, found, exact in (("first", indices.first, ISHIGAMI[0]), ("total", indices.total, ISHIGAMI[1])):
        for i in range(3):
            figures[f"ishigami.{kind}.x{i + 1}"] = float(found[i, 0])
            errors.append(abs(float(found[i, 0]) - exact[i]))
    figures["ishigami.mean"], figures["ishigami.variance"] = (
        float(indices.mean[0]),
        float(indices.variance[0]),
    )
    figures["ishigami.worst_error"] = max(errors)
    return figures
