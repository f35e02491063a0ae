"""Hybrid covariance and 4DEnVar: the increment of the mean from columns that span more than the ensemble.

The prior covariance is ``B = C C'`` with columns ``C [state, column]``; their images in the (whitened)
observations of the whole window are ``S = R^(-1/2) H C [observation, column]``. Columns are made of ensemble
anomalies, localised by modulation, and of a static root: what is needed of model and operator is in ``S``, no
adjoint."""

from __future__ import annotations

from elterra.assimilation import _jax  # noqa: F401  (double precision first)

# isort: split
import jax.numpy as jnp
from jax import Array, lax

from elterra.assimilation.ensemble_space import spectrum


def modulated(anomalies: Array, root: Array) -> Array:
    """Columns ``[row, mode * member]`` of the localised ensemble covariance (Bishop et al. 2017).

    anomalies ``[row, member]`` (mean zero; divided by sqrt(m-1) here), root ``[row, mode]`` with ``root
    root'`` the localisation matrix of the rows: the columns are ``root_j * anomaly_k`` and their covariance
    is the Schur product. Rows are states or observations."""
    m = anomalies.shape[1]
    columns = root[:, :, None] * anomalies[:, None, :] / jnp.sqrt(m - 1.0)
    return columns.reshape(anomalies.shape[0], -1)


def hybrid_columns(ensemble: Array, static: Array, share: float) -> Array:
    """``[sqrt(1-share) ensemble, sqrt(share) static]``: covariance ``(1-share) P + share B`` (Hamill and Snyder 2000)."""
    return jnp.concatenate([jnp.sqrt(1.0 - share) * ensemble, jnp.sqrt(share) * static], axis=1)


def increment_weights(s: Array, d: Array) -> Array:
    """The ``v [column]`` that minimises ``|v|^2 + |d - S v|^2``, by the eigenvalues of the smaller matrix."""
    n, k = s.shape
    if n < k:
        values, vectors = jnp.linalg.eigh(s @ s.T)
        return s.T @ (vectors @ ((vectors.T @ d) / (1.0 + jnp.maximum(values, 0.0))))
    values, vectors = spectrum(s)
    return vectors @ ((vectors.T @ (s.T @ d)) / (1.0 + values))


def increment_weights_iterative(s: Array, d: Array, iterations: int) -> Array:
    """The same by conjugate gradients with a fixed number of iterations, for many columns and observations.

    Exact after as many iterations as there are observations that see something; the cost falls with every one.
    """

    def one(carry: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], None]:
        v, residual, direction = carry
        moved = direction + s.T @ (s @ direction)
        energy = direction @ moved
        power = residual @ residual
        step = jnp.where(energy > 0, power / jnp.where(energy > 0, energy, 1.0), 0.0)
        new = residual - step * moved
        ratio = jnp.where(power > 0, (new @ new) / jnp.where(power > 0, power, 1.0), 0.0)
        return (v + step * direction, new, new + ratio * direction), None

    first = s.T @ d
    (v, _, _), _ = lax.scan(one, (jnp.zeros_like(first), first, first), None, length=iterations)
    return v


def fourdenvar(columns: Array, s: Array, d: Array, iterations: int | None = None) -> Array:
    """4DEnVar (Liu et al. 2008): increment ``[state]`` of the mean from all observations of the window.

    columns ``[state, column]``; s ``[observation, column]``, d ``[observation]`` whitened, observations at
    their own times. The state may be a whole trajectory or parameters. The spread follows from any transform
    of this room."""
    v = increment_weights(s, d) if iterations is None else increment_weights_iterative(s, d, iterations)
    return columns @ v
