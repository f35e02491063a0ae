"""Twin experiments of the bench ``assimilation`` that are no filter cycle of `assimilation_lorenz.cycle`:
smoothers over a sliding window, 4D-Var, particles, and the baselines without an ensemble."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from elterra.assimilation.iterative import iterative_smoother
from elterra.assimilation.particle import gaussian_log_likelihood, particle_analysis
from elterra.assimilation.variational import gauss_newton
from elterra.bench.assimilation_lorenz import (
    SIZE,
    Length,
    Scores,
    Setting,
    after_update,
    errors,
    first_state,
    forecast,
    model_step,
    run_seeds,
    staged_step,
)

# isort: split
import jax
import jax.numpy as jnp
from jax import Array, lax

#: steps of the run whose covariance is the climatology
_CLIMATE_STEPS = 40_000


def sliding_smoother(
    setting: Setting, lag: int, iterations: int, certainty: float | None, length: Length, seed: int = 0
) -> Scores:
    """iEnKS with a window of ``lag`` observation times that slides by one; each datum enters once, at the end of the window.

    The score is of the analysis at the end of the window. The first ``lag - 1`` observations are left out (burn-in).
    """
    ones = jnp.ones(SIZE)

    def begin(key: Array) -> Any:
        one, two = jax.random.split(key)
        truth = forecast(first_state(one, ()), setting.every * (lag - 1))
        return truth, first_state(two, (setting.members,))

    def one(key: Array, state: Any) -> tuple[Any, tuple[Array, Array]]:
        truth, x = state
        noise, after = jax.random.split(key)
        truth = forecast(truth, setting.every)
        observed = truth + jax.random.normal(noise, (SIZE,))
        found = iterative_smoother(
            x, lambda e: forecast(e, setting.every * lag), observed, ones, iterations, certainty
        )
        x = after_update(after, x @ found.transform, setting)
        return (truth, forecast(x, setting.every)), errors(found.predicted, truth)

    return run_seeds(begin, one, length, seed)


def sliding_variational(
    every: int, lag: int, variance: float, iterations: int, length: Length, seed: int = 0
) -> Scores:
    """4D-Var with the static covariance ``variance`` times the identity and the window of `sliding_smoother`."""
    root = jnp.sqrt(variance) * jnp.eye(SIZE)
    ones = jnp.ones(SIZE)

    def begin(key: Array) -> Any:
        one, two = jax.random.split(key)
        return forecast(first_state(one, ()), every * (lag - 1)), first_state(two, ())

    def one(key: Array, state: Any) -> tuple[Any, tuple[Array, Array]]:
        truth, x = state
        truth = forecast(truth, every)
        observed = truth + jax.random.normal(key, (SIZE,))
        found = gauss_newton(x, root, lambda v: forecast_scan(v, every * lag), observed, ones, iterations)
        analysed = forecast(found.x, every * lag)
        error = jnp.sqrt(jnp.mean((analysed - truth) ** 2))
        return (truth, forecast(found.x, every)), (error, error)

    return run_seeds(begin, one, length, seed)


def forecast_scan(x: Array, steps: int) -> Array:
    """`forecast` that can be differentiated forwards and backwards."""
    return lax.scan(lambda y, _: (model_step(y), None), x, None, length=steps)[0]


def particles(members: int, threshold: float, regularisation: float, length: Length, seed: int = 0) -> Scores:
    """Bootstrap particle filter with regularised resampling; the score is of the weighted mean before resampling."""
    ones = jnp.ones(SIZE)

    def begin(key: Array) -> Any:
        one, two = jax.random.split(key)
        return first_state(one, ()), first_state(two, (members,)), jnp.full(members, 1.0 / members)

    def one(key: Array, state: Any) -> tuple[Any, tuple[Array, Array]]:
        truth, x, w = state
        noise, analysis = jax.random.split(key)
        truth, x = model_step(truth), staged_step(x)
        observed = truth + jax.random.normal(noise, (SIZE,))
        likelihood = gaussian_log_likelihood(x, observed, ones)
        done = particle_analysis(analysis, x, w, likelihood, threshold, regularisation)
        raised = jnp.exp(jnp.log(w) + likelihood - (jnp.log(w) + likelihood).max())
        before = raised / raised.sum()
        mean = x @ before
        variance = ((x - mean[:, None]) ** 2) @ before
        scores = jnp.sqrt(jnp.mean((mean - truth) ** 2)), jnp.sqrt(jnp.mean(variance))
        return (truth, done.x, done.weights), scores

    return run_seeds(begin, one, length, seed, in_turn=True)


def three_dimensional(share: float | None, length: Length, seed: int = 0) -> Scores:
    """Baselines: None is the climatology itself; a share is 3D-Var, a gain from ``share`` times its covariance."""
    mean, covariance = (jnp.asarray(a) for a in climatology())
    if share is None:
        gain = jnp.zeros((SIZE, SIZE))
    else:
        gain = share * covariance @ jnp.linalg.inv(share * covariance + jnp.eye(SIZE))

    def begin(key: Array) -> Any:
        return first_state(key, ()), mean

    def one(key: Array, state: Any) -> tuple[Any, tuple[Array, Array]]:
        truth, x = state
        truth = model_step(truth)
        x = mean if share is None else model_step(x)
        x = x + gain @ (truth + jax.random.normal(key, (SIZE,)) - x)
        error = jnp.sqrt(jnp.mean((x - truth) ** 2))
        return (truth, x), (error, error)

    return run_seeds(begin, one, length, seed)


@lru_cache(maxsize=1)
def climatology() -> tuple[np.ndarray, np.ndarray]:
    """Mean ``[variable]`` and covariance ``[variable, variable]`` of a long run of the model."""

    def one(x: Array, _: None) -> tuple[Array, Array]:
        x = model_step(x)
        return x, x

    start = forecast(first_state(jax.random.key(1), ()), 1000)
    _, states = jax.jit(lambda x: lax.scan(one, x, None, length=_CLIMATE_STEPS))(start)
    run = np.asarray(states)
    return run.mean(axis=0), np.cov(run.T)
