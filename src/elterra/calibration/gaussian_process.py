"""Gaussian-process regression with exact likelihood, many outputs side by side, in JAX.

Each output has its own hyperparameters:

    k(x, x') = a^2 M(r) + b^2 x.x' + c^2 (x.x')^2,   r^2 = sum_i (x_i - x_i')^2 / l_i^2,   noise variance s^2,

M Matern-5/2 or squared exponential (Rasmussen and Williams 2006, eqs. 4.9, 4.17; dot-product kernels 4.2.2). The
dot products are a linear and a quadratic trend with unknown coefficients: over a wide prior the bulk of a response.
Hyperparameters maximise the marginal likelihood (eq. 2.30) times broad log-normal priors that keep a short record from
running away. Leave-one-out predictions are exact (eqs. 5.12).
"""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from elterra.calibration._jax import jax, jnp
from elterra.calibration.lbfgs import minimise
from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]
Kernel = Literal["matern52", "rbf"]

#: log-normal priors of hyperparameters of standardised outputs: centre and sd of the logarithm
_LENGTH, _AMPLITUDE, _LINEAR, _QUADRATIC, _NOISE = (
    (1.2, 1.0),
    (-0.5, 1.5),
    (-1.5, 1.5),
    (-3.0, 1.5),
    (-6.0, 2.0),
)
#: least noise variance in units of the largest part of the kernel, for the condition of the matrix
JITTER = 1e-8
#: training sets are filled up to a multiple of this, so that a few new points are no new program
PADDING = 64


class GaussianProcess(NamedTuple):
    """Fitted: inputs ``x [m, p]`` (rows beyond the training set are masked), ``theta [r, p + 4]`` (logarithms of the
    lengths, a, b, c, s), ``alpha [r, m]``, inverse covariances ``inverse [r, m, m]``, ``centre``, ``scale [r]`` and
    factors of the predictive variance ``widen [r]``."""

    x: jax.Array
    mask: jax.Array
    theta: jax.Array
    alpha: jax.Array
    inverse: jax.Array
    centre: jax.Array
    scale: jax.Array
    widen: jax.Array


def covariance(theta: jax.Array, x: jax.Array, other: jax.Array, kernel: Kernel) -> jax.Array:
    """``[m, m']`` between inputs ``[m, p]`` and ``[m', p]``, without noise."""
    p = x.shape[1]
    lengths = jnp.exp(theta[:p])
    a, b, c = jnp.exp(2 * theta[p]), jnp.exp(2 * theta[p + 1]), jnp.exp(2 * theta[p + 2])
    u, v = x / lengths, other / lengths
    square = (u**2).sum(axis=1)[:, None] + (v**2).sum(axis=1)[None, :] - 2 * u @ v.T
    if kernel == "rbf":
        shape = jnp.exp(-0.5 * jnp.maximum(square, 0.0))
    else:
        r = jnp.sqrt(5.0 * jnp.maximum(square, 1e-18))
        shape = (1.0 + r + r**2 / 3.0) * jnp.exp(-r)
    dot = x @ other.T
    return a * shape + b * dot + c * dot**2


def _noise(theta: jax.Array) -> jax.Array:
    return jnp.exp(2 * theta[-1]) + JITTER * (1.0 + jnp.exp(2 * theta[-4]))


def _full(theta: jax.Array, x: jax.Array, mask: jax.Array, kernel: Kernel) -> jax.Array:
    k = covariance(theta, x, x, kernel) + _noise(theta) * jnp.eye(x.shape[0])
    return jnp.where(mask[:, None] & mask[None, :], k, jnp.eye(x.shape[0]))


@jax.custom_vjp
def _gaussian_nll(k: jax.Array, y: jax.Array) -> jax.Array:
    """-log N(y; 0, k) without the constant."""
    return _nll_forward(k, y)[0]


def _nll_forward(k: jax.Array, y: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    root = jnp.linalg.cholesky(k)
    inverse = jax.scipy.linalg.cho_solve((root, True), jnp.eye(k.shape[0]))
    alpha = inverse @ y
    return 0.5 * y @ alpha + jnp.log(jnp.diagonal(root)).sum(), (inverse, alpha)


def _nll_backward(kept: tuple[jax.Array, jax.Array], bar: jax.Array) -> tuple[jax.Array, jax.Array]:
    inverse, alpha = kept
    return bar * 0.5 * (inverse - jnp.outer(alpha, alpha)), bar * alpha


_gaussian_nll.defvjp(_nll_forward, _nll_backward)


def negative_log_posterior(
    theta: jax.Array, x: jax.Array, mask: jax.Array, y: jax.Array, kernel: Kernel
) -> jax.Array:
    """Of hyperparameters ``theta [p + 4]`` given standardised ``y [m]`` (0 where masked), constants left out."""
    return _gaussian_nll(_full(theta, x, mask, kernel), y) + _penalty(theta, x.shape[1])


def _penalty(theta: jax.Array, p: int) -> jax.Array:
    centre, sd = _prior(p)
    return 0.5 * (((theta - centre) / sd) ** 2).sum()


def _prior(p: int) -> tuple[Array, Array]:
    # more inputs, longer lengths: distances between points grow as sqrt(p)
    rows = [(_LENGTH[0] + 0.5 * np.log(max(p / 4.0, 1.0)), _LENGTH[1])] * p
    rows += [_AMPLITUDE, _LINEAR, _QUADRATIC, _NOISE]
    return np.array([r[0] for r in rows]), np.array([r[1] for r in rows])


@partial(jax.jit, static_argnames=("kernel", "rounds"))
def _optimise(
    start: jax.Array, x: jax.Array, mask: jax.Array, y: jax.Array, kernel: Kernel, rounds: int
) -> tuple[jax.Array, jax.Array]:
    def loss(theta: jax.Array, target: jax.Array) -> jax.Array:
        return negative_log_posterior(theta, x, mask, target, kernel)

    return minimise(loss, start, (y,), rounds)


@partial(jax.jit, static_argnames=("kernel",))
def _solve(
    theta: jax.Array, x: jax.Array, mask: jax.Array, y: jax.Array, kernel: Kernel
) -> tuple[jax.Array, jax.Array]:
    def one(t: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
        root = jnp.linalg.cholesky(_full(t, x, mask, kernel))
        inverse = jax.scipy.linalg.cho_solve((root, True), jnp.eye(x.shape[0]))
        return inverse, inverse @ target

    return jax.vmap(one)(theta, y)


def fit(
    x: Array,
    y: Array,
    *,
    kernel: Kernel = "matern52",
    restarts: int = 2,
    rounds: int = 60,
    seed: int = 0,
    start: Array | None = None,
) -> GaussianProcess:
    """Fit inputs ``x [m, p]`` to outputs ``y [m, r]``; ``start [r, p + 4]`` takes the place of the restarts.

    The variance of each output is then widened by the mean square of its standardised leave-one-out errors where
    that is above one.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < 3 or y.shape[1] == 0:
        raise CalibrationError(f"x [m, p] and y [m, r] do not fit, or m < 3: {x.shape}, {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise CalibrationError("training inputs and outputs must be finite; leave failed runs out")
    (m, p), r = x.shape, y.shape[1]
    rows = -(-m // PADDING) * PADDING
    centre, scale = y.mean(axis=0), y.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    padded = jnp.asarray(np.concatenate([x, np.zeros((rows - m, p))]))
    mask = jnp.asarray(np.arange(rows) < m)
    target = jnp.asarray(np.concatenate([(y - centre) / scale, np.zeros((rows - m, r))]).T)
    if start is None:
        middle, sd = _prior(p)
        rng = np.random.default_rng(seed)
        starts = [np.tile(middle, (r, 1))]
        starts += [middle + 0.5 * sd * rng.standard_normal((r, p + 4)) for _ in range(restarts - 1)]
    else:
        starts = [np.asarray(start, float)]
    best, theta = np.full(r, np.inf), np.tile(_prior(p)[0], (r, 1))
    for one in starts:
        found, value = (
            np.asarray(a) for a in _optimise(jnp.asarray(one), padded, mask, target, kernel, rounds)
        )
        better = np.isfinite(value) & (value < best)
        best = np.where(better, value, best)
        theta = np.where(better[:, None], found, theta)
    inverse, alpha = _solve(jnp.asarray(theta), padded, mask, target, kernel)
    gp = GaussianProcess(
        padded, mask, jnp.asarray(theta), alpha, inverse, jnp.asarray(centre), jnp.asarray(scale), jnp.ones(r)
    )
    mean, variance = leave_one_out(gp, y)
    return gp._replace(widen=jnp.asarray(np.maximum(((y - mean) ** 2 / variance).mean(axis=0), 1.0)))


def predict(gp: GaussianProcess, x: jax.Array, kernel: Kernel = "matern52") -> tuple[jax.Array, jax.Array]:
    """Mean and variance ``[r]`` of the function, its noise s^2 included, at one input ``x [p]``; traceable."""

    def one(theta: jax.Array, alpha: jax.Array, inverse: jax.Array) -> tuple[jax.Array, jax.Array]:
        k = jnp.where(gp.mask, covariance(theta, x[None], gp.x, kernel)[0], 0.0)
        own = covariance(theta, x[None], x[None], kernel)[0, 0]
        return k @ alpha, jnp.maximum(own - k @ (inverse @ k), 0.0) + _noise(theta)

    mean, variance = jax.vmap(one)(gp.theta, gp.alpha, gp.inverse)
    return gp.centre + gp.scale * mean, gp.scale**2 * variance * gp.widen


@partial(jax.jit, static_argnames=("kernel",))
def predict_many(
    gp: GaussianProcess, x: jax.Array, kernel: Kernel = "matern52"
) -> tuple[jax.Array, jax.Array]:
    """`predict` at ``x [k, p]``: ``[k, r]`` each."""

    def one(theta: jax.Array, alpha: jax.Array, inverse: jax.Array) -> tuple[jax.Array, jax.Array]:
        k = jnp.where(gp.mask[None], covariance(theta, x, gp.x, kernel), 0.0)
        own = jax.vmap(lambda row: covariance(theta, row[None], row[None], kernel)[0, 0])(x)
        return k @ alpha, jnp.maximum(own - (k * (k @ inverse)).sum(axis=1), 0.0) + _noise(theta)

    mean, variance = jax.vmap(one)(gp.theta, gp.alpha, gp.inverse)
    return gp.centre + gp.scale * mean.T, gp.scale**2 * variance.T * gp.widen


def leave_one_out(gp: GaussianProcess, y: Array) -> tuple[Array, Array]:
    """Mean and variance ``[m, r]`` at each training point of a process that has not seen it (same hyperparameters)."""
    m = len(y)
    diagonal = np.asarray(jnp.diagonal(gp.inverse, axis1=1, axis2=2)).T[:m]
    scale = np.asarray(gp.scale)
    mean = y - scale * np.asarray(gp.alpha).T[:m] / diagonal
    return mean, scale**2 / diagonal * np.asarray(gp.widen)
