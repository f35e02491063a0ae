"""Analyses as transforms in the space of the members: the kernels of the ensemble filters, in JAX.

All take the whitened predicted anomalies ``s = R^(-1/2) Y' [observation, member]`` and the whitened
innovation ``d = R^(-1/2) (y - mean Y) [observation]``, without units, and give ``T [member, member]`` whose
columns sum to one, so that any array with the members on its last axis is analysed by ``x @ T``. Rows of
zeros in ``s`` and ``d`` are observations that are not there: arrays of a fixed size hold any number of
observations, none included.

Notation, with m members: ``P = [(m-1) I + s' s]^-1``, weights of the mean ``w = P s' d`` (Hunt et al. 2007, eq. 20-21).
"""

from __future__ import annotations

from elterra.assimilation import _jax  # noqa: F401  (double precision first)

# isort: split
import jax
import jax.numpy as jnp
from jax import Array, lax


def assemble(weights: Array, mean_weights: Array) -> Array:
    """``T = 1/m + (I - 11'/m) (w 1' + W)``: new mean and new anomalies as one matrix ``[member, member]``.

    weights ``W [member, member]`` act on the anomalies, mean_weights ``w [member]`` on the mean.
    """
    m = weights.shape[-1]
    both = weights + mean_weights[..., :, None]
    return 1.0 / m + both - both.mean(axis=-2, keepdims=True)


def spectrum(s: Array) -> tuple[Array, Array]:
    """Eigenvalues ``[member]`` (>= 0) and vectors ``[member, member]`` of ``s' s``."""
    values, vectors = jnp.linalg.eigh(s.T @ s)
    return jnp.maximum(values, 0.0), vectors


def square_root_transform(s: Array, d: Array) -> Array:
    """Symmetric square root: ``W = [(m-1) P]^(1/2)`` (ETKF; Hunt et al. 2007, eq. 23-24)."""
    return inflated_square_root(*spectrum(s), s.T @ d, 1.0)


def inflated_square_root(values: Array, vectors: Array, projected: Array, factor: Array | float) -> Array:
    """The symmetric square root with prior anomalies first multiplied by ``factor``.

    values, vectors: `spectrum` of ``s``; projected: ``s' d [member]``, both before inflation.
    """
    m = values.shape[0]
    p = 1.0 / (m - 1 + factor**2 * values)
    mean_weights = factor**2 * (vectors * p) @ (vectors.T @ projected)
    root = factor * (vectors * jnp.sqrt((m - 1) * p)) @ vectors.T
    return assemble(root, mean_weights)


def perturbed_transform(s: Array, d: Array, noise: Array) -> Array:
    """Perturbed observations (Burgers et al. 1998): ``W = I - P s' (s + D)``.

    noise: ``D [observation, member]``, standard normal draws; their mean over the members is taken out.
    """
    m = s.shape[1]
    noise = noise - noise.mean(axis=1, keepdims=True)
    p = _gain_factor(s)
    return assemble(jnp.eye(m) - p @ (s + noise), p @ d)


def half_gain_transform(s: Array, d: Array) -> Array:
    """Deterministic EnKF (Sakov and Oke 2008, eq. 15): anomalies move with half the gain, ``W = I - P s' s / 2``."""
    p = _gain_factor(s)
    return assemble(jnp.eye(s.shape[1]) - 0.5 * p @ s, p @ d)


def _gain_factor(s: Array) -> Array:
    """``P s' [member, observation]``, from the smaller of the two systems of equations."""
    # An explicit inverse: batches of triangular solves are slow on CPUs, and the matrix is well conditioned.
    n, m = s.shape
    if n < m:
        return (jnp.linalg.inv(s @ s.T + (m - 1) * jnp.eye(n)) @ s).T
    return jnp.linalg.inv(s.T @ s + (m - 1) * jnp.eye(m)) @ s.T


def serial_transform(s: Array, d: Array, order: Array) -> Array:
    """Serial square root (Whitaker and Hamill 2002, eq. 10 and 13; Potter), one observation after the other in ``order``.

    Without localisation this is the ensemble of the two-step EAKF (Anderson 2003).
    """
    return _serial(s, d, order, None)


def serial_perturbed_transform(s: Array, d: Array, order: Array, noise: Array) -> Array:
    """Perturbed observations one after the other; noise as in `perturbed_transform`."""
    return _serial(s, d, order, noise - noise.mean(axis=1, keepdims=True))


def _serial(s: Array, d: Array, order: Array, noise: Array | None) -> Array:
    n, m = s.shape

    def one(j: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        rows, means = carry  # anomalies of all observations above the transform; innovations above minus w
        i = order[j]
        y = rows[i]
        total = y @ y + (m - 1)
        moved = rows @ y
        means = means - means[i] * moved / total
        if noise is None:
            turn = -y / (total + jnp.sqrt((m - 1) * total))
        else:
            turn = (noise[i] - y) / total
        return rows + moved[:, None] * turn, means

    rows, means = lax.fori_loop(
        0, n, one, (jnp.concatenate([s, jnp.eye(m)]), jnp.concatenate([d, jnp.zeros(m)]))
    )
    return assemble(rows[n:], -means[n:])


def second_order_exact_transform(s: Array, d: Array, order: Array, unused: Array, sign: Array) -> Array:
    """Serial perturbations that are exact to second order (ESOPS; Hoteit et al. 2015).

    unused ``[member]``: unit vector, orthogonal to one, along which the anomalies of the state vary least; that direction is
    given up, so that perturbations along it are uncorrelated with the ensemble. sign ``[observation]`` is 1 or -1.
    """
    n, m = s.shape
    root = jnp.sqrt(m - 1.0)
    project = jnp.eye(m) - jnp.outer(unused, unused)

    def one(j: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        rows, means, v = carry
        i = order[j]
        y = rows[i]
        total = y @ y + (m - 1)
        moved = rows @ y
        means = means - means[i] * moved / total
        rows = rows + moved[:, None] * ((sign[i] * root * v - y) / total)
        # The direction that is now without spread: a combination of the old one and the new anomalies of this observation.
        v = v - sign[i] / root * rows[i]
        return rows, means, v / jnp.linalg.norm(v)

    start = (jnp.concatenate([s @ project, project]), jnp.concatenate([d, jnp.zeros(m)]), unused)
    rows, means, _ = lax.fori_loop(0, n, one, start)
    return assemble(rows[n:], -means[n:])


def random_rotation(key: Array, members: int) -> Array:
    """Random orthogonal matrix ``[member, member]`` that keeps the mean (Sakov and Oke 2008b): ``x @ rotation``.

    Uniform on the orthogonal matrices that leave the vector of ones where it is; rows and columns sum to one.
    """
    m = members
    q, r = jnp.linalg.qr(jax.random.normal(key, (m - 1, m - 1)))
    q = q * jnp.sign(jnp.diagonal(r))
    # Householder vector of the reflection that takes the first unit vector to 1/sqrt(m).
    u = jnp.zeros(m).at[0].set(1.0) - 1.0 / jnp.sqrt(1.0 * m)
    inner = jnp.zeros((m, m)).at[0, 0].set(1.0).at[1:, 1:].set(q)
    scale = 2.0 / (u @ u)
    inner = inner - scale * jnp.outer(u, u @ inner)
    return inner - scale * jnp.outer(inner @ u, u)
