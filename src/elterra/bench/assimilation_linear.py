"""Linear-Gaussian references of the bench ``assimilation``: every method against the exact posterior.

The inverse problem and the autoregression have closed answers (Kalman filter, Rauch-Tung-Striebel smoother).
Deterministic methods get an ensemble whose sample moments are the prior's and have to agree to round-off;
sampled ones to their sampling error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from elterra.assimilation import (
    ETKF,
    DeterministicFilter,
    LocalFilter,
    ObservationBatch,
    PerturbedFilter,
    Places,
    SerialFilter,
    SquareRootFilter,
    interval_transforms,
    log_evidence,
    rts_smoother,
)
from elterra.assimilation.hybrid import fourdenvar
from elterra.assimilation.iterative import iterative_smoother, multiple_assimilation
from elterra.assimilation.particle import gaussian_log_likelihood, reweight
from elterra.assimilation.serial_local import serial_local_analysis
from elterra.assimilation.variational import gauss_newton, quasi_newton

# isort: split
import jax
import jax.numpy as jnp

OPERATOR = np.array([[1.0, 2.0], [3.0, 1.0], [0.5, -1.0]])
ERROR = np.sqrt([0.1, 0.2, 0.05])
DATA = np.array([3.0, 4.0, -0.5])
MEAN, COVARIANCE = np.array([0.0, 1.0]), np.array([[1.0, 0.3], [0.3, 0.5]])
#: members of the exact ensemble; draws of the sampled methods
MEMBERS, DRAWS = 40, 40_000
#: autoregression x' = 0.95 x + noise, unit variances of noise and of errors
PERSISTENCE, STEPS = 0.95, 60


def exact_ensemble(mean: np.ndarray, covariance: np.ndarray, members: int, seed: int = 0) -> np.ndarray:
    """Members ``[state, member]`` whose sample mean and covariance are exactly those asked for."""
    raw = np.random.default_rng(seed).normal(size=(len(mean), members))
    raw -= raw.mean(axis=1, keepdims=True)
    white = np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(raw))), raw)
    return mean[:, None] + np.linalg.cholesky(covariance) @ white


def posterior() -> tuple[np.ndarray, np.ndarray, float]:
    """Mean, covariance and logarithm of the evidence of the inverse problem, in closed form."""
    total = OPERATOR @ COVARIANCE @ OPERATOR.T + np.diag(ERROR**2)
    gain = COVARIANCE @ OPERATOR.T @ np.linalg.inv(total)
    d = DATA - OPERATOR @ MEAN
    _, logdet = np.linalg.slogdet(2 * np.pi * total)
    return (
        MEAN + gain @ d,
        COVARIANCE - gain @ OPERATOR @ COVARIANCE,
        float(-0.5 * (d @ np.linalg.solve(total, d) + logdet)),
    )


def figures() -> dict[str, float]:
    """``<method>.abs_error`` of mean and covariance; of sampled methods also ``<method>.sigmas``, in sampling
    errors of the mean."""
    out: dict[str, float] = {}
    mean, covariance, evidence = posterior()
    for name, method in _DETERMINISTIC.items():
        x = exact_ensemble(MEAN, COVARIANCE, MEMBERS)
        found = np.asarray(method(x))
        out[f"{name}.abs_error"] = float(
            max(np.abs(found.mean(axis=1) - mean).max(), np.abs(np.cov(found) - covariance).max())
        )
    for name, of_mean in _OF_MEAN.items():
        found = np.asarray(of_mean(exact_ensemble(MEAN, COVARIANCE, MEMBERS)))
        out[f"{name}.abs_error"] = float(np.abs(found - mean).max())
    for name, sampled in _SAMPLED.items():
        at, count = sampled(exact_ensemble(MEAN, COVARIANCE, DRAWS, 1))
        out[f"{name}.abs_error"] = float(np.abs(at - mean).max())
        out[f"{name}.sigmas"] = float((np.abs(at - mean) / np.sqrt(np.diag(covariance) / count)).max())
    x = exact_ensemble(MEAN, COVARIANCE, MEMBERS)
    out["log_evidence.abs_error"] = abs(log_evidence(OPERATOR @ x, _batch()) - evidence)
    return out | _autoregression()


def _batch() -> ObservationBatch:
    return ObservationBatch(DATA, ERROR, np.zeros(3, dtype=np.int64))


def _by_filter(filter_: object) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: filter_.analyse(OPERATOR @ x, _batch()).apply(x)  # type: ignore[attr-defined]


def _by_letkf(x: np.ndarray) -> np.ndarray:
    places = Places(np.zeros((1, 1)), np.zeros((3, 1)))
    return LocalFilter(1.0).analyse(x[:, None, :], OPERATOR @ x, _batch(), places).x[:, 0]


def _by_serial_local(x: np.ndarray) -> np.ndarray:
    ones = (jnp.ones((3, 2)), jnp.ones((3, 3)), jnp.arange(3))
    return np.asarray(serial_local_analysis(jnp.asarray(x), jnp.asarray(OPERATOR @ x), *_problem(), *ones)[0])


def _problem() -> tuple[jax.Array, jax.Array]:
    return jnp.asarray(DATA), jnp.asarray(ERROR)


def _prior() -> tuple[jax.Array, jax.Array]:
    return jnp.asarray(MEAN), jnp.linalg.cholesky(jnp.asarray(COVARIANCE))


def _predict(x: jax.Array) -> jax.Array:
    return jnp.asarray(OPERATOR) @ x


def _by_iterations(x: np.ndarray) -> np.ndarray:
    return x @ np.asarray(iterative_smoother(jnp.asarray(x), _predict, *_problem(), 5).transform)


def _by_steps(x: np.ndarray) -> np.ndarray:
    return np.asarray(multiple_assimilation(jnp.asarray(x), _predict, *_problem(), jnp.full(4, 4.0))[0])


def _by_gauss_newton(x: np.ndarray) -> np.ndarray:
    found = gauss_newton(*_prior(), _predict, *_problem(), 2)
    root = np.asarray(found.root)
    return exact_ensemble(np.asarray(found.x), root @ root.T, MEMBERS)


def _by_quasi_newton(x: np.ndarray) -> np.ndarray:
    return np.asarray(quasi_newton(*_prior(), _predict, *_problem()).x)


def _by_envar(x: np.ndarray, iterations: int | None = None) -> np.ndarray:
    columns = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.shape[1] - 1)
    s = OPERATOR @ columns / ERROR[:, None]
    return x.mean(axis=1) + np.asarray(
        fourdenvar(
            jnp.asarray(columns), jnp.asarray(s), jnp.asarray((DATA - OPERATOR @ MEAN) / ERROR), iterations
        )
    )


def _perturbed(x: np.ndarray) -> tuple[np.ndarray, float]:
    # Few members are one sample of the perturbations; many small ensembles are a large one without a large matrix.
    m = 200
    parts = [
        PerturbedFilter(seed=2).at(k).analyse(OPERATOR @ part, _batch()).apply(part)
        for k, part in enumerate(x[:, :20_000].reshape(2, -1, m).transpose(1, 0, 2))
    ]
    return np.concatenate(parts, axis=1).mean(axis=1), 20_000.0


def _weighted(x: np.ndarray) -> tuple[np.ndarray, float]:
    draws = np.random.default_rng(3).multivariate_normal(MEAN, COVARIANCE, DRAWS).T
    likelihood = gaussian_log_likelihood(jnp.asarray(OPERATOR @ draws), *_problem())
    w = np.asarray(reweight(jnp.full(DRAWS, 1.0 / DRAWS), likelihood))
    return draws @ w, float(1.0 / (w @ w))


_DETERMINISTIC: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "etkf": _by_filter(ETKF()),
    "etkf_rotated": _by_filter(SquareRootFilter(rotate=True)),
    "serial": _by_filter(SerialFilter()),
    "eakf": _by_serial_local,
    "letkf": _by_letkf,
    "ienks": _by_iterations,
    "es_mda": _by_steps,
    "var4d": _by_gauss_newton,
}
#: methods that give a mean only
_OF_MEAN: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "var4d_lbfgs": _by_quasi_newton,
    "envar4d": _by_envar,
    "envar4d_cg": lambda x: _by_envar(x, 3),
    "denkf": lambda x: _by_filter(DeterministicFilter())(x).mean(axis=1),
}
_SAMPLED: dict[str, Callable[[np.ndarray], tuple[np.ndarray, float]]] = {
    "enkf": _perturbed,
    "particle": _weighted,
}


def steady() -> tuple[float, float, float]:
    """Variances of forecast, analysis and smoother of the autoregression in steady state, by the Riccati recursion."""
    forecast = 1.0
    for _ in range(500):
        analysis = forecast / (forecast + 1.0)
        forecast = PERSISTENCE**2 * analysis + 1.0
    back = PERSISTENCE * analysis / forecast
    smoothed = (analysis - back**2 * forecast) / (1.0 - back**2)
    return forecast, analysis, smoothed


def _autoregression() -> dict[str, float]:
    """Variances in the middle of a long path; first state and noise of all steps are one exact ensemble."""
    draws = exact_ensemble(np.zeros(STEPS + 1), np.eye(STEPS + 1), STEPS + 20)
    x, forecasts, analyses, transforms = draws[:1], [], [], []
    for k in range(STEPS):
        forecasts.append(PERSISTENCE * x + draws[k + 1 : k + 2])
        t = ETKF().analyse(
            forecasts[-1], ObservationBatch(np.zeros(1), np.ones(1), np.zeros(1, dtype=np.int64))
        )
        transforms.append(t.transform[0])
        x = t.apply(forecasts[-1])
        analyses.append(x)
        # Noise still to come is uncorrelated with the predictions: a transform leaves it as it is.
    middle = STEPS // 2
    smoothed = forecasts[middle] @ interval_transforms(transforms)[middle]
    backwards = rts_smoother(forecasts, analyses)[middle]
    forecast, analysis, exact = steady()
    return {
        "ar1_forecast.abs_error": float(abs(forecasts[middle].var(ddof=1) - forecast)),
        "ar1_analysis.abs_error": float(abs(analyses[middle].var(ddof=1) - analysis)),
        "ar1_enks.abs_error": float(abs(smoothed.var(ddof=1) - exact)),
        "ar1_rts.abs_error": float(abs(backwards.var(ddof=1) - exact)),
    }
