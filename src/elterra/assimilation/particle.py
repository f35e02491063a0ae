"""Particle filter: weights instead of a Gaussian update, resampling when few particles carry the weight.

For states that are far from normal, as snow on the ground or not. Particles ``x [state, particle]``, weights
``[particle]`` that sum to one."""

from __future__ import annotations

from typing import NamedTuple

from elterra.assimilation import _jax  # noqa: F401  (double precision first)

# isort: split
import jax
import jax.numpy as jnp
from jax import Array, lax


class Particles(NamedTuple):
    """x ``[state, particle]``, weights ``[particle]``, resampled (0 or 1), effective number before resampling."""

    x: Array
    weights: Array
    resampled: Array
    effective: Array


def reweight(weights: Array, log_likelihood: Array) -> Array:
    """Bayes' rule in logarithms: weights ``[particle]`` that sum to one whatever the size of the likelihoods.

    A particle whose likelihood is not finite (a failed member) loses its weight; if all fail the weights stay.
    """
    good = jnp.isfinite(log_likelihood) & (weights > 0)
    log_w = jnp.where(
        good, jnp.log(jnp.where(good, weights, 1.0)) + jnp.where(good, log_likelihood, 0.0), -jnp.inf
    )
    top = jnp.where(good.any(), log_w.max(), 0.0)
    raised = jnp.where(good, jnp.exp(log_w - top), 0.0)
    total = raised.sum()
    return jnp.where(total > 0, raised / jnp.where(total > 0, total, 1.0), weights)


def gaussian_log_likelihood(predicted: Array, value: Array, sd: Array) -> Array:
    """``[particle]`` from predicted ``[observation, particle]``; constants are left out."""
    return -0.5 * (((predicted - value[:, None]) / sd[:, None]) ** 2).sum(axis=0)


def effective_number(weights: Array) -> Array:
    """``1 / sum w^2``: all particles alike: their number; one carries all: 1."""
    return 1.0 / (weights @ weights)


def systematic(key: Array, weights: Array) -> Array:
    """Systematic resampling: indices ``[particle]``, sorted; particle i comes floor or ceil of ``n w_i`` times."""
    n = weights.shape[0]
    positions = (jnp.arange(n) + jax.random.uniform(key)) / n
    summed = jnp.cumsum(weights)
    return jnp.minimum(jnp.searchsorted(summed / summed[-1], positions, side="right"), n - 1)


def bandwidth(particles: int, states: int) -> float:
    """Scott's rule: width of the kernel in standard deviations, ``n^(-1/(k+4))`` (Doucet et al. 2001, section 12.2)."""
    return float(particles ** (-1.0 / (states + 4)))


def weighted_root(x: Array, weights: Array) -> Array:
    """Cholesky root ``[state, state]`` of the weighted covariance, unbiased by the effective number.

    Where a single particle carries all weight the unweighted covariance stands in. A part in 1e12 of the largest variance is
    added, so that directions without spread have a root.
    """
    n = x.shape[1]
    count = effective_number(weights)
    degenerate = count < 1.0 + 1e-6
    w = jnp.where(degenerate, 1.0 / n, weights)
    count = jnp.where(degenerate, 1.0 * n, count)
    anomalies = x - (x @ w)[:, None]
    covariance = (anomalies * w) @ anomalies.T * (count / (count - 1.0))
    floor = 1e-12 * jnp.diagonal(covariance).max() + 1e-300
    return jnp.linalg.cholesky(covariance + floor * jnp.eye(x.shape[0]))


def particle_analysis(
    key: Array,
    x: Array,
    weights: Array,
    log_likelihood: Array,
    threshold: float = 0.5,
    regularisation: float = 0.0,
) -> Particles:
    """Weights by the likelihood; where their effective number falls to ``threshold`` of all, resampling with regularisation.

    regularisation: width of the Gaussian kernel in units of Scott's rule. Only particles that were drawn more
    than once are moved (a deterministic model would never part them)."""
    states, n = x.shape
    new = reweight(weights, log_likelihood)
    count = effective_number(new)
    resample = count <= threshold * n

    def draw(_: None) -> tuple[Array, Array]:
        one, two = jax.random.split(key)
        index = systematic(one, new)
        twin = (index == jnp.roll(index, 1)) | (index == jnp.roll(index, -1))
        kernel = regularisation * bandwidth(n, states) * weighted_root(x, new)
        # Draws in single precision: they are a kernel, and half the time of the step.
        moved = (kernel.astype(jnp.float32) @ jax.random.normal(two, (states, n), jnp.float32)).astype(
            x.dtype
        )
        return x[:, index] + jnp.where(twin, moved, 0.0), jnp.full(n, 1.0 / n)

    drawn, even = lax.cond(resample, draw, lambda _: (x, new), None)
    return Particles(drawn, even, resample.astype(jnp.float64), count)
