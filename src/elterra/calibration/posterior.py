"""Posterior density through an emulator whose uncertainty is part of the likelihood.

In whitened components, with emulator mean m(z), variance v(z) and, if asked for, a discrepancy of the model:

    y | z ~ N(mean + V m(z), I + V diag(v(z)) V^T + tau^2 B B^T),    z ~ N(0, I)

``B [n, k]`` is a basis of what the model may get wrong (columns in whitened data); its amplitude is tau = tau0 exp(s w)
with one more unknown w ~ N(0, 1) (Kennedy and O'Hagan 2001; Brynjarsdottir and O'Hagan 2014). A bias of the forcing
is no special case: it is a parameter of the forward map with a prior.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from elterra.calibration._jax import jax, jnp
from elterra.calibration.data import Data
from elterra.calibration.emulator import Emulator
from elterra.calibration.gaussian_process import GaussianProcess, Kernel, predict
from elterra.calibration.reduction import OutputReduction
from elterra.calibration.transform_inversion import CalibrationError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ModelDiscrepancy:
    """Basis ``[n, k]`` in units of the data (smooth functions, station offsets), median ``amplitude`` of its
    coefficients, ``spread``: sd of the logarithm of the amplitude."""

    basis: Array
    amplitude: float
    spread: float = 1.0


class Target(NamedTuple):
    """What `log_posterior` needs, as arrays: compiled once, it serves every data set of the same shape."""

    gp: GaussianProcess
    data: jax.Array
    components: jax.Array
    rest: jax.Array
    basis: jax.Array
    wrong: jax.Array
    amplitude: jax.Array
    spread: jax.Array


def target_of(emulator: Emulator, data: Data, discrepancy: ModelDiscrepancy | None = None) -> Target:
    """The posterior of ``data`` under ``emulator``. With a discrepancy its amplitude is the last unknown."""
    n = data.size
    shape = (n, 0) if discrepancy is None else discrepancy.basis.shape
    if shape[0] != n:
        raise CalibrationError(f"the basis of the discrepancy must be [{n}, k]; got {shape}")
    wrong = np.zeros((n, 0)) if discrepancy is None else data.whiten(discrepancy.basis.T).T
    away = data.white - emulator.reduction.mean
    return Target(
        emulator.gp,
        jnp.asarray(away),
        jnp.asarray(away @ emulator.reduction.basis),
        jnp.asarray((away**2).sum() - ((away @ emulator.reduction.basis) ** 2).sum()),
        jnp.asarray(emulator.reduction.basis),
        jnp.asarray(wrong),
        jnp.asarray(0.0 if discrepancy is None else discrepancy.amplitude),
        jnp.asarray(0.0 if discrepancy is None else discrepancy.spread),
    )


def log_likelihood(z: jax.Array, target: Target, kernel: Kernel = "matern52") -> jax.Array:
    """log p(y | z) without its constant ``n log(2 pi) / 2``; ``z [p]`` or ``[p + 1]`` with a discrepancy."""
    if target.wrong.shape[1] == 0:
        mean, variance = predict(target.gp, z, kernel)
        total = 1.0 + variance
        misfit = ((target.components - mean) ** 2 / total).sum() + target.rest
        return -0.5 * (misfit + jnp.log(total).sum())
    mean, variance = predict(target.gp, z[:-1], kernel)
    tau = target.amplitude * jnp.exp(target.spread * z[-1])
    wide = jnp.concatenate([target.basis * jnp.sqrt(variance), target.wrong * tau], axis=1)
    misfit = target.data - target.basis @ mean
    # I + W W^T by its small counterpart I + W^T W
    small = jnp.eye(wide.shape[1]) + wide.T @ wide
    root = jnp.linalg.cholesky(small)
    inner = jax.scipy.linalg.solve_triangular(root, wide.T @ misfit, lower=True)
    return -0.5 * (misfit @ misfit - inner @ inner) - jnp.log(jnp.diagonal(root)).sum()


def log_posterior(z: jax.Array, target: Target, kernel: Kernel = "matern52") -> jax.Array:
    """log p(z | y) up to a constant; unknowns have independent standard normal priors."""
    return -0.5 * z @ z + log_likelihood(z, target, kernel)


def unknowns(target: Target) -> int:
    """Number of unknowns: parameters, and one for the amplitude of a discrepancy."""
    return int(target.gp.x.shape[1]) + int(target.wrong.shape[1] > 0)


class Predictor(Protocol):
    """Any emulator: mean and variance of the components of ``reduction``, ``[k, r]`` each, at ``z [k, p]``."""

    @property
    def reduction(self) -> OutputReduction: ...

    def predict(self, z: Array) -> tuple[Array, Array]: ...


def likelihood_without_gradient(emulator: Predictor, data: Data) -> Callable[[Array], Array]:
    """``f(z [k, p]) -> [k]``, log p(y | z) for stretch moves and pCN; any emulator will do, trees too."""
    away = data.white - emulator.reduction.mean
    components = away @ emulator.reduction.basis
    rest = float(away @ away - components @ components)

    def likelihood(z: Array) -> Array:
        mean, variance = emulator.predict(z)
        total = 1.0 + variance
        return np.asarray(-0.5 * (((components - mean) ** 2 / total + np.log(total)).sum(axis=1) + rest))

    return likelihood


@partial(jax.jit, static_argnames=("kernel",))
def log_posterior_many(z: jax.Array, target: Target, kernel: Kernel = "matern52") -> jax.Array:
    """`log_posterior` of ``z [k, unknowns]``."""
    return jax.vmap(lambda one: log_posterior(one, target, kernel))(z)
